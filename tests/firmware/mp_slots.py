"""Slots through the whole terminal: activation order, classes, reset, PPS, removal, bad cards."""

from fakes import CPS3_ATR, VITALE_ATR, Card, Rig, unhex

from tournee_fw import _link, slots
from tournee_fw.iso7816.tables import INVERSE

OK = _link.STATUS_OK


def rig(*cards):
    r = Rig(list(cards))
    r.hello()
    return r


def until(r, state, slot=0):
    """Turns of the loop until the slot is in `state`."""
    for _ in range(20):
        r.turn()
        if r.terminal.slots[slot].state == state:
            return
    raise AssertionError("never in state " + slots.STATES[state])


def contacts(card):
    return [call for call in card.calls if call[0] != "etu"]


class SlowLine(Card):
    """What is written leaves at 12 + `guard` etu of 93 us a character, as on a UART that sends by itself; the answer comes then."""

    guard = 0

    def __init__(self, atr, apdu):
        super().__init__(atr, apdu=apdu)
        self.board = None
        self.later = []

    def write(self, buf, n):
        ready, self.out = self.out, bytearray()
        super().write(buf, n)
        self.later.append((self.board.t + n * (12 + self.guard) * 93 // 1000, self.out))
        self.out = ready

    def read_into(self, buf):
        while self.later and self.later[0][0] <= self.board.t:
            self.out += self.later.pop(0)[1]
        return super().read_into(buf)


# ISO7816: t0-wt chr-guard
def test_a_long_command_may_take_longer_than_the_waiting_time():
    """284 ms for 260 characters without guard time, 6.4 s with the longest; WI = 1 gives the card 90 ms."""
    for text, guard in (("3B804001", 0), ("3B804002", 0), ("3B4020", 32), ("3B40FE", 254)):
        card = SlowLine(unhex(text), lambda header, data: (b"", 0x9000))
        card.guard = guard
        r = Rig([card])
        card.board = r.board
        r.board.slack_ms = 25
        r.hello()
        assert r.power()[0] == OK
        assert r.apdu("00D60000FF" + "AA" * 255) == (OK, b"\x90\x00"), text


# ISO7816: act-order
def test_activation_in_the_order_of_the_standard():
    card = Card(CPS3_ATR)
    r = rig(card)
    card.calls.clear()
    status, body = r.power()
    assert status == OK and body == b"\x00\x11\x01" + bytes((len(CPS3_ATR),)) + CPS3_ATR
    assert contacts(card) == [("rst", 0), ("vcc", 1), ("io", 1), ("clk", 4000), ("rst", 1)]
    assert card.fd == (372, 1)


# ISO7816: act-off
def test_deactivation_order():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    card.calls.clear()
    assert r.ask(_link.OP_POWER_OFF, b"\0") == (OK, b"")
    assert contacts(card) == [("rst", 0), ("clk", 0), ("io", 0), ("vcc", 0)]


# ISO7816: chr-etu pps-once
def test_pps_and_the_new_speed():
    card = Card(VITALE_ATR)
    r = rig(card)
    status, body = r.power()
    assert status == OK and body[:3] == b"\x00\x13\x01"
    assert bytes(card.all) == unhex("FF1013FC")
    assert card.fd == (372, 4)


# ISO7816: pps-failed
def test_pps_refused_or_silent_stays_at_the_default():
    for pps in (False, unhex("FF1011FE"), unhex("FF1013FD")):
        card = Card(VITALE_ATR, pps=pps)
        r = rig(card)
        status, body = r.power()
        assert status == OK and body[:3] == b"\x00\x11\x01", (pps, status)
        assert card.fd == (372, 1)
        resets = [c for c in card.calls if c == ("rst", 1)]
        assert len(resets) == 2


# ISO7816: act-classes
def test_classes_are_tried_5v_3v_1v8():
    card = Card(CPS3_ATR, classes=(3,))
    r = rig(card)
    status, body = r.power()
    assert status == OK and body[2] == 3
    assert [c for c in card.calls if c[0] == "vcc" and c[1]] == [("vcc", 1), ("vcc", 2), ("vcc", 3)]


# ISO7816: act-classes
def test_supply_stays_off_10_ms_between_classes():
    card = Card(CPS3_ATR, classes=(2,))
    r = rig(card)
    off_at = []
    vcc = card.vcc

    def watch(volt_class):
        off_at.append((volt_class, r.board.t))
        vcc(volt_class)

    card.vcc = watch
    r.power()
    at = off_at.index((2, [t for c, t in off_at if c == 2][0]))
    offs = [t for c, t in off_at[:at] if c == 0]
    assert off_at[at][1] - offs[0 if len(offs) == 1 else -2] >= 10


# ISO7816: act-classes
def test_class_excluded_by_the_atr():
    body = unhex("80 80 1F 02")  # class B only
    tck = 0
    for c in body:
        tck ^= c
    card = Card(b"\x3b" + body + bytes((tck,)))
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[2] == 2


def test_one_class_asked_for():
    card = Card(CPS3_ATR, classes=(3,))
    r = rig(card)
    assert r.power(voltage=1)[0] == _link.STATUS_MUTE
    assert r.power(voltage=3)[0] == OK


# ISO7816: act-mute
def test_mute_card():
    card = Card(b"", classes=())
    r = rig(card)
    assert r.power() == (_link.STATUS_MUTE, b"")
    assert (card.vcc_now, card.clk_now, card.rst_now) == (0, 0, 0)
    assert r.ask(_link.OP_SLOTS)[1] == b"\x00\x01\x00\x00\x00"


def test_wrong_tck_gets_one_warm_reset_per_class_then_bad_atr():
    card = Card(unhex("3B9B188001001225006480040100009045"))
    r = rig(card)
    assert r.power()[0] == _link.STATUS_BAD_ATR
    assert len([c for c in card.calls if c == ("rst", 1)]) == 6
    assert card.vcc_now == 0


def test_bad_atr_once_then_good():
    answers = [unhex("3B9B188001001225006480040100009045"), CPS3_ATR]
    card = Card(lambda: answers.pop(0))
    r = rig(card)
    assert r.power()[0] == OK
    assert [c for c in card.calls if c[0] == "vcc" and c[1]] == [("vcc", 1)]


def test_ts_garbage():
    r = rig(Card(b"\x55\xaa\x00\x01"))
    assert r.power()[0] == _link.STATUS_BAD_ATR


def test_neither_t0_nor_t1_is_a_protocol_error():
    card = Card(b"\x3b" + unhex("80 0E") + b"\x8e")
    r = rig(card)
    assert r.power()[0] == _link.STATUS_PROTOCOL
    assert card.vcc_now == 0


# ISO7816: act-select
def test_t1_only_card_needs_no_pps():
    card = Card(b"\x3b" + unhex("80 01") + b"\x81")
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[0] == 1 and not card.all


# ISO7816: act-select
def test_the_first_offered_protocol_is_used():
    card = Card(b"\x3b" + unhex("80 81 00") + b"\x01")  # TD1=81: T=1, TD2=00: T=0
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[0] == 1 and not card.all


# ISO7816: act-select
def test_t0_first_t1_second_is_t0_at_the_speed_of_pps():
    card = Card(unhex("3B9B188001001225006480040100009044"))  # CPS4 [ANS]
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[:2] == b"\x00\x18"
    assert bytes(card.all)[:4] == unhex("FF1018F7") and card.fd == (372, 12)


# ISO7816: act-select
def test_t14_first_t0_second_is_negotiated():
    card = Card(b"\x3b" + unhex("80 8E 00") + b"\x0e")
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[0] == 0
    assert bytes(card.all)[:4] == unhex("FF1011FE")


# ISO7816: act-select atr-ta2
def test_specific_mode_of_t1():
    card = Card(unhex("3B 90 13 11 01 93"))
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[:2] == b"\x01\x13" and not card.all


# ISO7816: act-select atr-ta2
def test_specific_mode_needs_no_pps():
    card = Card(unhex("3B 90 13 10 00"))
    r = rig(card)
    status, reply = r.power()
    assert status == OK and reply[1] == 0x13
    assert card.fd == (372, 4) and not card.all


# ISO7816: chr-guard
def test_guard_time_255_is_12_etu_in_t0():
    card = Card(unhex("3B 40 FF"))
    r = rig(card)
    r.power()
    assert card.calls[-1] == ("etu", (372, 1, 0, True))
    card = Card(unhex("3B 40 05"))
    r = rig(card)
    r.power()
    assert card.calls[-1] == ("etu", (372, 1, 5, True))


# ISO7816: act-warm
def test_warm_reset():
    card = Card(CPS3_ATR)
    r = rig(card)
    assert r.power(warm=1)[0] == _link.STATUS_NOT_POWERED
    r.power()
    card.calls.clear()
    assert r.power(warm=1)[0] == OK
    assert contacts(card) == [("rst", 0), ("rst", 1)]


# ISO7816: chr-inverse
def test_inverse_convention_card_is_spoken_to_in_its_own_way():
    def inv(text):
        return bytes(INVERSE[c] for c in unhex(text))

    card = Card(inv("3F65250052096A9000"), script=[(inv("BCB0000002"), inv("B0 AABB 9000"))])
    r = rig(card)
    status, body = r.power()
    assert status == OK and body[4:] == unhex("3F65250052096A9000")
    assert r.apdu("BCB0000002") == (OK, unhex("AABB9000"))


def test_apdu_without_power_and_without_card():
    r = rig(Card(CPS3_ATR), Card(present=False))
    assert r.apdu("00B0000000")[0] == _link.STATUS_NOT_POWERED
    assert r.apdu("00B0000000", slot=1)[0] == _link.STATUS_NO_CARD
    assert r.power(slot=1)[0] == _link.STATUS_NO_CARD
    assert r.power(slot=2)[0] == _link.STATUS_BAD_SLOT
    assert r.ask(_link.OP_POWER_OFF, b"\x07")[0] == _link.STATUS_BAD_SLOT


# ISO7816: act-removed
def test_removed_at_every_byte_of_an_exchange():
    """VCC is cut at once, the request answers REMOVED, an event says so, the next card works."""
    answer = unhex("B0 01020304 9000")
    for cut in range(len(answer)):
        card = Card(CPS3_ATR, script=[(unhex("00B0000004"), answer[:cut])])
        r = rig(card)
        r.power()
        r.start(_link.OP_APDU, b"\0" + unhex("00B0000004"))
        r.turn()
        card.present = False
        r.events.clear()
        assert r.wait_for(_link.OP_APDU, r.number) == (_link.STATUS_REMOVED, b""), cut
        assert (card.rst_now, card.clk_now, card.vcc_now) == (0, 0, 0)
        assert (_link.EVENT_SLOT, b"\x00\x00") in r.events
        card.present = True
        card.script = [(unhex("00B0000004"), answer)]
        card.out = bytearray()
        assert r.power()[0] == OK
        assert r.apdu("00B0000004") == (OK, unhex("01020304 9000"))


def test_pulled_and_put_back_between_two_looks_is_another_card():
    card = Card(CPS3_ATR, script=[(unhex("00B0000004"), unhex("B0 01020304 9000"))])
    r = rig(card)
    r.power()
    r.terminal.server.slots[0].pin_ok = True
    r.events.clear()
    card.removed = True  # `present` never showed it
    r.turn()
    assert (card.rst_now, card.clk_now, card.vcc_now) == (0, 0, 0)
    assert not r.terminal.server.slots[0].pin_ok
    assert (_link.EVENT_SLOT, bytes((0, _link.SLOT_PRESENT))) in r.events
    assert r.apdu("00B0000004")[0] == _link.STATUS_NOT_POWERED
    assert r.power()[0] == _link.STATUS_OK


# ISO7816: act-removed
def test_removed_at_every_byte_of_reset_and_pps():
    for cut in range(len(VITALE_ATR)):
        card = Card(VITALE_ATR[:cut])
        r = rig(card)
        r.start(_link.OP_POWER_ON, b"\0\0\0")
        until(r, slots.CARD_ATR)
        card.present = False
        assert r.wait_for(_link.OP_POWER_ON, r.number)[0] == _link.STATUS_REMOVED, cut
        assert card.vcc_now == 0
    card = Card(VITALE_ATR, pps=unhex("FF10"))
    r = rig(card)
    r.start(_link.OP_POWER_ON, b"\0\0\0")
    until(r, slots.CARD_PPS)
    card.present = False
    assert r.wait_for(_link.OP_POWER_ON, r.number)[0] == _link.STATUS_REMOVED
    assert card.vcc_now == 0


def test_a_card_fault_frees_the_slot():
    """Time-out, bad procedure byte, parity: answered, card off, next power-on works."""
    faults = (
        (b"", _link.STATUS_TIMEOUT),
        (b"\x12", _link.STATUS_PROTOCOL),
    )
    for answer, status in faults:
        card = Card(CPS3_ATR, script=[(unhex("00B0000004"), answer)])
        r = rig(card)
        r.power()
        assert r.apdu("00B0000004") == (status, b"")
        assert card.vcc_now == 0
        assert r.apdu("00B0000004")[0] == _link.STATUS_NOT_POWERED
        card.script = [(unhex("00B0000004"), unhex("B0010203049000"))]
        assert r.power()[0] == OK
        assert r.apdu("00B0000004")[0] == OK


# ISO7816: chr-parity
def test_parity_errors_end_in_parity():
    card = Card(CPS3_ATR, script=[(unhex("00B0000004"), b"")])
    r = rig(card)
    r.power()
    r.start(_link.OP_APDU, b"\0" + unhex("00B0000004"))
    until(r, slots.CARD_EXCHANGE)
    card.script = []
    for _ in range(4):
        card.parity = 1
        r.turn()
    assert bytes(card.all)[-3:] == b"\x04\x04\x04"
    assert r.wait_for(_link.OP_APDU, r.number)[0] == _link.STATUS_PARITY


def test_stale_characters_do_not_answer_the_next_command():
    card = Card(CPS3_ATR, script=[(unhex("00B0000002"), unhex("B0 AABB 9000 6A82"))])
    r = rig(card)
    r.power()
    assert r.apdu("00B0000002") == (OK, unhex("AABB9000"))
    card.out += unhex("6A82")
    card.script = [(unhex("00B0000002"), unhex("B0 0102 9000"))]
    assert r.apdu("00B0000002") == (OK, unhex("01029000"))


def test_insertion_and_removal_events_and_display():
    card = Card(CPS3_ATR, present=False)
    r = rig(card)
    assert r.board.lines[1] == "Carte 1 : absente   "
    card.present = True
    r.turn()
    r.turn()
    assert r.events[-1] == (_link.EVENT_SLOT, b"\x00\x01")
    assert r.board.lines[1] == "Carte 1 : insérée   "
    r.power()
    assert r.board.lines[1].startswith("Carte 1 : en lecture")
    card.present = False
    r.turn()
    r.turn()
    assert r.events[-1] == (_link.EVENT_SLOT, b"\x00\x00")


def test_slots_answer():
    r = rig(Card(VITALE_ATR), Card(present=False))
    r.power()
    want = b"\x00\x02\x00\x13" + bytes((len(VITALE_ATR),)) + VITALE_ATR + b"\x01\x00\x00\x00\x00"
    assert r.ask(_link.OP_SLOTS) == (OK, want)


def test_two_slots_do_not_mix():
    first = Card(CPS3_ATR, script=[(unhex("00B0000001"), unhex("B0 AA 9000"))])
    second = Card(VITALE_ATR, script=[(unhex("00B0000001"), unhex("B0 BB 9000"))])
    r = rig(first, second)
    assert r.power(0)[0] == OK and r.power(1)[0] == OK
    assert r.apdu("00B0000001", 1) == (OK, unhex("BB9000"))
    assert r.apdu("00B0000001", 0) == (OK, unhex("AA9000"))


def test_every_state_has_a_name():
    assert len(slots.STATES) == slots.CARD_EXCHANGE + 1
