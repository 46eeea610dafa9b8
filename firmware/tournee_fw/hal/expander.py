"""Boards whose resets, card presence, keypad and display hang on the simulated I/O bus (`_iobus`): all but wire and clock.

A board adds `_clock_ms`, `_bus_read`, `_bus_write` and `_bus_wait`.
"""

from struct import pack, unpack

from micropython import const

from tournee_fw.clock import left, wrap

from . import Board, CardPort, _iobus

_BUS_TIMEOUT_MS = const(60_000)
_RING = const(1024)
_KEYS = const(32)
_CANCEL = const(0x1B)


class BoardGone(Exception):
    """The simulator closed the bus or a card line, or the bus no longer answers."""


class ExpanderPort(CardPort):
    """A card line and the bus commands of its slot. A board adds `_transmit` and `_receive`; parity is the simulator's to tell."""

    def __init__(self, board, number):
        self.removed = False  # not only in the class: the slot looks at it in every turn
        self._board = board
        self._number = number
        self._ring = bytearray(_RING)
        self._view = memoryview(self._ring)
        self._head = self._count = 0
        self._sent = 0
        self._refused_at = -1
        self._damaged = 0
        self.overruns = 0

    def vcc(self, volt_class):
        self._board.command(_iobus.CMD_VCC, self._number, bytes((volt_class,)))

    def rst(self, level):
        self._board.command(_iobus.CMD_RST, self._number, bytes((level,)))

    def io(self, level):
        self._board.command(_iobus.CMD_IO, self._number, bytes((level,)))

    def clk(self, khz, level=0):
        self._board.command(_iobus.CMD_CLK, self._number, pack(">HB", khz, level))

    def etu(self, f, d, guard, signal):
        self._board.command(_iobus.CMD_ETU, self._number, pack(">HBhB", f, d, guard, signal))

    def write(self, buf, n):
        self._sent = (self._sent + n) & 0x3FFFFFFF
        self._transmit(memoryview(buf)[:n])

    def read_into(self, buf):
        self.fill()
        if not self._count:
            return 0
        at = self._head
        n = len(buf)
        if n > self._count:
            n = self._count
        if n > _RING - at:
            n = _RING - at
        buf[:n] = self._view[at : at + n]
        self._head = (at + n) % _RING
        self._count -= n
        return n

    def clear(self, buf):
        self.fill()
        self._head = self._count = self._damaged = 0
        if self._refused_at >= 0:
            self.refused()

    def refused(self):
        if self._refused_at < 0:
            return 0
        n = (self._sent - self._refused_at) & 0x3FFFFFFF
        self._refused_at = -1
        self._board.command(_iobus.CMD_SENT, self._number, pack(">L", self._sent))
        return n

    def damaged(self):
        n, self._damaged = self._damaged, 0
        return n

    def parity_error(self, data):
        """NOTICE_PARITY."""
        if data[0]:
            self._damaged += 1
        elif len(data) == 5:
            self._refused_at = unpack(">L", data[1:])[0]

    def fill(self):
        """Move what the line has into the ring; a full ring loses characters, as a UART does."""
        while True:
            at = (self._head + self._count) % _RING
            room = min(_RING - self._count, _RING - at)
            if not room:
                self.overruns += 1
                return
            n = self._receive(self._view[at : at + room])
            if not n:
                return
            self._count += n

    def _transmit(self, view) -> None:
        """All of `view` goes on the line; BoardGone when nobody takes it."""

    def _receive(self, view) -> int:
        """Characters moved into `view`, 0 when there are none yet; BoardGone when the line was closed."""
        return 0


class ExpanderBoard(Board):
    """`start(ports, transports)` once the bus can be read and written."""

    def __init__(self):
        self._jump_ms = 0
        self._packet = bytearray(3 + 255)
        self._packet_view = memoryview(self._packet)
        self._have = 0
        self._keys = bytearray(_KEYS)
        self._key_at = self._key_n = 0
        self._reply = -1
        self._reply_data = b""

    def start(self, ports, transports):
        """Ask which cards are there."""
        self.slots = ports
        self.transports = transports
        state = self.command(_iobus.CMD_STATE, 0, b"")
        for i, port in enumerate(ports):
            port.present = i < len(state) and state[i] == 1

    def now_ms(self):
        return wrap(self._clock_ms() + self._jump_ms)

    def key(self):
        if not self._key_n:
            return 0
        key = self._keys[self._key_at]
        self._keys[self._key_at] = 0
        self._key_at = (self._key_at + 1) % _KEYS
        self._key_n -= 1
        return key

    def held(self):
        self._read_bus()
        held = False
        while self._key_n:
            held = self.key() == _CANCEL or held
        return held

    def show(self, line, text):
        self.command(_iobus.CMD_DISPLAY, line, text.encode())

    def command(self, kind, slot, data):
        """One command and its reply's data; what else comes meanwhile is kept."""
        self._read_bus()
        packet = bytearray(3 + len(data))
        _iobus.write_packet(memoryview(packet), 0, kind, slot, data)
        self._reply = -1
        self._bus_write(memoryview(packet))
        end = wrap(self._clock_ms() + _BUS_TIMEOUT_MS)
        while self._reply != kind | 0x80:
            left_ms = left(wrap(self._clock_ms()), end)
            if not left_ms:
                raise BoardGone("I/O bus: no reply to command %02X" % kind)
            self._bus_wait(left_ms)
            self._read_bus()
        return self._reply_data

    def _read_bus(self):
        while True:
            n = self._bus_read(self._packet_view[self._have :])
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
            self._jump_ms = wrap(self._jump_ms + unpack(">L", data)[0])
        elif kind == _iobus.NOTICE_PRESENCE and slot < len(self.slots) and len(data) == 1:
            port = self.slots[slot]
            port.present = data[0] == 1
            if not port.present:
                port.removed = True
        elif kind == _iobus.NOTICE_PARITY and slot < len(self.slots) and len(data):
            self.slots[slot].parity_error(data)
        elif kind == _iobus.NOTICE_BATTERY and len(data) == 1:
            self.battery = data[0]
        elif kind & 0x80:
            self._reply = kind
            self._reply_data = bytes(data)

    def _clock_ms(self) -> int:
        """Monotonic ms without the jumps of simulated time."""
        return 0

    def _bus_read(self, view) -> int:
        """Bytes moved into `view`, 0 when there are none yet; BoardGone when the bus was closed."""
        return 0

    def _bus_write(self, view) -> None:
        """All of `view`, or BoardGone."""

    def _bus_wait(self, timeout_ms: int) -> None:
        """Until the bus has something to read, or `timeout_ms` has passed; may return early."""
