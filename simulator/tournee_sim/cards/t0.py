"""Byte level of a card as a sans-IO machine: ATR, PPS, T=0 headers and procedure bytes (ISO 7816-3 §8–§10); T=1 is in `t1`.

It is told what the contacts do and what the reader sends, and answers with `Emission`s: bytes and the ms before them. Times come
from the card's own F/D and the clock; a reader whose UART runs at another F/D is heard and hears garbage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tournee_sim.cards.core import Response
from tournee_sim.cards.t1 import BlockCard, BlockParameters
from tournee_sim.cards.tpdu import TpduCard, WantsData
from tournee_sim.faults import CardFault, CardFaults

F_TABLE: Final = (372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0)
D_TABLE: Final = (0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0)
CHARACTER_ETU: Final = 12
_REVERSED: Final = bytes(int(f"{n:08b}"[::-1], 2) ^ 0xFF for n in range(256))


class State(Enum):
    OFF = "off"
    RESET = "reset"
    FIRST = "first"  # after the ATR: a PPS or the first header
    HEADER = "header"
    DATA = "data"
    DEAD = "dead"  # no more answers until a reset


@dataclass(frozen=True)
class Emission:
    """`data` on the I/O line after `wait_ms` of the card's own time; `wire_ms` is how long the bytes take."""

    data: bytes
    wait_ms: float
    wire_ms: float


@dataclass(frozen=True)
class Timing:
    """What the ATR says: TA1 (Fi, Di), guard N, WI, convention, whether the clock may stop."""

    f: int
    d: int
    guard: int
    wi: int
    inverse: bool
    clock_stop: bool = False

    @classmethod
    def of(cls, atr: bytes) -> Timing:
        """From the interface bytes of a T=0 ATR, defaults 372/1, N 0, WI 10."""
        if not atr:
            return cls(372, 1, 0, 10, False)
        f, d, guard, wi, clock_stop, protocol = 372, 1, 0, 10, False, 0
        y, at, level = atr[1] >> 4, 2, 1
        while y:
            for bit in range(4):
                if not y >> bit & 1:
                    continue
                value = atr[at]
                at += 1
                if (level, bit) == (1, 0):
                    f, d = F_TABLE[value >> 4], D_TABLE[value & 0x0F]
                elif (level, bit) == (1, 2):
                    guard = 0 if value == 255 else value
                elif (level, bit) == (2, 2):
                    wi = value
                elif bit == 0 and protocol == 15:
                    clock_stop = value > 0x3F
                elif bit == 3:
                    following, protocol = value >> 4, value & 15
            y = following if y & 8 else 0
            level += 1
        return cls(f, d, guard, wi, atr[0] == 0x3F, clock_stop)


class ByteCard:
    """One card on its contacts. Methods give what it emits; nothing is kept waiting inside."""

    def __init__(self, tpdu: TpduCard, faults: CardFaults | None = None) -> None:
        self.tpdu = tpdu
        self.faults = faults or CardFaults()
        for fault in tpdu.card.born_with:
            self.faults.arm(fault)
        self.timing = Timing.of(tpdu.card.atr)
        self.parameters = BlockParameters.of(tpdu.card.atr)
        self.blocks = BlockCard(self.parameters, self.faults, tpdu.whole)
        self.protocol = self.parameters.protocols[0]
        self.state = State.OFF
        self.clock_khz = 4000
        self._fd = (372, 1)
        self._board_fd = (372, 1)
        self._received = bytearray()
        self._wanted = 0
        self._powered = False
        self._stopped = False
        self._header = b""

    # Contacts

    def vcc(self, volt_class: int) -> None:
        """0 off; the classes are not told apart."""
        self._powered = volt_class != 0
        self._stopped = False
        self.state = State.RESET if self._powered else State.OFF
        self._received.clear()

    def clk(self, khz: int) -> None:
        """0 stops it: a card that does not allow that is lost until its next reset."""
        if not khz and self.state in (State.FIRST, State.HEADER, State.DATA):
            self._stopped = True
            if not self.timing.clock_stop:
                self.state = State.DEAD
            return
        self._stopped = False
        self.clock_khz = khz

    def etu(self, f: int, d: int) -> None:
        """The reader's UART now runs at f/d."""
        self._board_fd = (f, d)

    def rst(self, level: int) -> list[Emission]:
        """Low: held in reset; high: the ATR."""
        if not self._powered:
            return []
        self._received.clear()
        self._fd = (372, 1)
        if level == 0:
            self.state = State.RESET
            return []
        if self.state is not State.RESET:
            return []
        self.tpdu.reset()
        self.blocks.reset()
        self.protocol = self.parameters.protocols[0]
        atr = self._atr()
        if not atr or not self.clock_khz:
            self.state = State.DEAD
            return []
        self.state = State.FIRST
        return [self._emit(atr, 2.0)]

    # The I/O line

    def silence(self, ms: float) -> None:
        """The reader said nothing for so long: a block that broke off is no more waited for [ISO 7816-3 §11.4.3]."""
        if ms > (11 + (1 << self.parameters.cwi)) * self.etu_ms:
            self.blocks.broke_off()

    def receive(self, data: bytes) -> Iterator[Emission]:
        """Bytes of the reader, as its UART sends them."""
        for byte in data:
            if self.state not in (State.FIRST, State.HEADER, State.DATA):
                continue
            if self._board_fd != self._fd or self._stopped:  # another bit rate, or no clock: nothing can be understood
                self.state = State.DEAD
                continue
            self._received.append(_REVERSED[byte] if self.timing.inverse else byte)
            if self.state is State.DATA:
                yield from self._on_data()
            elif self.state is State.FIRST and self._received[0] == 0xFF:
                yield from self._on_pps()
            elif self.protocol == 1:
                self.state = State.HEADER
                for decoded in bytes(self._received):
                    yield from self._on_block_character(decoded)
                self._received.clear()
            elif len(self._received) == 5:
                self._header = bytes(self._received)
                self._received.clear()
                self.state = State.HEADER
                yield from self._on_header()

    @property
    def f_d(self) -> tuple[int, int]:
        """F and D in use."""
        return self._fd

    @property
    def etu_ms(self) -> float:
        return self._fd[0] / self._fd[1] / max(self.clock_khz, 1)

    @property
    def waiting_time_ms(self) -> float:
        """WT = WI · 960 · Fi / f [ISO 7816-3 §10.2]."""
        return self.timing.wi * 960 * self.timing.f / max(self.clock_khz, 1)

    @property
    def block_waiting_time_ms(self) -> float:
        """BWT = 11 etu + 2^BWI · 960 · 372 / f [ISO 7816-3 §11.4.3]."""
        return 11 * self.etu_ms + (960 * 372 << self.parameters.bwi) / max(self.clock_khz, 1)

    def _atr(self) -> bytes:
        if self.faults.strike(CardFault.MUTE):
            return b""
        atr = self.tpdu.card.atr
        if atr and self.faults.strike(CardFault.GARBAGE_ATR):
            return b"\x55" + atr[1:]
        if atr and self.faults.strike(CardFault.BAD_TCK):
            return bytes.fromhex("3B80 8001 55")
        return atr

    def _on_pps(self) -> Iterator[Emission]:
        """`FF PPS0 [PPS1 PPS2 PPS3] PCK`; what the ATR offers is taken, else answered without PPS1; a bad PCK gets silence."""
        pps = self._received
        if len(pps) < 2 or len(pps) < 3 + (pps[1] >> 4 & 7).bit_count():
            return
        request = bytes(pps)
        pps.clear()
        check = 0
        for byte in request:
            check ^= byte
        protocol = request[1] & 0x0F
        if (
            check
            or request[1] & 0x80
            or protocol not in self.parameters.protocols
            or self.faults.strike(CardFault.PPS_MUTE)
        ):
            self.state = State.DEAD
            return
        self.state = State.HEADER
        self.protocol = protocol
        wanted = request[2] if request[1] & 0x10 else 0x11
        f_d = (F_TABLE[wanted >> 4], D_TABLE[wanted & 15])
        if self.faults.strike(CardFault.PPS_GARBAGE):
            yield self._emit(b"\xff\x10\x95\x7b", 1.0)
        elif self.faults.strike(CardFault.PPS_REFUSED) or f_d not in ((self.timing.f, self.timing.d), (372, 1)):
            yield self._emit(bytes([0xFF, protocol, 0xFF ^ protocol]), 1.0)
        else:
            yield self._emit(request, 1.0)
            self._fd = f_d

    def _on_block_character(self, byte: int) -> Iterator[Emission]:
        guard = 22 * self.etu_ms
        for block in self.blocks.take(byte, block_guard_ms=guard, bwt_ms=self.block_waiting_time_ms):
            yield self._emit(block.data, block.wait_ms)

    def _on_header(self) -> Iterator[Emission]:
        if self.faults.strike(CardFault.SILENT):
            return
        if self.faults.strike(CardFault.SW_6F00):
            yield self._emit(b"\x6f\x00", 1.0)
            return
        if self.faults.strike(CardFault.BAD_PROCEDURE):
            yield self._emit(b"\x05", 1.0)
            self.state = State.DEAD
            return
        outcome = self.tpdu.header(self._header)
        if isinstance(outcome, WantsData):
            self._wanted = outcome.size
            self.state = State.DATA
            yield self._emit(self._acknowledge(outcome.size), 1.0)
            return
        yield from self._answer(outcome)

    def _on_data(self) -> Iterator[Emission]:
        if len(self._received) < self._wanted:
            if self.faults.get(CardFault.SINGLE_ACK):
                yield self._emit(self._acknowledge(self._wanted - len(self._received)), 0.2)
            return
        data = bytes(self._received)
        self._received.clear()
        self.state = State.HEADER
        yield from self._answer(self.tpdu.data(data))

    def _acknowledge(self, left: int) -> bytes:
        ins = self._header[1]
        return bytes([ins ^ 0xFF if self.faults.get(CardFault.SINGLE_ACK) and left > 1 else ins])

    def _answer(self, answer: Response) -> Iterator[Emission]:
        """Procedure bytes, data and SW, with NULLs during long work."""
        wait = answer.cost_ms
        if storm := self.faults.get(CardFault.NULL_STORM):
            turn = 0
            while not storm.count or turn < storm.count:
                yield self._emit(b"\x60", 0.9 * self.waiting_time_ms)
                turn += 1
        every = float(self.tpdu.card.profile.quirk("null_every_ms") or 0)
        while every and wait > every:
            yield self._emit(b"\x60", every)
            wait -= every
        if self.faults.strike(CardFault.OVERRUN):
            wait += 2 * self.waiting_time_ms
        sw = answer.sw.to_bytes(2, "big")
        ins = self._header[1]
        if not answer.data:
            yield self._emit(sw, wait)
        elif self.faults.get(CardFault.SINGLE_ACK):
            for n, byte in enumerate(answer.data):
                yield self._emit(bytes([ins ^ 0xFF, byte]), wait if n == 0 else 0.2)
            yield self._emit(sw, 0.2)
        else:
            yield self._emit(bytes([ins]) + answer.data + sw, wait)

    def _emit(self, data: bytes, wait_ms: float) -> Emission:
        wire_ms = len(data) * CHARACTER_ETU * self.etu_ms  # N is for the reader's characters alone
        sent = data
        if self._board_fd != self._fd:
            sent = bytes(b ^ 0xA5 for b in data)
        elif self.timing.inverse:
            sent = data.translate(_REVERSED)
        return Emission(sent, wait_ms, wire_ms)
