"""T=0 exchange and the APDU layer over it, byte by byte [ISO 7816-3 §10, §12.2]."""

from fakes import VITALE_ATR, unhex
from t0line import OK, OUT, Line, both

from tournee_fw import _link
from tournee_fw.iso7816 import apdu as _apdu
from tournee_fw.iso7816 import t0 as _t0
from tournee_fw.iso7816.apdu import Apdu, check, expected, get_response_cla
from tournee_fw.iso7816.atr import Atr
from tournee_fw.iso7816.t0 import T0


# ISO7816: apdu-t0
def test_case_1():
    both("00 0A 01 02", [("000A010200", "9000")], OK, "9000")


# ISO7816: apdu-t0 t0-ack t0-sw
def test_case_2_all_at_once():
    both("00 B0 00 00 04", [("00B0000004", "B0 01020304 9000")], OK, "01020304 9000")


def test_case_2_le_256():
    data = "AB" * 256
    both("00 B0 00 00 00", [("00B0000000", "B0" + data + "9000")], OK, data + "9000")


# ISO7816: t0-ack
def test_case_2_byte_by_byte():
    both("00 B0 00 00 03", [("00B0000003", "4F 01 4F 02 4F 03 6282")], OK, "010203 6282")


def test_case_2_mixed_ack():
    both("00 B0 00 00 04", [("00B0000004", "4F 01 60 60 B0 020304 60 9000")], OK, "01020304 9000")


def test_case_2_error_without_data():
    both("00 B0 00 00 04", [("00B0000004", "6A82")], OK, "6A82")


# ISO7816: apdu-t0
def test_case_3_all_at_once():
    both("00 A4 02 0C 02 2F 00", [("00A4020C02", "A4"), ("2F00", "9000")], OK, "9000")


def test_case_3_byte_by_byte():
    both("00 D6 00 00 03 AABBCC", [("00D6000003", "29"), ("AA", "29"), ("BB", "60 29"), ("CC", "9000")], OK, "9000")


def test_case_3_error_after_header():
    both("00 A4 02 0C 02 2F 00", [("00A4020C02", "6986")], OK, "6986")


# ISO7816: apdu-t0
def test_case_4_get_response():
    both(
        "00 A4 09 04 04 3F00D003 00",
        [("00A4090404", "A4"), ("3F00D003", "6103"), ("00C0000003", "C0 6F0162 9000")],
        OK,
        "6F0162 9000",
    )


def test_case_3_with_61_is_followed_too():
    both("00 A4 04 00 01 E8", [("00A4040001", "A4"), ("E8", "6102"), ("00C0000002", "C0 ABCD 9000")], OK, "ABCD 9000")


def test_case_4_without_61():
    both("00 A4 04 00 01 E8 00", [("00A4040001", "A4"), ("E8", "9000")], OK, "9000")


# ISO7816: apdu-t0
def test_6c_is_sent_again_with_the_right_le():
    both("00 B0 00 00 00", [("00B0000000", "6C02"), ("00B0000002", "B0 0102 9000")], OK, "0102 9000")


def test_6c_in_get_response():
    both(
        "00 88 00 00 01 AA 00",
        [("0088000001", "88"), ("AA", "6100"), ("00C0000000", "6C02"), ("00C0000002", "C0 0102 9000")],
        OK,
        "0102 9000",
    )


def test_61_chain_of_answers_is_joined():
    both(
        "00 88 00 00 01 AA 00",
        [
            ("0088000001", "88"),
            ("AA", "6102"),
            ("00C0000002", "C0 0102 6101"),
            ("00C0000001", "C0 03 9000"),
        ],
        OK,
        "010203 9000",
    )


# ISO7816: apdu-t0
def test_get_response_asks_for_no_more_than_le():
    """Ne - Nm where the card has more [§12.2.4]; the rest stays with the card, whose 61xx the host sees."""
    both(
        "00 CB 3F FF 01 AA 02",
        [("00CB3FFF01", "CB"), ("AA", "6108"), ("00C0000002", "C0 0102 6106")],
        OK,
        "0102 6106",
    )
    both(
        "00 CB 3F FF 01 AA 05",
        [("00CB3FFF01", "CB"), ("AA", "6103"), ("00C0000003", "C0 010203 6103"), ("00C0000002", "C0 0405 9000")],
        OK,
        "0102030405 9000",
    )
    both(
        "00 CB 3F FF 01 AA 08", [("00CB3FFF01", "CB"), ("AA", "6102"), ("00C0000002", "C0 0102 9000")], OK, "0102 9000"
    )
    both("00 B0 00 00 02", [("00B0000002", "B0 0102 6104")], OK, "0102 6104")
    data = "5A" * 256
    both(
        "00 88 00 00 000001 AA 0102",
        [("0088000001", "88"), ("AA", "6100"), ("00C0000000", "C0" + data + "6105"), ("00C0000002", "C0 0102 6103")],
        OK,
        data + "0102 6103",
    )


def test_what_a_command_expects():
    for text, ne in (
        ("000A0102", 0),
        ("00B0000004", 4),
        ("00B0000000", 0),
        ("00D6000001AA", 0),
        ("00D6000001AA05", 5),
        ("00D6000001AA00", 0),
        ("00B00000001000", 0x1000),
        ("00B00000000000", 0),
        ("00D60000000001AA", 0),
        ("00D60000000001AA0102", 0x102),
        ("00D60000000001AA0000", 0),
    ):
        apdu = unhex(text)
        assert expected(apdu, len(apdu)) == ne, text


def test_61_00_means_256():
    data = "5A" * 256
    both(
        "00 88 00 00 01 AA",
        [("0088000001", "88"), ("AA", "6100"), ("00C0000000", "C0" + data + "9000")],
        OK,
        data + "9000",
    )


def test_6c_after_a_command_with_data_is_the_hosts():
    both("00 A4 00 00 01 AA", [("00A4000001", "A4"), ("AA", "6C05")], OK, "6C05")


def test_get_response_class():
    """Chaining and secure messaging bits go, the logical channel stays, proprietary classes stay as they are."""
    for cla, want in (
        (0x00, 0x00),
        (0x10, 0x00),
        (0x0C, 0x00),
        (0x11, 0x01),
        (0x50, 0x40),
        (0x65, 0x45),
        (0x80, 0x80),
        (0xA0, 0xA0),
    ):
        assert get_response_cla(cla) == want, hex(cla)


# ISO7816: t0-null
def test_null_before_sw_restarts_the_wait():
    """A NULL between ACK data and SW is no status (osmo-ccid 8bb7693)."""
    both("00 2A 9E 9A 00", [("002A9E9A00", "60 60 60 6102"), ("00C0000002", "C0 60 90 9000")], OK, "6090 9000")


def test_status_bytes_inside_data_are_data():
    both("00 B0 00 00 04", [("00B0000004", "B0 6C 61 60 90 9000")], OK, "6C616090 9000")


# ISO7816: t0-ack
def test_old_vpp_acknowledge():
    both("00 A4 02 0C 02 2F 00", [("00A4020C02", "A5"), ("2F00", "9000")], OK, "9000")
    both("00 A4 02 0C 02 2F 00", [("00A4020C02", "5A"), ("2F", "A4"), ("00", "9000")], OK, "9000")


# ISO7816: t0-ack
def test_bad_procedure_byte_is_an_error_never_a_crash():
    for c in range(256):
        legal = c in (0xB0, 0xB1, 0x4F, 0x4E) or c & 0xF0 in (0x60, 0x90)
        line = Line([("00B0000004", "%02X" % c)])
        status, _ = line.run("00B0000004")
        assert line.apdu.busy == legal, hex(c)
        if not legal:
            assert status == _link.STATUS_PROTOCOL


def test_ack_when_nothing_is_left():
    """ACK for a case 1 command, after all data was sent, after all data was received."""
    both("00 0A 01 02", [("000A010200", "0A")], _link.STATUS_PROTOCOL, "")
    both("00 A4 02 0C 01 2F", [("00A4020C01", "A4"), ("2F", "A4")], _link.STATUS_PROTOCOL, "")
    both("00 B0 00 00 01", [("00B0000001", "B0 01 B0")], _link.STATUS_PROTOCOL, "")


def test_bytes_after_sw_are_dropped():
    both("00 B0 00 00 01", [("00B0000001", "B0 01 9000 FFFF")], OK, "01 9000")


def test_tpdu_is_followed_by_nothing():
    both("00 B0 00 00 00", [("00B0000000", "6C02")], OK, "6C02", raw=True)
    both("00 A4 00 00 01 AA", [("00A4000001", "A4"), ("AA", "6112")], OK, "6112", raw=True)


# ISO7816: t0-header
def test_tpdu_refused_before_anything_is_sent():
    for text in ("00", "00A400", "FFA4000000", "0060000000", "0090000000", "00A4000002AA"):
        status, _ = Line([]).run(text, raw=True)
        assert status == _link.STATUS_BAD_MESSAGE, text


# ISO7816: t0-header
def test_tpdu_over_260_bytes():
    """(osmo-ccid 9805f86)"""
    status, _ = Line([]).run("00A40000FF" + "AA" * 256, raw=True)
    assert status == _link.STATUS_TOO_LONG


def test_answer_without_room():
    assert Line([]).run("00B0000000", limit=257)[0] == _link.STATUS_TOO_LONG
    line = Line([("00A4000001", "A4"), ("AA", "6180")])
    assert line.run("00A4000001AA", limit=64)[0] == _link.STATUS_TOO_LONG


def test_endless_61():
    t0 = T0(lambda buf, n: None)
    apdu = Apdu(t0)
    apdu.start(unhex("0088000000"), 5, OUT, 0)
    for _ in range(200):
        if not apdu.busy:
            break
        t0.feed(b"\x61\x01", 2, 0)
        apdu.advance(0)
    assert apdu.status == _link.STATUS_PROTOCOL and not apdu.busy


def test_endless_6c():
    t0 = T0(lambda buf, n: None)
    apdu = Apdu(t0)
    apdu.start(unhex("00B0000000"), 5, OUT, 0)
    for _ in range(200):
        if not apdu.busy:
            break
        t0.feed(b"\x6c\x01", 2, 0)
        apdu.advance(0)
    assert apdu.status == _link.STATUS_PROTOCOL and not apdu.busy


def started(wi=10):
    t0 = T0(lambda buf, n: None)
    atr = Atr()
    raw = unhex("3B8040") + bytes((wi,)) if wi != 10 else VITALE_ATR
    atr.start(4000, 0, 0)
    atr.feed(raw, len(raw), 0)
    t0.timing(atr, 372, 4, 4000, 0)
    t0.start(unhex("00B0000004"), 5, OUT, 2048, 0)
    return t0


# ISO7816: t0-wt
def test_waiting_time_does_not_depend_on_d():
    assert started().wt_ms == 893
    assert started(42).wt_ms == 3750


# ISO7816: t0-wt
def test_waiting_time_exceeded():
    t0 = started()
    t0.tick(893 + 1)
    assert t0.busy
    t0.tick(893 + 2)  # the header takes 2 ms
    assert not t0.busy and t0.status == _link.STATUS_TIMEOUT and t0.length == 0


# ISO7816: t0-wt chr-guard
def test_the_wait_begins_when_the_last_character_has_left():
    """Header, data after an ACK, and what goes out again each take their time on the line: 12 + N etu a character."""
    for text, wt_ms, char_ms in (
        ("3B804001", 90, 1.116),  # WI = 1
        ("3B4020", 893, 44 * 0.093),  # N = 32
        ("3BC0104003", 268, 28 * 0.093),  # N = 16, WI = 3
        ("3B40FE", 893, 266 * 0.093),
    ):
        t0 = T0(lambda buf, n: None)
        atr = Atr()
        raw = unhex(text)
        atr.start(4000, 0, 0)
        atr.feed(raw, len(raw), 0)
        t0.timing(atr, 372, 1, 4000, 0)
        assert t0.wt_ms == wt_ms, (text, t0.wt_ms)
        command = unhex("00D60000FF") + bytes(255)
        t0.start(memoryview(bytearray(command)), len(command), OUT, 2048, 0)
        for ack, n in ((None, 5), (b"\xd6", 255)):
            now = 0
            if ack:
                now = 1000
                t0.feed(ack, 1, now)
            due = t0.due_ms(now)
            assert wt_ms + n * char_ms <= due <= wt_ms + n * char_ms + 3, (text, n, due)
        t0.feed(b"\x60", 1, 9000)
        assert t0.due_ms(9000) == wt_ms
        t0.parity(2, 0, 9000)
        assert wt_ms + 2 * char_ms <= t0.due_ms(9000) <= wt_ms + 2 * char_ms + 2


# ISO7816: t0-wt
def test_every_character_restarts_the_waiting_time():
    t0 = started()
    now = 0
    for c in unhex("60 B0 01 02 03 04 60 90 00"):
        now += 800
        t0.tick(now)
        assert t0.busy
        t0.feed(bytes((c,)), 1, now)
    assert t0.status == _link.STATUS_OK and t0.length == 6


# ISO7816: t0-null
def test_null_storm_ends():
    t0 = started()
    now = 0
    while t0.busy:
        now += 800
        t0.feed(b"\x60", 1, now)
        t0.tick(now)
        assert now < 100_000
    assert t0.status == _link.STATUS_TIMEOUT and now >= 60_000


def test_wait_across_the_clock_wrap():
    """(osmo-ccid 2e49ae2)"""
    t0 = T0(lambda buf, n: None)
    t0.wt_ms = 494  # and 6 until the header has left
    end = 0x40000000
    t0.start(unhex("00B0000004"), 5, OUT, 2048, end - 100)
    t0.tick(end - 1)
    assert t0.busy
    t0.tick(399)
    assert t0.busy
    t0.tick(400)
    assert t0.status == _link.STATUS_TIMEOUT


# ISO7816: chr-parity
def test_parity_signal_sends_the_character_again_three_times():
    sent = []
    t0 = T0(lambda buf, n: sent.append(bytes(buf[:n])))
    t0.start(unhex("00A4020C022F00"), 7, OUT, 2048, 0)
    for _ in range(3):
        t0.parity(1, 0, 0)
    assert sent[1:] == [b"\x02"] * 3 and t0.busy
    t0.parity(1, 0, 0)
    assert not t0.busy and t0.status == _link.STATUS_PARITY


def test_wipe_leaves_no_byte():
    t0 = T0(lambda buf, n: None)
    apdu = Apdu(t0)
    apdu.start(unhex("0020000104 31323334"), 9, OUT, 0)
    t0.feed(b"\x20\x90\x00", 3, 0)
    apdu.advance(0)
    assert not apdu.busy
    apdu.wipe()
    assert not any(apdu._tpdu) and not any(t0._tpdu)


# ISO7816: apdu-cases
def test_check_lets_ordinary_commands_pass():
    for text in (
        "00A40000",
        "00B0000000",
        "0020000100",
        "00200001",
        "00A4020C022F00",
        "00A40904043F00D00300",
        "1088000001AA",
    ):
        raw = unhex(text)
        assert check(raw, len(raw)) == OK, text


def test_check_forbids_a_pin_in_any_class():
    for cla in (0x00, 0x10, 0x0C, 0x40, 0x80, 0x90, 0xA0, 0xBC):
        for ins in (0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D, 0xC2, 0xC3):
            raw = bytes((cla, ins, 0, 1, 4)) + b"1234"
            assert check(raw, len(raw)) == _link.STATUS_FORBIDDEN, (cla, ins)
            extended = bytes((cla, ins, 0, 1, 0, 0, 4)) + b"1234"
            assert check(extended, len(extended)) == _link.STATUS_FORBIDDEN


# ISO7816: apdu-cases
def test_check_malformed():
    for text in (
        "",
        "00",
        "00A400",
        "FFA40000",
        "006000 00",
        "009100 00",
        "00A4000002AA",
        "00A4000001AABBCC",
        "00A4000000AA",
    ):
        raw = unhex(text)
        assert check(raw, len(raw)) == _link.STATUS_BAD_MESSAGE, text
    for text in ("00A40000000001AABB", "00D600000000", "00D6000000000000", "00D60000000002AA"):
        raw = unhex(text)
        assert check(raw, len(raw)) == _link.STATUS_BAD_MESSAGE, text
    assert check(bytes(_apdu.MAX_APDU + 1), _apdu.MAX_APDU + 1) == _link.STATUS_TOO_LONG


# ISO7816: apdu-cases
def test_check_lets_extended_length_through():
    for text in ("00B00000000100", "00D60000000001AA", "00CB3FFF000002AABB0000"):
        raw = unhex(text)
        assert check(raw, len(raw)) == OK, text


# ISO7816: apdu-envelope
def test_extended_that_fits_is_made_short():
    both("00 D6 00 00 00 0002 AABB", [("00D6000002", "D6"), ("AABB", "9000")], OK, "9000")
    both("00 B0 00 00 00 0004", [("00B0000004", "B0 01020304 9000")], OK, "01020304 9000")
    both(
        "00 CB 3F FF 00 0002 AABB 0000",
        [("00CB3FFF02", "CB"), ("AABB", "6103"), ("00C0000003", "C0 010203 9000")],
        OK,
        "010203 9000",
    )


# ISO7816: apdu-envelope
def test_extended_le_above_256_takes_all_that_61_announces():
    data = "AB" * 256
    both(
        "00 B0 00 00 00 0200",
        [("00B0000000", "B0" + data + "6102"), ("00C0000002", "C0 0102 9000")],
        OK,
        data + "0102 9000",
    )


# ISO7816: apdu-envelope
def test_extended_data_goes_out_in_envelopes():
    data = "5A" * 300
    command = "01D6000000012C" + data  # on logical channel 1
    first, rest = command[:510], command[510:]
    script = [
        ("01C20000FF", "C2"),
        (first, "9000"),
        ("01C2000034", "C2"),
        (rest, "6103"),
        ("01C0000003", "C0 010203 9000"),
    ]
    both(command, script, OK, "010203 9000")


# ISO7816: apdu-envelope
def test_a_card_without_envelope_ends_it_at_the_first():
    both("00D6000000012C" + "5A" * 300, [("00C20000FF", "6D00")], OK, "6D00")


def test_every_state_has_a_name():
    assert len(_t0.STATES) == _t0.T0_SW2 + 1 and len(_apdu.STATES) == _apdu.APDU_ENVELOPE + 1
