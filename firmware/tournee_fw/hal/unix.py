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

from .expander import BoardGone, ExpanderBoard, ExpanderPort

_WIRE_TIMEOUT_MS = const(60_000)
_RECONNECT_MS = const(100)
_EAGAIN = const(11)
_EINTR = const(4)


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


class UnixPort(ExpanderPort):
    """A card line and the bus commands of its slot."""

    def __init__(self, board, number, sock):
        super().__init__(board, number)
        self.sock = sock

    def _transmit(self, view):
        _send_all(self.sock, view)

    def _receive(self, view):
        n = _receive(self.sock, view)
        if n < 0:
            raise BoardGone("card line %d closed" % self._number)
        return n


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


class UnixBoard(ExpanderBoard):
    """`UnixBoard(iobus, [slot paths], transports)`; connects at once."""

    name = "UNIX"
    slack_ms = 600  # a loaded machine answers late; below the shortest WT, so that twice a WT is still a time-out

    def __init__(self, iobus, slots, transports):
        super().__init__()
        self._bus = connect(iobus)
        ports = [UnixPort(self, i, connect(path)) for i, path in enumerate(slots)]
        self._poll = select.poll()
        self._poll.register(self._bus, select.POLLIN)
        for port in ports:
            self._poll.register(port.sock, select.POLLIN)
        self._bus_poll = select.poll()
        self._bus_poll.register(self._bus, select.POLLIN)
        self._watched = [None] * len(transports)
        self.start(ports, transports)

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

    def random(self, n):
        return os.urandom(n)

    def _unwatch(self, stream):
        try:
            self._poll.unregister(stream)
        except (OSError, KeyError, ValueError):  # closed meanwhile
            pass

    def _clock_ms(self):
        return int(time.ticks_ms())  # type: ignore[arg-type] (stubs hide that ticks are int)

    def _bus_read(self, view):
        n = _receive(self._bus, view)
        if n < 0:
            raise BoardGone("I/O bus closed")
        return n

    def _bus_write(self, view):
        _send_all(self._bus, view)

    def _bus_wait(self, timeout_ms):
        self._bus_poll.poll(timeout_ms)


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
            if not waiter.poll(_WIRE_TIMEOUT_MS):
                raise BoardGone("peer does not read")
