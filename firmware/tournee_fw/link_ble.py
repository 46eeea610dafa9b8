"""The link over Bluetooth LE: a Nordic-UART-shaped peripheral on MicroPython's `bluetooth.BLE`, one host at a time.

The host writes to RX and is notified by TX. A host counts as connected from its first write on, because it subscribes
before it speaks and MicroPython does not tell who has subscribed. The 128-bit service UUID stands in the advertisement (iOS
filters by it), the name in the scan response.
"""

import bluetooth
from micropython import const

from . import _link
from .clock import NEVER, left, wrap
from .link import Transport

_IRQ_CENTRAL_CONNECT = const(1)
_IRQ_CENTRAL_DISCONNECT = const(2)
_IRQ_GATTS_WRITE = const(3)
_IRQ_MTU_EXCHANGED = const(21)

_ENOMEM = const(12)
_MTU = const(247)  # one value of 244 bytes fills one PDU of 251
_MTU_DEFAULT = const(23)
_VALUE_OVERHEAD = const(3)
_RX_BYTES = const(2560)  # two requests of 1024 bytes with their frames: the host waits for an answer before the next
_ADVERTISE_US = const(100_000)
_RETRY_MS = const(5)  # all radio buffers are full: about a connection event later
_ADVERTISE_RETRY_MS = const(1000)
_SILENT_MS = const(20_000)  # a host that connects and says nothing makes room for another


class BleTransport(Transport):
    """`BleTransport(bluetooth.BLE(), "Tournee-0001")`; `start()` before the first `poll`."""

    name = "ble"

    def __init__(self, ble, name, mtu=_MTU):
        self.overruns = 0
        self.refused_hosts = 0
        self._ble = ble
        self._service = getattr(ble, "service", None)  # simulated boards: IRQs come from a socket
        self._advertised_name = _cut(name.encode(), _link.BLE_NAME_BYTES)
        self._max_mtu = mtu
        self._value_bytes = _MTU_DEFAULT - _VALUE_OVERHEAD
        self._connection = None
        self._spoke = False
        self._rx_ready = False
        self._pending = b""
        self._pending_at = 0
        self._advertising = False
        self._active = False
        self._silent_until = None  # deadlines, ms
        self._advertise_at = None
        self._full = False
        self._gap = 0  # turns that must still see `connected` False

    @property
    def connected(self):
        return self._spoke and not self._gap

    @property
    def stream(self):
        return getattr(self._ble, "events", None)

    def poll(self, now):
        if self._gap:
            self._gap -= 1
        self._full = False
        if self._service is not None and self.stream is not None:
            try:
                self._service()
            except OSError:  # the radio is gone: no host, and power-up is tried again
                self._forget()
                self._active = self._advertising = False
        if self._connection is None:
            if not self._advertising and (self._advertise_at is None or not left(now, self._advertise_at)):
                self._advertise(now)
        elif self._spoke:
            self._silent_until = None
        elif self._silent_until is None:
            self._silent_until = wrap(now + _SILENT_MS)
        elif not left(now, self._silent_until):
            self._drop()

    def due_ms(self, now):
        if self._gap:
            return 0
        if self._connection is None:
            if self._advertising:
                return NEVER
            return 0 if self._advertise_at is None else left(now, self._advertise_at)
        if self._full:
            return _RETRY_MS
        if self._spoke:
            return NEVER
        return 0 if self._silent_until is None else left(now, self._silent_until)

    def read_into(self, buf):
        if not self.connected:
            return 0
        if not self._pending and self._rx_ready:
            self._rx_ready = False
            try:
                self._pending = self._ble.gatts_read(self._rx)
            except (OSError, MemoryError):
                self._drop()
                return 0
            if len(self._pending) >= _RX_BYTES:  # what came after is lost: never a hole in the stream
                self.overruns += 1
                self._drop()
                return 0
        n = min(len(buf), len(self._pending) - self._pending_at)
        if n:
            buf[:n] = memoryview(self._pending)[self._pending_at : self._pending_at + n]
            self._pending_at += n
            if self._pending_at == len(self._pending):
                self._pending = b""
                self._pending_at = 0
        return n

    def write(self, mv):
        if self._full or not self.connected:
            return 0
        n = min(len(mv), self._value_bytes)
        try:
            self._ble.gatts_notify(self._connection, self._tx, mv[:n])
        except OSError as exc:
            if exc.args[0] in (_ENOMEM, -_ENOMEM):
                self._full = True
            else:
                self._drop()
            return 0
        return n

    def _power_up(self):
        ble = self._ble
        ble.irq(self._irq)
        ble.active(True)
        ble.config(gap_name=self._advertised_name, mtu=self._max_mtu)
        rx = (bluetooth.UUID(_link.BLE_RX), bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE)
        tx = (bluetooth.UUID(_link.BLE_TX), bluetooth.FLAG_NOTIFY)
        ((self._rx, self._tx),) = ble.gatts_register_services(((bluetooth.UUID(_link.BLE_SERVICE), (rx, tx)),))
        ble.gatts_set_buffer(self._rx, _RX_BYTES, True)
        self._active = True

    def _advertise(self, now):
        try:
            if not self._active:
                self._power_up()
            uuid = bytes(bluetooth.UUID(_link.BLE_SERVICE))
            name = self._advertised_name
            self._ble.gap_advertise(
                _ADVERTISE_US,
                b"\x02\x01\x06" + bytes((1 + len(uuid), 0x07)) + uuid,
                resp_data=bytes((1 + len(name), 0x09)) + name,
            )
            self._advertising = True
        except OSError:
            self._advertise_at = wrap(now + _ADVERTISE_RETRY_MS)

    def _irq(self, event, data):
        if event == _IRQ_GATTS_WRITE:
            if data[0] == self._connection and data[1] == self._rx:
                self._rx_ready = self._spoke = True
        elif event == _IRQ_CENTRAL_CONNECT:
            if self._connection is None:
                self._forget()
                self._connection = data[0]
                self._advertising = False  # a connection ends advertising
                self._ble.gatts_write(self._rx, b"")  # what the host before had written and nobody has read
            else:
                self.refused_hosts += 1
                self._ble.gap_disconnect(data[0])
        elif event == _IRQ_CENTRAL_DISCONNECT:
            if data[0] == self._connection:
                self._forget()
        elif event == _IRQ_MTU_EXCHANGED:
            if data[0] == self._connection:
                self._value_bytes = min(data[1] - _VALUE_OVERHEAD, _link.BLE_CHUNK_BYTES)

    def _drop(self):
        connection = self._connection
        self._forget()
        if connection is not None:
            try:
                self._ble.gap_disconnect(connection)
            except OSError:
                pass

    def _forget(self):
        self._connection = None
        self._spoke = self._rx_ready = self._full = False
        self._pending = b""
        self._pending_at = 0
        self._silent_until = self._advertise_at = None
        self._gap = 2  # one whole turn of the loop, wherever the IRQ fell
        self._value_bytes = _MTU_DEFAULT - _VALUE_OVERHEAD


def _cut(text: bytes, most: int) -> bytes:
    """At most that many bytes of UTF-8, whole characters."""
    if len(text) > most:
        while text[most] & 0xC0 == 0x80:
            most -= 1
    return text[:most]
