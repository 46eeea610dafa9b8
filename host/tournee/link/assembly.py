"""Messages from frames: put together over MORE, never out of frames of which one was lost (SPEC §2)."""

from __future__ import annotations

from tournee.link.channel import Channel
from tournee.link.frames import Frame
from tournee_protocol.link import Flag


class Assembler:
    """One direction of one connection; `limit` is the longest message in bytes."""

    def __init__(self, channel: Channel, limit: int) -> None:
        self._channel = channel
        self._limit = limit
        self._parts = bytearray()
        self._inside = False
        self._next_seq: int | None = None  # None: nothing received yet
        self._skipping = False

    def take(self, frame: Frame) -> bytes | None:
        """The message that `frame` completes."""
        payload = self._channel.open(frame.payload, frame.flags)
        if payload is None:
            return None
        in_order = self._next_seq in (None, frame.seq) or (frame.seq == 0 and not self._inside)
        self._next_seq = (frame.seq + 1) & 0xFFFF
        if not in_order or len(self._parts) + len(payload) > self._limit:
            self._skipping = True  # what follows may be the tail of a message
        if not self._skipping:
            self._parts += payload
        self._inside = bool(frame.flags & Flag.MORE)
        if self._inside:
            return None
        message = None if self._skipping else bytes(self._parts)
        self._parts.clear()
        self._skipping = False
        return message
