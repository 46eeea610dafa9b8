"""Frames on a byte stream: found again after any garbage, gathered into requests, and written; fixed buffers only."""

from binascii import crc32
from struct import pack_into, unpack_from

from micropython import const

from . import _link
from ._link import CRC_BYTES, HEADER_BYTES, MAX_PAYLOAD, VERSION, read_frame_body_head
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
        self.held = 0
        """Bytes of a frame begun."""
        self.restart()

    def restart(self) -> None:
        """A new connection: nothing of the old one counts."""
        self.held = 0
        self._parts = 0
        self._seq = -1
        self._skip = self._inside = False
        self._last = 0

    def room(self):
        """Memoryview for the next bytes; never empty after `next()` has returned 0."""
        return self._view[self.held :] if self.held else self._view

    def got(self, n: int, now: int) -> None:
        self.held += n
        self._last = now

    def tick(self, now: int) -> bool:
        """True when a frame begun and silent for IDLE_MS was given up: call `next()` until 0, then `tick` again."""
        if not self.held or self.due_ms(now):
            return False
        self._drop(1)
        return True

    def due_ms(self, now: int) -> int:
        return left(now, wrap(self._last + _link.IDLE_MS)) if self.held else NEVER

    def next(self) -> int:
        """Length of the next whole message, 0 when there is none yet."""
        buf = self._buf
        while self.held:
            if buf[0] != _SYNC0 or buf[1] != _SYNC1 or self.held < 2:
                self._sync()
            n = self.held
            if n < HEADER_BYTES:
                return 0
            version, flags, seq, length, end = read_frame_body_head(buf, 2, n)
            if version != VERSION or flags & ~_KNOWN_FLAGS or length > MAX_PAYLOAD:
                self._drop(1)
                continue
            end += length
            if n < end + CRC_BYTES:
                return 0
            if crc32(self._view[2:end]) != unpack_from(">L", buf, end)[0]:
                self._drop(1)
                continue
            end += CRC_BYTES
            if not flags and seq == self._seq and not self._inside:  # a message of one frame, as most are
                self._seq = (seq + 1) & 0xFFFF
                self.message[:length][:] = self._view[HEADER_BYTES : HEADER_BYTES + length]
            else:
                length = self._gather(flags, seq, length)
            if end == n:
                self.held = 0
            else:
                self._shift(end)
            if length:
                return length
        return 0

    def _gather(self, flags, seq, length):
        """Adds the frame to the message; the message's length when it is whole, else 0."""
        if flags & _link.FLAG_SEALED:
            return 0
        follows = self._seq in (-1, seq) or (seq == 0 and not self._inside)
        self._seq = (seq + 1) & 0xFFFF
        at = self._parts
        if not follows or at + length > _link.MAX_REQUEST:
            self._skip = True
            self._parts = 0
        if not self._skip:
            self.message[at : at + length][:] = self._view[HEADER_BYTES : HEADER_BYTES + length]
            self._parts = at + length
        self._inside = bool(flags & _link.FLAG_MORE)
        if self._inside:
            return 0
        n = 0 if self._skip else self._parts
        self._skip = False
        self._parts = 0
        return n

    def _sync(self):
        """Drop what comes before the next sync (or its first byte at the end)."""
        n = self.held
        at = self._buf.find(_link.SYNC, 0, n)
        if at < 0:
            at = n - 1 if n and self._buf[n - 1] == _SYNC0 else n
        if at:
            self._drop(at)

    def _drop(self, k):
        self.garbage = (self.garbage + k) & 0xFFFF
        self._shift(k)

    def _shift(self, k):
        rest = self.held - k
        if rest > 0:
            self._view[:rest] = self._view[k : self.held]
        self.held = rest if rest > 0 else 0


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
        self.busy = False

    def begin_session(self) -> None:
        """Seq begins at 0 with the next frame; a frame half sent is still sent to its end, its message is not."""
        self._next = self._length = 0
        self._seq = 0
        self.busy = self._at < self._end

    def send(self, message, n: int) -> None:
        """Take `message[:n]`, which must stay as it is until `busy` is False. Only when not busy."""
        self._source = message
        self._next = 0
        self._length = n
        self.busy = n > 0

    def push(self, transport) -> bool:
        """Hand over what `transport` takes; True when something moved."""
        moved = False
        while self.busy:
            if self._at == self._end:
                self._build()
            k = transport.write(self._view[self._at : self._end])
            if not k:
                break
            moved = True
            self._at += k
            self.busy = self._at < self._end or self._next < self._length
        return moved

    def _build(self):
        """The next frame of the message."""
        at = self._next
        k = self._length - at
        more = 0
        if k > MAX_PAYLOAD:
            k = MAX_PAYLOAD
            more = _link.FLAG_MORE
        view = self._view
        end = _link.write_frame_body_head(view, 2, VERSION, more, self._seq, k) + k
        view[end - k : end] = self._source[at : at + k]
        pack_into(">L", view, end, crc32(view[2:end]))
        self._seq = (self._seq + 1) & 0xFFFF
        self._next = at + k
        self._at = 0
        self._end = end + CRC_BYTES
