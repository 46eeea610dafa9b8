"""T=1 on the card's side as a sans-IO machine: blocks in, blocks out (ISO 7816-3 §11; facts cards-and-readers §3.6).

Written apart from the firmware's reader side, so that the two judge each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from tournee_sim.cards.core import Response
from tournee_sim.faults import CardFault, CardFaults

RESYNCH: Final = 0xC0
IFS: Final = 0xC1
ABORT: Final = 0xC2
WTX: Final = 0xC3
RESPONSE: Final = 0x20
MORE: Final = 0x20
EDC_ERROR: Final = 1
OTHER_ERROR: Final = 2
COMMAND_LIMIT: Final = 65_544
"""An extended command with the most data; a longer chain is aborted by the card."""


@dataclass(frozen=True)
class BlockParameters:
    """What an ATR says about T=1: protocols in the order offered, specific mode, IFSC, CWI, BWI, error detection code."""

    protocols: tuple[int, ...] = (0,)
    ifsc: int = 32
    cwi: int = 13
    bwi: int = 4
    crc: bool = False

    @classmethod
    def of(cls, atr: bytes) -> BlockParameters:
        """From the interface bytes; T=0 when the ATR names no protocol."""
        protocols: list[int] = []
        values = {"ifsc": 32, "b": 0x4D, "c": 0}
        seen: set[str] = set()
        y, at, level, protocol = (atr[1] >> 4, 2, 1, 0) if atr else (0, 0, 1, 0)
        while y:
            following = 0
            for bit, name in enumerate(("ifsc", "b", "c", "d")):
                if not y >> bit & 1:
                    continue
                value, at = atr[at], at + 1
                if name == "d":
                    following, new = value >> 4, value & 15
                    if new != 15 and new not in protocols:
                        protocols.append(new)
                elif level > 2 and protocol == 1 and name not in seen:
                    values[name] = value
                    seen.add(name)
            if y & 8:
                protocol = new
            y, level = following, level + 1
        return cls(tuple(protocols) or (0,), values["ifsc"], values["b"] & 15, values["b"] >> 4, bool(values["c"] & 1))


@dataclass(frozen=True)
class Block:
    """A block as the card sends it, after `wait_ms` of its own time."""

    data: bytes
    wait_ms: float


def lrc(data: bytes) -> bytes:
    return bytes([reduce(xor, data, 0)])


def crc(data: bytes) -> bytes:
    """Polynomial 8408 reflected, start FFFF, not inverted, high byte first, as libccid and the readers tried with it [OsEID T1_CRC.txt]."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register.to_bytes(2, "big")


class BlockCard:
    """The card's end of a T=1 line: `take(byte)` gives the blocks it sends; `execute` runs one whole APDU."""

    def __init__(self, parameters: BlockParameters, faults: CardFaults, execute: Callable[[bytes], Response]) -> None:
        self.parameters = parameters
        self.faults = faults
        self._execute = execute
        self._edc = crc if parameters.crc else lrc
        self._edc_size = 2 if parameters.crc else 1
        self.reset()

    def reset(self) -> None:
        """As after an answer to reset."""
        self.ifsd = 32
        self._received = bytearray()
        self._command = bytearray()
        self._ns = self._nr = 0
        self._answer: bytes | None = None
        self._at = self._size = 0
        self._last = b""
        self._waiting: Response | None = None

    def broke_off(self) -> None:
        """CWT passed in the middle of a block."""
        self._received.clear()

    def take(self, byte: int, *, block_guard_ms: float, bwt_ms: float) -> Iterator[Block]:
        """One character of the reader."""
        self._received.append(byte)
        if len(self._received) < 3 or len(self._received) < 3 + self._received[2] + self._edc_size:
            return
        block = bytes(self._received)
        self._received.clear()
        if self.faults.strike(CardFault.SILENT):
            return
        wait_ms, answer = self._on_block(block, bwt_ms)
        if answer is None or self.faults.strike(CardFault.LOST_BLOCK):
            return
        if self.faults.strike(CardFault.BAD_EDC):
            answer = answer[:-1] + bytes([answer[-1] ^ 0x01])
        if self.faults.strike(CardFault.OVERRUN):
            wait_ms += 2 * bwt_ms
        yield Block(answer, block_guard_ms + wait_ms)

    def _on_block(self, block: bytes, bwt_ms: float) -> tuple[float, bytes | None]:
        """The card's own time and its next block."""
        body, edc = block[: -self._edc_size], block[-self._edc_size :]
        pcb, inf = body[1], body[3:]
        if self._edc(body) != edc:
            return 0.0, self._ask(EDC_ERROR)
        if body[0] or len(inf) > self.parameters.ifsc:
            return 0.0, self._ask(OTHER_ERROR)
        if not pcb & 0x80:
            return self._on_i(pcb, inf, bwt_ms)
        if not pcb & 0x40:
            return 0.0, self._on_r(pcb)
        return self._on_s(pcb, inf, bwt_ms)

    def _on_i(self, pcb: int, inf: bytes, bwt_ms: float) -> tuple[float, bytes | None]:
        if pcb & 0x1F or pcb >> 6 & 1 != self._nr or self._waiting or (self._answer is not None and self._left):
            return 0.0, self._ask(OTHER_ERROR)
        self._arrived()
        self._nr ^= 1
        self._command += inf
        if self.faults.strike(CardFault.CARD_ABORT) or len(self._command) > COMMAND_LIMIT:
            self._command.clear()
            return 0.0, self._keep(self._block(ABORT))
        if pcb & MORE:
            return 0.0, self._keep(self._block(0x80 | self._nr << 4))
        command = bytes(self._command)
        self._command.clear()
        if self.faults.strike(CardFault.SW_6F00):
            response = Response(0x6F00)
        else:
            response = self._execute(command)
        return self._ready(response, bwt_ms)

    def _ready(self, response: Response, bwt_ms: float) -> tuple[float, bytes]:
        """The answer, or a request for more time when it takes longer than the reader waits."""
        slow = response.cost_ms > 0.8 * bwt_ms
        if slow or self.faults.strike(CardFault.WTX):
            self._waiting = response
            return min(response.cost_ms, 0.5 * bwt_ms), self._keep(
                self._block(WTX, bytes([min(255, int(response.cost_ms / bwt_ms) + 1)]))
            )
        self._waiting = None
        self._answer = response.data + response.sw.to_bytes(2, "big")
        self._at = 0
        return response.cost_ms, self._piece()

    @property
    def _left(self) -> int:
        """Bytes of the answer behind the piece on its way."""
        return len(self._answer or b"") - self._at - self._size

    def _piece(self) -> bytes:
        assert self._answer is not None
        self._size = min(self.ifsd, len(self._answer) - self._at)
        more = MORE if self._left else 0
        return self._keep(self._block(self._ns << 6 | more, self._answer[self._at : self._at + self._size]))

    def _arrived(self) -> None:
        """The reader has our last I-block."""
        if self._answer is not None:
            self._answer = None
            self._ns ^= 1

    def _on_r(self, pcb: int) -> bytes | None:
        number = pcb >> 4 & 1
        if self._answer is None or self._last[1] & 0x80:
            return self._last or self._ask(OTHER_ERROR)
        if number == self._ns:
            return self._piece()
        if not self._left:
            return self._ask(OTHER_ERROR)
        self._ns ^= 1
        self._at += self._size
        return self._piece()

    def _on_s(self, pcb: int, inf: bytes, bwt_ms: float) -> tuple[float, bytes | None]:
        if pcb == RESYNCH and not inf:
            self.reset()
            return 0.0, self._keep(self._block(RESYNCH | RESPONSE))
        if pcb == IFS and len(inf) == 1 and 0 < inf[0] < 255:
            self.ifsd = inf[0]
            return 0.0, self._keep(self._block(IFS | RESPONSE, inf))
        if pcb == ABORT and not inf:
            self._arrived()
            self._command.clear()
            return 0.0, self._block(ABORT | RESPONSE)
        if pcb == ABORT | RESPONSE and not inf:
            return 0.0, self._keep(self._block(0x80 | self._nr << 4))
        if pcb == WTX | RESPONSE and self._waiting:
            response, self._waiting = self._waiting, None
            asked = inf[0] if inf else 1
            left = Response(response.sw, response.data, min(response.cost_ms, 0.7 * asked * bwt_ms))
            return self._ready(left, asked * bwt_ms)
        return 0.0, self._ask(OTHER_ERROR)

    def _ask(self, error: int) -> bytes:
        """For the reader's block again."""
        return self._block(0x80 | self._nr << 4 | error)

    def _keep(self, block: bytes) -> bytes:
        self._last = block
        return block

    def _block(self, pcb: int, inf: bytes = b"") -> bytes:
        body = bytes([0, pcb, len(inf)]) + inf
        return body + self._edc(body)
