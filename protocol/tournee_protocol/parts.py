"""What a script has answered ahead of its response, on the host's side (SPEC §4): kept in order, put before the rest."""

from __future__ import annotations

from tournee_protocol.link import MAX_RESPONSE

_PART_HEAD = 6
_REPLY_HEAD = 2


class Parts:
    """The parts of one request at a time; `begin(number)` forgets those of the one before."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, number: int) -> None:
        self._number = number
        self._ahead = bytearray()

    def take(self, body: bytes) -> None:
        """Body of an event PART; one of another request, behind a gap or too long is left out."""
        number, at = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:_PART_HEAD], "big")
        if number == self._number and at == len(self._ahead) and at + len(body) - _PART_HEAD <= MAX_RESPONSE:
            self._ahead += body[_PART_HEAD:]

    def whole(self, body: bytes) -> bytes | None:
        """All answers, from the response's `ScriptReply` (empty: none); None when a part is missing, so that it must be asked again."""
        at = int.from_bytes(body[:_REPLY_HEAD], "big")
        return bytes(self._ahead[:at]) + body[_REPLY_HEAD:] if at <= len(self._ahead) else None
