"""Between frame and message: the channel that protects a payload. Today the null channel; `terminal info` says `channel: none`."""

from __future__ import annotations

from typing import Protocol

from tournee_protocol.link import Flag


class Channel(Protocol):
    """One connection's protection; made anew when the link is opened again."""

    name: str

    def seal(self, payload: bytes) -> tuple[bytes, Flag]:
        """What a frame carries for `payload`, and the flag that says so."""
        ...

    def open(self, payload: bytes, flags: Flag) -> bytes | None:
        """The payload, or None when it does not belong to this channel (the frame is then ignored)."""
        ...


class NullChannel:
    """No protection at all: neither confidentiality nor authenticity."""

    name = "none"

    def seal(self, payload: bytes) -> tuple[bytes, Flag]:
        return payload, Flag(0)

    def open(self, payload: bytes, flags: Flag) -> bytes | None:
        return None if flags & Flag.SEALED else payload
