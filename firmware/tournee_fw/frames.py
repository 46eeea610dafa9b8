"""Frames on a byte stream: found again after any garbage, gathered into requests, and written; fixed buffers only."""

from binascii import crc32
from struct import pack_into, unpack_from

from micropython import const

from . import _link
from ._link import MAX_PAYLOAD, VERSION
from .clock import NEVER, left, wrap

_FRAME = const(524)  # HEADER_BYTES + MAX_PAYLOAD + CRC_BYTES
_SYNC0 = const(0xA5)
_SYNC1 = const(0x5A)
_KNOWN_FLAGS = const(0x81)
_BODY = const(
    2
)  # behind the sync; then as `_link.FRAME_BODY_AT_…`: a constant of another file is looked up at every use
_AT_VERSION = const(2)
_AT_FLAGS = const(3)
_AT_SEQ = const(4)
_AT_LENGTH = const(6)
_HEADER = const(8)
_CRC = const(4)


class Receiver:
    """Bytes in, whole request messages out.

    `room` is where the next bytes go, a memoryview; `got(n)` says how many came; then `next()` until it returns 0: the length of a
    whole message in `message`, valid until the next call.
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
        self.length = 0
        """What `next` has returned."""
        self.restart()

    def restart(self) -> None:
        """A new connection: nothing of the old one counts."""
        self.held = 0
        self.room = self._view
        self._parts = 0
        self._seq = -1
        self._skip = self._inside = False
        self._last = 0

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
            if n < _HEADER:
                break
            length = buf[_AT_LENGTH] << 8 | buf[_AT_LENGTH + 1]
            if buf[_AT_VERSION] != VERSION or length > MAX_PAYLOAD or buf[_AT_FLAGS] & ~_KNOWN_FLAGS:
                self._drop(1)
                continue
            end = _HEADER + length
            if n < end + _CRC:
                break
            if crc32(self._view[_BODY:end]) != unpack_from(">L", buf, end)[0]:
                self._drop(1)
                continue
            seq = buf[_AT_SEQ] << 8 | buf[_AT_SEQ + 1]
            if seq == self._seq and not self._inside and not buf[_AT_FLAGS]:  # a message of one frame, as most are
                self._seq = (seq + 1) & 0xFFFF
                self.message[:length][:] = self._view[_HEADER:end]
            else:
                length = self._gather(buf[_AT_FLAGS], seq, length)
            end += _CRC
            if end == n:
                self.held = 0
                self.room = self._view
            else:
                self._shift(end)
            if length:
                self.length = length
                return length
        self.room = self._view[self.held :]  # never empty: a whole frame was taken
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
            self.message[at : at + length][:] = self._view[_HEADER : _HEADER + length]
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
        pack_into(_link.FRAME_BODY_HEAD, view, _BODY, VERSION, more, self._seq, k)
        end = _HEADER + k
        view[_HEADER:end][:] = self._source[at : at + k]
        pack_into(">L", view, end, crc32(view[_BODY:end]))
        self._seq = (self._seq + 1) & 0xFFFF
        self._next = at + k
        self._at = 0
        self._end = end + _CRC
