# The `bluetooth` module of a simulated board: the API of MicroPython's C module, peripheral role, its radio in another
# process (`tournee_sim.radio.host`). SIMULATION. Two sockets: `calls` (request, reply) and `events` (the IRQs).
# The board's HAL calls `attach(path)` once, keeps `BLE().events` in its poll set and calls `BLE().service()` when it is
# readable: that is where IRQ handlers run, in the main context. Byte arguments are overwritten after the handler, as on a
# board they are valid only inside it.
import socket
import struct
import sys

from micropython import const
from tagged import decode, encode

FLAG_BROADCAST = const(0x0001)
FLAG_READ = const(0x0002)
FLAG_WRITE_NO_RESPONSE = const(0x0004)
FLAG_WRITE = const(0x0008)
FLAG_NOTIFY = const(0x0010)
FLAG_INDICATE = const(0x0020)

_ENODEV = const(19)
_ECONNRESET = const(104)
_AF_UNIX = const(1)
_EVENT_BYTES = const(256)
_REPLY_BYTES = const(2816)

_path = None
_singleton = None


def attach(path):
    """Unix socket of the radio host; before the first `BLE().active(True)`."""
    global _path
    _path = path


def BLE():
    global _singleton
    if _singleton is None:
        _singleton = _BLE()
    return _singleton


class UUID:
    """16, 32 or 128 bits, kept little-endian as the C module's buffer protocol gives them."""

    def __init__(self, value):
        if isinstance(value, UUID):
            self._b = value._b
        elif isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("invalid UUID")
            self._b = struct.pack("<H", value)
        elif isinstance(value, str):
            text = value.replace("-", "")
            if len(text) != 32:
                raise ValueError("UUID too short" if len(text) < 32 else "UUID too long")
            self._b = bytes(reversed(bytes(int(text[i : i + 2], 16) for i in range(0, 32, 2))))
        else:
            self._b = bytes(value)
            if len(self._b) not in (2, 4, 16):
                raise ValueError("UUID wrong size")

    def __iter__(self):
        return iter(self._b)

    def __len__(self):
        return len(self._b)

    def __eq__(self, other):
        return isinstance(other, UUID) and self._b == other._b

    def __lt__(self, other):
        return self._b < other._b

    def __hash__(self):
        return hash(self._b)

    def __repr__(self):
        if len(self._b) == 2:
            return "UUID(0x%04x)" % struct.unpack("<H", self._b)[0]
        text = "".join("%02x" % b for b in reversed(self._b))
        return "UUID('%s-%s-%s-%s-%s')" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])


class _BLE:
    def __init__(self):
        self.events = None
        self._calls = None
        self._on = False
        self._irq = None
        self._events_buf = memoryview(bytearray(_EVENT_BYTES))  # read over and over: the heap stays whole
        self._held = 0
        self._reply = memoryview(bytearray(_REPLY_BYTES))

    def service(self):
        """Run the IRQ handler for every event that has arrived; OSError when the radio host is gone."""
        buf = self._events_buf
        while self.events is not None:
            try:
                n = self.events.readinto(buf[self._held :])
            except OSError:
                n = None
            if n is None:
                return
            if not n:
                self._hang_up()
                raise OSError(_ECONNRESET)
            self._held += n
            at = 0
            while self._held - at >= 2:
                end = at + 2 + struct.unpack_from("<H", buf, at)[0]
                if self._held < end:
                    break
                event, values = decode(buf, at + 2, end)
                at = end
                self._dispatch(event, values)
            buf[: self._held - at] = buf[at : self._held]
            self._held -= at

    def active(self, on=None):
        if on is not None and bool(on) != self._on:
            self._call("active", bool(on))
            self._on = bool(on)
        return self._on

    def config(self, *args, **kwargs):
        if args:
            return self._call("config_get", args[0])
        for key, value in kwargs.items():
            self._call("config_set", key, value)

    def irq(self, handler):
        self._irq = handler

    def gap_advertise(self, interval_us, adv_data=None, *, resp_data=None, connectable=True):
        self._call("gap_advertise", interval_us, _bytes(adv_data), _bytes(resp_data), bool(connectable))

    def gap_disconnect(self, conn_handle):
        return self._call("gap_disconnect", conn_handle)

    def gatts_register_services(self, services):
        plain = []
        for uuid, characteristics in services:
            rows = []
            for one in characteristics:
                below = [(bytes(d[0]), d[1]) for d in one[2]] if len(one) > 2 else []
                rows.append((bytes(one[0]), one[1], below))
            plain.append((bytes(uuid), rows))
        return tuple(tuple(handles) for handles in self._call("gatts_register_services", plain))

    def gatts_read(self, value_handle):
        return self._call("gatts_read", value_handle)

    def gatts_write(self, value_handle, data, send_update=False):
        self._call("gatts_write", value_handle, _bytes(data), bool(send_update))

    def gatts_notify(self, conn_handle, value_handle, data=None):
        self._call("gatts_notify", conn_handle, value_handle, _bytes(data))

    def gatts_indicate(self, conn_handle, value_handle, data=None):
        self._call("gatts_indicate", conn_handle, value_handle, _bytes(data))

    def gatts_set_buffer(self, value_handle, length, append=False):
        self._call("gatts_set_buffer", value_handle, length, bool(append))

    def _call(self, operation, *args):
        if not self._on and operation not in ("active", "config_get", "config_set"):
            raise OSError(_ENODEV)
        if self._calls is None:
            self.events = _open("events")
            self.events.setblocking(False)
            self._calls = _open("calls")
        self._calls.write(encode((operation,) + args))
        if not self._calls.readinto(self._reply[:2]):
            self._hang_up()
            raise OSError(_ECONNRESET)
        length = struct.unpack_from("<H", self._reply, 0)[0]
        self._calls.readinto(self._reply[:length])
        reply = decode(self._reply, 0, length)
        if reply[0]:
            raise OSError(reply[0])
        return reply[1]

    def _hang_up(self):
        self._on = False
        self._held = 0
        for sock in (self.events, self._calls):
            if sock is not None:
                sock.close()
        self.events = self._calls = None

    def _dispatch(self, event, values):
        lent = []
        args = []
        for value in values:
            if isinstance(value, bytes):
                value = bytearray(value)
                lent.append(value)
                value = memoryview(value)
            args.append(value)
        if self._irq:
            try:
                self._irq(event, tuple(args))
            except Exception as exc:
                sys.print_exception(exc)
        for buffer in lent:
            for i in range(len(buffer)):
                buffer[i] = 0xEE


def _bytes(data):
    if data is None:
        return None
    return data.encode() if isinstance(data, str) else bytes(data)


def _open(kind):
    if _path is None:
        raise OSError(_ENODEV)
    sock = socket.socket(_AF_UNIX, socket.SOCK_STREAM)
    sock.connect(struct.pack("<H", _AF_UNIX) + _path.encode() + b"\0")
    sock.write(encode((kind,)))
    return sock
