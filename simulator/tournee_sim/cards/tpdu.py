"""T=0 semantics over the APDU level: direction of the data, 61xx and GET RESPONSE, 6Cxx (ISO 7816-3 §10, 7816-4 §5.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tournee_sim.cards.core import Card, Command, Response


@dataclass(frozen=True)
class WantsData:
    """The card acknowledges the header and takes `size` bytes."""

    size: int


Observer = Callable[[bytes, bytes, Response], None]
"""Told of every exchange: header (5 bytes), data sent to the card, answer."""


def parse_apdu(apdu: bytes) -> Command | None:
    """Cases 1-4, short and extended [ISO 7816-3 §12.1.3]; None when the lengths do not fit."""
    if len(apdu) < 4:
        return None
    head, body = apdu[:4], apdu[4:]
    cla, ins, p1, p2 = head
    if not body:
        return Command(cla, ins, p1, p2)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, le=body[0] or 256)
    size, lc, biggest = (1, body[0], 256) if body[0] else (3, int.from_bytes(body[1:3], "big"), 65536)
    if size == 3 and len(body) == 3:
        return Command(cla, ins, p1, p2, le=lc or biggest)
    data, le = body[size : size + lc], body[size + lc :]
    le_size = 2 if size == 3 else 1
    if not lc or len(data) != lc or len(le) not in (0, le_size):
        return None
    return Command(cla, ins, p1, p2, data, (int.from_bytes(le, "big") or biggest) if le else None)


class TpduCard:
    """One card: on T=0 `header` then, if it wants data, `data`; on T=1 `whole`. Also `apdu` for a caller with short APDUs."""

    def __init__(self, card: Card, observer: Observer | None = None) -> None:
        self.card = card
        self.observer = observer
        self._pending = b""
        self._header = bytes(5)

    def reset(self) -> None:
        self._pending = b""
        self.card.reset()

    def header(self, header: bytes) -> WantsData | Response:
        """CLA INS P1 P2 P3; an answer's data is never longer or shorter than P3 (00 = 256)."""
        self._header = header
        outcome = self._outcome(*header)
        if self.observer and isinstance(outcome, Response):
            self.observer(header, b"", outcome)
        return outcome

    def _outcome(self, cla: int, ins: int, p1: int, p2: int, p3: int) -> WantsData | Response:
        if ins == self.card.get_response:
            return self._get_response(p3)
        self._pending = b""
        if p3 and self.card.takes_data(cla, ins, p1, p2):
            return WantsData(p3)
        if self.card.takes_data(cla, ins, p1, p2):
            return self._keep(self.card.execute(Command(cla, ins, p1, p2)))
        le = p3 or 256
        answer = self.card.execute(Command(cla, ins, p1, p2, le=le))
        if answer.sw == 0x9000 and answer.data and len(answer.data) != le:
            return Response(self.card.announces(cla)[1] << 8 | len(answer.data) & 0xFF, cost_ms=answer.cost_ms)
        return answer

    def data(self, data: bytes) -> Response:
        """The bytes announced by the last header."""
        cla, ins, p1, p2, _ = self._header
        answer = self._keep(self.card.execute(Command(cla, ins, p1, p2, data)))
        if self.observer:
            self.observer(self._header, data, answer)
        return answer

    def apdu(self, apdu: bytes) -> bytes:
        """One short APDU as a TPDU: answer data and SW; 61xx and 6Cxx are the caller's to follow."""
        if len(apdu) < 4:
            return b"\x67\x00"
        header = apdu[:5].ljust(5, b"\0")
        if len(apdu) > 5 and len(apdu) - 5 not in (header[4], header[4] + 1):
            return b"\x67\x00"
        answer = self.header(header)
        if isinstance(answer, WantsData):
            answer = self.data(apdu[5 : 5 + answer.size]) if len(apdu) > 5 else Response(0x6700)
        return answer.data + answer.sw.to_bytes(2, "big")

    def whole(self, apdu: bytes) -> Response:
        """One APDU of any length, as T=1 carries it; never more data than Le."""
        command = parse_apdu(apdu)
        if command is None:
            answer = Response(0x6700)
        else:
            answer = self.card.execute(command)
            answer = Response(answer.sw, answer.data[: command.le or 0], answer.cost_ms)
        if self.observer:
            self.observer(apdu[:5], apdu[5:], answer)
        return answer

    def _keep(self, answer: Response) -> Response:
        """Data of a command that itself carried data (case 4) waits for GET RESPONSE."""
        if not answer.data or answer.sw != 0x9000:
            return Response(answer.sw, cost_ms=answer.cost_ms)
        self._pending = answer.data
        size = len(answer.data) & 0xFF if len(answer.data) <= 256 else 0
        return Response(self.card.announces(self._header[0])[0] << 8 | size, cost_ms=answer.cost_ms)

    def _get_response(self, p3: int) -> Response:
        if not self._pending:
            return Response(0x6985)
        le = p3 or 256
        waits, wrong = self.card.announces(self._header[0])
        cost = self.card.profile.cost_ms("get_response")
        if le > len(self._pending):
            return Response(wrong << 8 | len(self._pending) & 0xFF, cost_ms=cost)
        data, self._pending = self._pending[:le], self._pending[le:]
        left = len(self._pending)
        return Response(waits << 8 | min(left, 0x100) & 0xFF if left else 0x9000, data, cost)
