"""The BLE transport against a `bluetooth` module that is played here: what a radio can do to it."""

import sys


class _Module:
    FLAG_WRITE = 8
    FLAG_WRITE_NO_RESPONSE = 4
    FLAG_NOTIFY = 16

    class UUID:
        def __init__(self, text):
            self.raw = bytes(reversed(bytes.fromhex(text.replace("-", ""))))

        def __len__(self):
            return len(self.raw)

        def __iter__(self):
            return iter(self.raw)


sys.modules["bluetooth"] = _Module

from tournee_fw import _link  # noqa: E402
from tournee_fw.clock import NEVER, wrap  # noqa: E402
from tournee_fw.link_ble import BleTransport  # noqa: E402

CONNECT, DISCONNECT, WRITE, MTU = 1, 2, 3, 21
RX, TX = 10, 12
PEER = b"\xc0\1\2\3\4\5"


class Radio:
    """Plays `bluetooth.BLE`."""

    def __init__(self):
        self.on = False
        self.advertised = []
        self.sent = []
        self.dropped = []
        self.value = b""
        self.fail = {}  # operation -> errno, for the next call

    def _may_fail(self, name):
        if name in self.fail:
            raise OSError(self.fail.pop(name))

    def irq(self, handler):
        self.handler = handler

    def active(self, on):
        self._may_fail("active")
        self.on = on

    def config(self, **kwargs):
        self.configured = kwargs

    def gatts_register_services(self, services):
        self.services = services
        return ((RX, TX),)

    def gatts_set_buffer(self, handle, size, append):
        self.buffer = (handle, size, append)

    def gap_advertise(self, interval_us, data, resp_data=None):
        self._may_fail("gap_advertise")
        self.advertised.append((interval_us, bytes(data), bytes(resp_data)))

    def gap_disconnect(self, connection):
        self.dropped.append(connection)
        return True

    def gatts_read(self, handle):
        self._may_fail("gatts_read")
        value, self.value = self.value, b""
        return value

    def gatts_write(self, handle, data):
        assert handle == RX
        self.value = data

    def gatts_notify(self, connection, handle, data):
        self._may_fail("gatts_notify")
        self.sent.append((connection, handle, bytes(data)))

    # what the other side does
    def connect(self, connection=0):
        self.handler(CONNECT, (connection, 1, memoryview(PEER)))

    def disconnect(self, connection=0):
        self.handler(DISCONNECT, (connection, 1, memoryview(PEER)))

    def write(self, data, connection=0):
        self.value += data
        self.handler(WRITE, (connection, RX))


def start(now=0):
    radio = Radio()
    transport = BleTransport(radio, "Tournee-0001")
    transport.poll(now)
    return radio, transport


def linked(now=0):
    radio, transport = start(now)
    radio.connect()
    radio.write(b"h")
    turns(transport, now)
    buf = memoryview(bytearray(8))
    assert transport.read_into(buf) == 1
    return radio, transport


def turns(transport, now, n=3):
    for _ in range(n):
        transport.poll(now)


def drain(transport, size=4096):
    buf = memoryview(bytearray(size))
    n = transport.read_into(buf)
    return bytes(buf[:n])


def test_advertises_service_and_name():
    radio, transport = start()
    ((interval_us, data, response),) = radio.advertised
    uuid = bytes(reversed(bytes.fromhex(_link.BLE_SERVICE.replace("-", ""))))
    assert data == b"\x02\x01\x06\x11\x07" + uuid
    assert response == b"\x0d\x09Tournee-0001"
    assert interval_us == 100_000
    assert radio.configured["mtu"] == 247
    assert radio.buffer[0] == RX and radio.buffer[1] > 2 * _link.MAX_REQUEST and radio.buffer[2] is True
    assert transport.due_ms(0) == NEVER and not transport.connected


def test_a_long_name_fits_the_scan_response():
    radio = Radio()
    BleTransport(radio, "T" * 60).poll(0)
    assert len(radio.advertised[0][2]) == 31


def test_a_long_name_is_cut_between_characters():
    for name, told in (
        ("T" * 27 + "\u00e9!", "T" * 27 + "\u00e9"),
        ("T" * 28 + "\u00e9", "T" * 28),
        ("T" * 27 + "\u20ac", "T" * 27),
        ("T" * 29 + "\u20ac", "T" * 29),
        ("T" * 29, "T" * 29),
    ):
        radio = Radio()
        BleTransport(radio, name).poll(0)
        assert radio.advertised[0][2][2:].decode() == told


def test_connected_from_the_first_write_on():
    radio, transport = start()
    radio.connect()
    turns(transport, 5)
    assert not transport.connected
    assert transport.write(memoryview(b"too early")) == 0
    radio.write(b"hello")
    turns(transport, 6)
    assert transport.connected
    assert drain(transport) == b"hello"
    assert drain(transport) == b""
    assert len(radio.advertised) == 1


def test_reads_in_small_pieces_keep_the_order():
    radio, transport = linked()
    radio.write(bytes(range(256)))
    got = b""
    small = memoryview(bytearray(7))
    while True:
        n = transport.read_into(small)
        if not n:
            break
        got += bytes(small[:n])
        if len(got) == 14:
            radio.write(b"more")
    assert got == bytes(range(256)) + b"more"


def test_values_are_cut_to_the_mtu():
    radio, transport = linked()
    data = memoryview(bytes(600))
    assert transport.write(data) == 20
    radio.handler(MTU, (0, 185))
    assert transport.write(data) == 182
    radio.handler(MTU, (0, 517))
    assert transport.write(data) == 244
    assert [len(one[2]) for one in radio.sent] == [20, 182, 244]
    assert all(one[:2] == (0, TX) for one in radio.sent)


def test_full_buffers_wait_and_lose_nothing():
    radio, transport = linked()
    for errno in (12, -12):
        radio.fail["gatts_notify"] = errno
        assert transport.write(memoryview(b"abc")) == 0
        assert transport.write(memoryview(b"abc")) == 0, "no second try in the same turn"
        assert 0 < transport.due_ms(0) < 100
        transport.poll(10)
        assert transport.write(memoryview(b"abc")) == 3
    assert radio.dropped == [] and transport.connected


def test_any_other_notify_error_drops_the_link():
    radio, transport = linked()
    radio.fail["gatts_notify"] = 5
    assert transport.write(memoryview(b"abc")) == 0
    assert radio.dropped == [0] and not transport.connected


def test_a_second_host_is_sent_away():
    radio, transport = linked()
    radio.connect(1)
    radio.write(b"from the second", 1)
    radio.disconnect(1)
    turns(transport, 1)
    assert radio.dropped == [1] and transport.refused_hosts == 1
    assert transport.connected
    assert transport.write(memoryview(b"x")) == 1 and radio.sent[-1][0] == 0


def test_after_a_disconnection_it_advertises_again():
    radio, transport = linked()
    radio.write(b"half a fra")
    radio.disconnect()
    turns(transport, 1)
    assert not transport.connected and len(radio.advertised) == 2
    radio.connect(1)
    radio.write(b"new", 1)
    turns(transport, 2)
    assert drain(transport) == b"new"
    assert transport.write(memoryview(bytes(100))) == 20, "the new connection's MTU is not known yet"


def test_a_reconnection_between_two_turns_is_seen():
    radio, transport = linked()
    radio.disconnect()
    radio.connect(1)
    radio.write(b"new", 1)
    seen = []
    for now in range(4):
        seen.append(transport.connected)
        transport.poll(now)
        assert transport.connected or transport.due_ms(now) == 0
    assert seen[0] is False and transport.connected
    assert drain(transport) == b"new"


def test_an_overrun_ends_the_link_and_leaves_no_hole():
    radio, transport = linked()
    radio.write(bytes(radio.buffer[1]))
    assert drain(transport) == b""
    assert transport.overruns == 1 and radio.dropped == [0] and not transport.connected


def test_a_silent_host_makes_room():
    radio, transport = start()
    radio.connect()
    turns(transport, 1000)
    due = transport.due_ms(1000)
    assert 1000 <= due <= 60_000
    transport.poll(1000 + due - 1)
    assert radio.dropped == []
    transport.poll(1000 + due)
    assert radio.dropped == [0]
    radio.disconnect()
    turns(transport, 1001 + due)
    assert len(radio.advertised) == 2


def test_a_host_that_spoke_may_be_silent():
    _, transport = linked()
    turns(transport, 500_000)
    assert transport.connected and transport.due_ms(500_000) == NEVER


def test_a_radio_that_refuses_is_tried_again():
    for operation in ("active", "gap_advertise"):
        radio = Radio()
        transport = BleTransport(radio, "T")
        radio.fail[operation] = 5
        now = wrap(-300)  # and the clock wraps meanwhile
        transport.poll(now)
        assert radio.advertised == []
        due = transport.due_ms(now)
        assert 0 < due <= 5000
        transport.poll(wrap(now + due))
        assert len(radio.advertised) == 1


def test_a_failing_read_ends_the_link():
    radio, transport = linked()
    radio.write(b"x")
    radio.fail["gatts_read"] = 19
    assert drain(transport) == b""
    assert radio.dropped == [0] and not transport.connected
