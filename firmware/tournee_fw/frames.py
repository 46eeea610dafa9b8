"""Frames on a byte stream: found again after any garbage, gathered into requests, and written; fixed buffers only."""

import binascii
from struct import pack_into, unpack_from

from micropython import const

from . import _link
from .clock import NEVER, left, wrap

_FRAME = const(524)  # HEADER_BYTES + MAX_PAYLOAD + CRC_BYTES
_SYNC0 = const(0xA5)
_SYNC1 = const(0x5A)
_KNOWN_FLAGS = const(0x81)


class Receiver:
    """Bytes in, whole request messages out.

    `room()` is where the next bytes go; `got(n)` says how many came; then `next()` until it returns 0: the length of a whole
    message in `message`, valid until the next call.
    """

    def __init__(self):
        self._buf = bytearray(_FRAME)
        self._view = memoryview(self._buf)
        self._message = bytearray(_link.MAX_REQUEST)
        self.message = memoryview(self._message)
        self.garbage = 0
        """Bytes thrown away since boot, modulo 2**16."""
        self.restart()

    def restart(self) -> None:
        """A new connection: nothing of the old one counts."""
        self._n = 0
        self._parts = 0
        self._seq = -1
        self._skip = self._inside = False
        self._deadline = 0

    def room(self):
        """Memoryview for the next bytes; never empty after `next()` has returned 0."""
        return self._view[self._n :]

    def got(self, n: int, now: int) -> None:
        self._n += n
        self._deadline = wrap(now + _link.IDLE_MS)

    def tick(self, now: int) -> bool:
        """True when a frame begun and silent for IDLE_MS was given up: call `next()` until 0, then `tick` again."""
        if not self._n or left(now, self._deadline):
            return False
        self._drop(1)
        return True

    def due_ms(self, now: int) -> int:
        return left(now, self._deadline) if self._n else NEVER

    def next(self) -> int:
        """Length of the next whole message, 0 when there is none yet."""
        while True:
            length = self._frame()
            if length < 0:
                return 0
            n = self._gather(length)
            end = _link.HEADER_BYTES + length + _link.CRC_BYTES
            self._shift(end)
            if n:
                return n

    def _frame(self):
        """Payload length of a good frame at the buffer's start, -1 when there is none."""
        buf = self._buf
        while True:
            self._sync()
            if self._n < _link.HEADER_BYTES:
                return -1
            version, flags, _, length, _ = _link.read_frame_body_head(buf, 2, self._n)
            if version != _link.VERSION or flags & ~_KNOWN_FLAGS or length > _link.MAX_PAYLOAD:
                self._drop(1)
                continue
            end = _link.HEADER_BYTES + length
            if self._n < end + _link.CRC_BYTES:
                return -1
            (crc,) = unpack_from(">L", buf, end)
            if binascii.crc32(self._view[2:end]) != crc:
                self._drop(1)
                continue
            return length

    def _gather(self, length):
        """Adds the frame to the message; the message's length when it is whole, else 0."""
        _, flags, seq, _, _ = _link.read_frame_body_head(self._buf, 2, self._n)
        if flags & _link.FLAG_SEALED:
            return 0
        follows = self._seq in (-1, seq) or (seq == 0 and not self._inside)
        self._seq = (seq + 1) & 0xFFFF
        if not follows or self._parts + length > _link.MAX_REQUEST:
            self._skip = True
            self._parts = 0
        if not self._skip:
            at = self._parts
            self.message[at : at + length] = self._view[_link.HEADER_BYTES : _link.HEADER_BYTES + length]
            self._parts += length
        self._inside = bool(flags & _link.FLAG_MORE)
        if self._inside:
            return 0
        n = 0 if self._skip else self._parts
        self._skip = False
        self._parts = 0
        return n

    def _sync(self):
        """Drop what comes before the next sync (or its first byte at the end)."""
        n = self._n
        at = self._buf.find(_link.SYNC, 0, n)
        if at < 0:
            at = n - 1 if n and self._buf[n - 1] == _SYNC0 else n
        if at:
            self._drop(at)

    def _drop(self, k):
        self.garbage = (self.garbage + k) & 0xFFFF
        self._shift(k)

    def _shift(self, k):
        rest = self._n - k
        if rest > 0:
            self._view[:rest] = self._view[k : self._n]
        self._n = rest if rest > 0 else 0


class Sender:
    """One message at a time, cut into frames and pushed into a transport as it accepts them."""

    def __init__(self):
        self._frame = bytearray(_FRAME)
        self._view = memoryview(self._frame)
        self._frame[0], self._frame[1] = _SYNC0, _SYNC1
        self.restart()

    def restart(self) -> None:
        """A new connection: what was half sent is forgotten, seq begins at 0."""
        self._at = self._end = 0
        self._source = self._view
        self._next = self._length = 0
        self._seq = 0

    def begin_session(self) -> None:
        """Seq begins at 0 with the next frame; a frame half sent is still sent to its end, its message is not."""
        self._next = self._length = 0
        self._seq = 0

    @property
    def busy(self):
        return self._at < self._end or self._next < self._length

    def send(self, message, n: int) -> None:
        """Take `message[:n]`, which must stay as it is until `busy` is False. Only when not busy."""
        self._source = message
        self._next = 0
        self._length = n

    def push(self, transport) -> bool:
        """Hand over what `transport` takes; True when something moved."""
        moved = False
        while True:
            if self._at == self._end:
                if self._next >= self._length:
                    return moved
                self._build()
            k = transport.write(self._view[self._at : self._end])
            if not k:
                return moved
            moved = True
            self._at += k

    def _build(self):
        k = min(self._length - self._next, _link.MAX_PAYLOAD)
        more = _link.FLAG_MORE if self._next + k < self._length else 0
        view = self._view
        at = _link.write_frame_body_head(view, 2, _link.VERSION, more, self._seq, k)
        view[at : at + k] = self._source[self._next : self._next + k]
        end = at + k
        pack_into(">L", view, end, binascii.crc32(view[2:end]))
        self._seq = (self._seq + 1) & 0xFFFF
        self._next += k
        self._at = 0
        self._end = end + _link.CRC_BYTES
