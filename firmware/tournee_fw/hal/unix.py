"""A board inside a process: card lines, I/O bus and link are Unix sockets to a simulator (docs/ARCHITECTURE.md).

The simulator listens, this connects. Losing the bus or a card line is losing the board: `BoardGone`.
"""

import os
import select
import socket
import struct
import time

from micropython import const

from tournee_fw.clock import NEVER, left, wrap
from tournee_fw.link import Transport

from . import Board, CardPort, _iobus

_BUS_TIMEOUT_MS = const(60_000)
_RECONNECT_MS = const(100)
_RING = const(1024)
_KEYS = const(32)
_EAGAIN = const(11)
_EINTR = const(4)


class BoardGone(Exception):
    """The simulator closed the bus or a card line, or the bus no longer answers."""


def connect(path: str):
    """A non-blocking stream socket connected to the Unix socket at `path`; OSError(errno, path)."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0")
    except OSError as error:
        sock.close()
        raise OSError(error.errno, path)
    sock.setblocking(False)
    return sock


def _receive(sock, view):
    """Bytes read into `view`, 0 when there are none yet, -1 when the peer has closed."""
    try:
        n = sock.readinto(view)
    except OSError as error:
        return 0 if error.errno in (_EAGAIN, _EINTR) else -1
    return 0 if n is None else n or -1


class UnixPort(CardPort):
    """A card line and the bus commands of its slot."""

    def __init__(self, board, number, sock):
        self.sock = sock
        self._board = board
        self._number = number
        self._ring = bytearray(_RING)
        self._view = memoryview(self._ring)
        self._head = self._count = 0
        self._parity = 0
        self.overruns = 0

    def vcc(self, volt_class):
        self._board.command(_iobus.CMD_VCC, self._number, bytes((volt_class,)))

    def rst(self, level):
        self._board.command(_iobus.CMD_RST, self._number, bytes((level,)))

    def clk(self, khz):
        self._board.command(_iobus.CMD_CLK, self._number, struct.pack(">H", khz))

    def etu(self, f, d, guard):
        self._board.command(_iobus.CMD_ETU, self._number, struct.pack(">HB", f, d))

    def write(self, buf, n):
        _send_all(self.sock, memoryview(buf)[:n])

    def read_into(self, buf):
        self.fill()
        n = min(len(buf), self._count, _RING - self._head)
        if n:
            buf[:n] = self._view[self._head : self._head + n]
            self._head = (self._head + n) % _RING
            self._count -= n
        return n

    def parity_errors(self):
        n, self._parity = self._parity, 0
        return n

    def parity_error(self):
        self._parity += 1

    def fill(self):
        """Move what the socket has into the ring; a full ring loses characters, as a UART does."""
        while True:
            at = (self._head + self._count) % _RING
            room = min(_RING - self._count, _RING - at)
            if not room:
                self.overruns += 1
                return
            n = _receive(self.sock, self._view[at : at + room])
            if n < 0:
                raise BoardGone("card line %d closed" % self._number)
            if not n:
                return
            self._count += n


class UnixLink(Transport):
    """The wired link: a byte stream that is opened again when it was closed."""

    name = "wire"

    def __init__(self, path):
        self._path = path
        self._at = None
        self.stream = None

    @property
    def connected(self):
        return self.stream is not None

    def poll(self, now):
        if self.stream is None and (self._at is None or not left(now, self._at)):
            try:
                self.stream = connect(self._path)
            except OSError:
                self._at = wrap(now + _RECONNECT_MS)

    def due_ms(self, now):
        if self.stream is not None:
            return NEVER
        return left(now, self._at) if self._at is not None else 0

    def read_into(self, buf):
        if self.stream is None:
            return 0
        n = _receive(self.stream, buf)
        if n < 0:
            self._lost()
            return 0
        return n

    def write(self, mv):
        if self.stream is None:
            return 0
        try:
            return self.stream.write(mv) or 0
        except OSError as error:
            if error.errno not in (_EAGAIN, _EINTR):
                self._lost()
            return 0

    def _lost(self):
        if self.stream is not None:
            self.stream.close()
        self.stream = None
        self._at = None


class UnixBoard(Board):
    """`UnixBoard(iobus, [slot paths], transports)`; connects at once."""

    name = "UNIX"
    slack_ms = 600  # a loaded machine answers late; below the shortest WT, so that twice a WT is still a time-out

    def __init__(self, iobus, slots, transports):
        self._jump_ms = 0
        self._bus = connect(iobus)
        self._packet = bytearray(3 + 255)
        self._packet_view = memoryview(self._packet)
        self._have = 0
        self._reply = -1
        self._reply_data = b""
        self._keys = bytearray(_KEYS)
        self._key_at = self._key_n = 0
        self.slots = [UnixPort(self, i, connect(path)) for i, path in enumerate(slots)]
        self.transports = transports
        self._poll = select.poll()
        self._poll.register(self._bus, select.POLLIN)
        for port in self.slots:
            self._poll.register(port.sock, select.POLLIN)
        self._watched = [None] * len(transports)
        state = self.command(_iobus.CMD_STATE, 0, b"")
        for i, port in enumerate(self.slots):
            port.present = i < len(state) and state[i] == 1

    def now_ms(self):
        return wrap(int(time.ticks_ms()) + self._jump_ms)  # type: ignore[arg-type] (stubs hide that ticks are int)

    def wait(self, timeout_ms):
        for i, transport in enumerate(self.transports):
            stream = transport.stream
            if stream is not self._watched[i]:
                if self._watched[i] is not None:
                    self._unwatch(self._watched[i])
                if stream is not None:
                    self._poll.register(stream, select.POLLIN)
                self._watched[i] = stream
        for _ in self._poll.ipoll(min(timeout_ms, 60_000)):
            pass
        self._read_bus()
        for port in self.slots:
            port.fill()

    def key(self):
        if not self._key_n:
            return 0
        key = self._keys[self._key_at]
        self._keys[self._key_at] = 0
        self._key_at = (self._key_at + 1) % _KEYS
        self._key_n -= 1
        return key

    def show(self, line, text):
        self.command(_iobus.CMD_DISPLAY, line, text.encode())

    def random(self, n):
        return os.urandom(n)

    def command(self, kind, slot, data):
        """One command and its reply's data; what else comes meanwhile is kept."""
        self._read_bus()
        packet = bytearray(3 + len(data))
        _iobus.write_packet(memoryview(packet), 0, kind, slot, data)
        self._reply = -1
        _send_all(self._bus, memoryview(packet))
        end = time.ticks_add(time.ticks_ms(), _BUS_TIMEOUT_MS)
        waiter = select.poll()
        waiter.register(self._bus, select.POLLIN)
        while self._reply != kind | 0x80:
            left_ms = time.ticks_diff(end, time.ticks_ms())
            if left_ms <= 0:
                raise BoardGone("I/O bus: no reply to command %02X" % kind)
            waiter.poll(left_ms)
            self._read_bus()
        return self._reply_data

    def _unwatch(self, stream):
        try:
            self._poll.unregister(stream)
        except (OSError, KeyError, ValueError):  # closed meanwhile
            pass

    def _read_bus(self):
        while True:
            n = _receive(self._bus, self._packet_view[self._have :])
            if n < 0:
                raise BoardGone("I/O bus closed")
            if not n:
                return
            self._have += n
            while self._have >= 3 and self._have >= 3 + self._packet[2]:
                end = 3 + self._packet[2]
                self._take(self._packet[0], self._packet[1], self._packet_view[3:end])
                rest = self._have - end
                self._packet_view[:rest] = self._packet_view[end : self._have]
                for i in range(rest, self._have):  # keys must not stay here
                    self._packet[i] = 0
                self._have = rest

    def _take(self, kind, slot, data):
        if kind == _iobus.NOTICE_KEY and len(data) == 1:
            if self._key_n < _KEYS:
                self._keys[(self._key_at + self._key_n) % _KEYS] = data[0]
                self._key_n += 1
        elif kind == _iobus.NOTICE_ADVANCE and len(data) == 4:
            self._jump_ms = wrap(self._jump_ms + struct.unpack(">L", data)[0])
        elif kind == _iobus.NOTICE_PRESENCE and slot < len(self.slots) and len(data) == 1:
            self.slots[slot].present = data[0] == 1
        elif kind == _iobus.NOTICE_PARITY and slot < len(self.slots):
            self.slots[slot].parity_error()
        elif kind == _iobus.NOTICE_BATTERY and len(data) == 1:
            self.battery = data[0]
        elif kind & 0x80:
            self._reply = kind
            self._reply_data = bytes(data)


def _send_all(sock, view):
    at = 0
    waiter = None
    while at < len(view):
        try:
            n = sock.write(view[at:])
        except OSError as error:
            if error.errno not in (_EAGAIN, _EINTR):
                raise BoardGone("peer closed")
            n = 0
        at += n or 0
        if at < len(view):
            if waiter is None:
                waiter = select.poll()
                waiter.register(sock, select.POLLOUT)
            if not waiter.poll(_BUS_TIMEOUT_MS):
                raise BoardGone("peer does not read")
