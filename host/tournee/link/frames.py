"""Frames on a byte stream: written, and found again after any garbage (`tournee_protocol.link.Frame`, pinned by vectors.json)."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tournee_protocol.link import CRC_BYTES, HEADER_BYTES, MAX_PAYLOAD, SYNC, VERSION, Flag

_HEADER: Final = struct.Struct(">2sBBHH")
_CRC: Final = struct.Struct(">I")
_KNOWN_FLAGS: Final = int(Flag.MORE | Flag.SEALED)


@dataclass(frozen=True)
class Frame:
    flags: Flag
    seq: int
    payload: bytes


def encode_frame(payload: bytes, *, flags: int = 0, seq: int = 0) -> bytes:
    """One frame; `payload` at most MAX_PAYLOAD bytes, `seq` modulo 65536."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame carries at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    head = _HEADER.pack(SYNC, VERSION, flags, seq & 0xFFFF, len(payload))
    body = head[len(SYNC) :] + payload
    return SYNC + body + _CRC.pack(binascii.crc32(body))


class FrameDecoder:
    """Incremental; keeps at most one frame's bytes. `garbage_bytes` counts what was thrown away."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbage_bytes = 0

    @property
    def partial(self) -> bool:
        """Bytes of a frame that has begun are held."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames completed by `data`, in order. The iterator must be used up."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def idle(self) -> Iterator[Frame]:
        """The line was silent for IDLE_MS: the frame begun is given up and the rest searched again."""
        while self._buffer:
            self._drop(1)
            yield from self.feed(b"")

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self.garbage_bytes += count

    def _next(self) -> Frame | None:
        buffer = self._buffer
        while True:
            start = buffer.find(SYNC)
            if start < 0:
                self._drop(len(buffer) - (1 if buffer[-1:] == SYNC[:1] else 0))
                return None
            if start:
                self._drop(start)
            if len(buffer) < HEADER_BYTES:
                return None
            _, version, flags, seq, length = _HEADER.unpack_from(buffer)
            if version != VERSION or flags & ~_KNOWN_FLAGS or length > MAX_PAYLOAD:
                self._drop(1)
                continue
            end = HEADER_BYTES + length
            if len(buffer) < end + CRC_BYTES:
                return None
            (crc,) = _CRC.unpack_from(buffer, end)
            if binascii.crc32(memoryview(buffer)[len(SYNC) : end]) != crc:
                self._drop(1)
                continue
            payload = bytes(buffer[HEADER_BYTES:end])
            del buffer[: end + CRC_BYTES]
            return Frame(Flag(flags), seq, payload)
