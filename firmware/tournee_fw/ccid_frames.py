"""Frames of the serial CCID line: 03 06, CCID message, XOR of all before [libccid ccid_serial.c; facts cards-and-readers §4.1]."""

from struct import unpack_from

from micropython import const

from .clock import NEVER, left, wrap

HEAD = const(10)
MAX_DATA = const(261)
MAX_FRAME = const(274)
_SYNC = const(0x03)
_ACK = const(0x06)
_NAK = const(0x15)
_ROOM = const(1280)
_SILENCE_MS = const(1000)  # a frame that stops for so long is not finished any more
_DROP_MS = const(100)  # after a frame that cannot be: until the line is quiet

IN_SYNC = const(0)
IN_KIND = const(1)
IN_MESSAGE = const(2)
IN_LRC = const(3)
IN_NAK = const(4)
IN_DROP = const(5)
STATES = ("SYNC", "KIND", "MESSAGE", "LRC", "NAK", "DROP")

GOT_NOTHING = const(0)
GOT_MESSAGE = const(1)
GOT_BAD = const(2)
GOT_NAK = const(3)


class Inbox:
    """Bytes of the host one by one; after GOT_MESSAGE the message is `message[:length]`."""

    def __init__(self):
        self._buf = bytearray(HEAD + MAX_DATA)
        self.message = memoryview(self._buf)
        self._at = 0
        self._until = 0
        self.length = 0
        self.state = IN_SYNC

    def restart(self) -> None:
        self.state = IN_SYNC

    def wipe(self) -> None:
        """Forget the last message (a PIN was in it)."""
        for i in range(len(self._buf)):
            self._buf[i] = 0

    def tick(self, now: int) -> None:
        if self.state != IN_SYNC and not left(now, self._until):
            self.state = IN_SYNC

    def due_ms(self, now: int) -> int:
        return NEVER if self.state == IN_SYNC else left(now, self._until)

    def take(self, c: int, now: int) -> int:
        """One byte in; `GOT_*`."""
        state = self.state
        self._until = wrap(now + (_DROP_MS if state == IN_DROP else _SILENCE_MS))
        if state == IN_MESSAGE:
            self._buf[self._at] = c
            self._at += 1
            if self._at == HEAD:
                size = unpack_from("<L", self._buf, 1)[0]
                if size > MAX_DATA:
                    self._until = wrap(now + _DROP_MS)
                    self.state = IN_DROP
                    return GOT_BAD
                self.length = HEAD + size
            if self._at >= HEAD and self._at == self.length:
                self.state = IN_LRC
        elif state == IN_SYNC:
            if c == _SYNC:
                self.state = IN_KIND
        elif state == IN_KIND:
            if c == _ACK:
                self._at = self.length = 0
                self.state = IN_MESSAGE
            elif c == _NAK:
                self.state = IN_NAK
            elif c != _SYNC:
                self.state = IN_SYNC
        elif state == IN_LRC:
            self.state = IN_SYNC
            return GOT_MESSAGE if c == _lrc(self._buf, self.length, _SYNC ^ _ACK) else GOT_BAD
        elif state == IN_NAK:
            self.state = IN_SYNC
            return GOT_NAK if c == _SYNC ^ _NAK else GOT_BAD
        return GOT_NOTHING


class Outbox:
    """What goes to the host, in order; the last frame is kept, because the host may ask for it again."""

    def __init__(self):
        self._buf = bytearray(_ROOM)
        self._view = memoryview(self._buf)
        self._from = self._to = 0
        self._last = bytearray(MAX_FRAME)
        self._last_n = 0

    @property
    def room(self):
        return _ROOM - (self._to - self._from)

    @property
    def waiting(self):
        return self._to > self._from

    def restart(self) -> None:
        self._from = self._to = self._last_n = 0

    def bare(self, data) -> None:
        """Bytes outside frames: card movement, time request."""
        self._put(data, len(data))

    def nak(self) -> None:
        self._put(bytes((_SYNC, _NAK, _SYNC ^ _NAK)), 3)

    def echo(self, message, n: int) -> None:
        """The host's frame back to it."""
        self._put(bytes((_SYNC, _ACK)), 2)
        self._put(message, n)
        self._put(bytes((_lrc(message, n, _SYNC ^ _ACK),)), 1)

    def frame(self, head, data, n: int) -> None:
        """Header of 10 bytes (the length is written here) and `data[:n]`."""
        last = self._last
        last[0], last[1] = _SYNC, _ACK
        last[2 : 2 + HEAD] = head
        last[3], last[4], last[5], last[6] = n & 0xFF, n >> 8, 0, 0
        end = 2 + HEAD + n
        last[2 + HEAD : end] = data[:n]
        last[end] = _lrc(last, end, 0)
        self._last_n = end + 1
        self._put(last, self._last_n)

    def again(self) -> bool:
        """The last answer once more; False when there is none."""
        self._put(self._last, self._last_n)
        return self._last_n > 0

    def push(self, transport) -> None:
        while self._to > self._from:
            n = transport.write(self._view[self._from : self._to])
            if not n:
                return
            self._from += n
        self._from = self._to = 0

    def _put(self, data, n):
        if self._to + n > _ROOM:
            have = self._to - self._from
            self._view[:have] = self._view[self._from : self._to]
            self._from, self._to = 0, have
            if have + n > _ROOM:  # callers look at `room` before; never write past the end
                return
        self._buf[self._to : self._to + n] = data[:n]
        self._to += n


def _lrc(buf, n, x):
    for i in range(n):
        x ^= buf[i]
    return x
