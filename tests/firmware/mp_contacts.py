"""Contacts and line of a slot: order and times of activation, stopped clock, guard time, damaged and refused characters."""

from fakes import CPS3_ATR, VITALE_ATR, Card, Rig, unhex
from t1card import IFS_ASKED, IFS_TAKEN, i, r

from tournee_fw import _link, slots

OK = _link.STATUS_OK
READ = unhex("00B0000004")
DATA = unhex("01020304 9000")


class Timed(Card):
    """Keeps when its contacts were driven: `calls` are (what, value, ms)."""

    rig = None

    def _call(self, what, value):
        if self.rig:
            self.calls.append((what, value, self.rig.board.t))


def rig(*cards):
    r = Rig(list(cards))
    for card in cards:
        card.rig = r
    r.hello()
    return r


def checked(text):
    """An ATR from T0 on, with TS and TCK put around it."""
    body = unhex(text)
    tck = 0
    for c in body:
        tck ^= c
    return b"\x3b" + body + bytes((tck,))


def when(card, what, value, nth=0):
    return [t for w, v, t in card.calls if (w, v) == (what, value)][nth]


def order(card):
    return [(what, value) for what, value, _ in card.calls if what != "etu"]


ON = [("rst", 0), ("vcc", 1), ("io", 1), ("clk", 4000), ("rst", 1)]
OFF = [("rst", 0), ("clk", 0), ("io", 0), ("vcc", 0)]
STOPPABLE = checked("80 80 1F C7")
"""T=0, T=15 with the clock stopped at either level, classes A, B, C."""


# ISO7816: act-order
def test_cold_reset_keeps_rst_low_for_400_clocks():
    card = Timed(CPS3_ATR)
    r = rig(card)
    assert r.power()[0] == OK
    assert order(card) == ON
    low_ms = when(card, "rst", 1) - when(card, "clk", 4000)
    assert low_ms * 4000 >= 400 and low_ms <= 10, low_ms


# ISO7816: act-off act-order
def test_cold_reset_of_a_powered_card_turns_it_off_for_10_ms():
    card = Timed(CPS3_ATR)
    r = rig(card)
    r.power()
    card.calls.clear()
    assert r.power()[0] == OK
    assert order(card) == OFF + ON
    assert when(card, "vcc", 1) - when(card, "vcc", 0) >= 10


# ISO7816: act-classes act-off
def test_each_class_is_left_in_order_and_comes_after_10_ms():
    card = Timed(CPS3_ATR, classes=(3,))
    r = rig(card)
    assert r.power()[0] == OK
    on = [("rst", 0), None, ("io", 1), ("clk", 4000), ("rst", 1)]
    want = []
    for volt_class in (1, 2, 3):
        want += on[:1] + [("vcc", volt_class)] + on[2:] + (OFF if volt_class < 3 else [])
    assert order(card) == want
    assert when(card, "vcc", 2) - when(card, "vcc", 0) >= 10
    assert when(card, "vcc", 3) - when(card, "vcc", 0, 1) >= 10


def test_a_card_switched_off_long_ago_is_reset_at_once():
    card = Timed(CPS3_ATR)
    r = rig(card)
    r.power()
    r.ask(_link.OP_POWER_OFF, b"\0")
    off = when(card, "vcc", 0)
    while r.board.t < off + 30:
        r.turn()
    card.calls.clear()
    before = r.board.t
    r.power()
    assert when(card, "vcc", 1) - before <= 2
    r.ask(_link.OP_POWER_OFF, b"\0")
    r.power()
    assert when(card, "vcc", 1, 1) - when(card, "vcc", 0) >= 10


# ISO7816: act-off act-removed
def test_a_pulled_card_is_switched_off_in_order_and_the_next_starts_cold():
    card = Timed(CPS3_ATR)
    r = rig(card)
    r.power()
    card.calls.clear()
    card.present = False
    r.turn()
    assert order(card) == OFF
    card.present = True
    assert r.power()[0] == OK
    assert order(card) == OFF + ON


# ISO7816: act-clock-stop
def test_an_idle_card_has_its_clock_stopped_as_its_atr_says():
    for text, stopped in (("80 80 1F 47", ("clk", 0)), ("80 80 1F 87", ("clk", "high")), ("80 80 1F C7", ("clk", 0))):
        card = Timed(checked(text), script=[(READ, b"\xb0" + DATA), (READ, b"\xb0" + DATA)])
        r = rig(card)
        assert r.power()[0] == OK
        slot = r.terminal.slots[0]
        on = when(card, "rst", 1)
        card.calls.clear()
        while r.board.t < on + 3000:
            r.turn()
        assert order(card) == [stopped], text
        assert 500 < when(card, stopped[0], stopped[1]) - on < 1500
        assert slot.clock == (2 if stopped[1] == "high" else 1)
        assert r.apdu("00B0000004") == (OK, DATA)  # it runs again before the first character
        assert order(card) == [stopped, ("clk", 4000)] and slot.clock == 0
        assert r.apdu("00B0000004") == (OK, DATA)  # the answer was waited for one second: stopped again meanwhile
        assert order(card) == [stopped, ("clk", 4000)] * 2


# ISO7816: act-clock-stop
def test_a_card_that_does_not_allow_it_is_always_clocked():
    for atr in (CPS3_ATR, checked("80 80 1F 07")):
        card = Timed(atr)
        r = rig(card)
        r.power()
        card.calls.clear()
        while r.board.t < 30_000:
            r.turn()
        assert order(card) == [] and r.terminal.slots[0].clock == 0
        assert not r.terminal.slots[0].stop_clock()


# ISO7816: act-clock-stop act-warm
def test_warm_reset_and_power_off_of_a_card_whose_clock_stands():
    card = Timed(STOPPABLE)
    r = rig(card)
    slot = r.terminal.slots[0]
    assert slot.clock == 0 or not slot.stop_clock()
    r.power()
    assert slot.stop_clock() and slot.clock == 1
    card.calls.clear()
    assert r.power(warm=1)[0] == OK
    assert order(card) == [("clk", 4000), ("rst", 0), ("rst", 1)]
    assert slot.stop_clock()
    card.calls.clear()
    r.ask(_link.OP_POWER_OFF, b"\0")
    assert order(card) == OFF and slot.clock == 3


# ISO7816: chr-guard
def test_guard_time_of_t1_is_11_etu_for_255():
    card = Card(checked("C0 FF 01"), script=[(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, b"\x90\x00"))])
    r = rig(card)
    assert r.power()[0] == OK and card.calls[-1] == ("etu", (372, 1, -1, False))
    assert r.apdu("00B0000004") == (OK, b"\x90\x00")


# ISO7816: chr-guard
def test_guard_time_is_counted_in_fi_di_where_t15_is_indicated():
    """N of 512/32 clocks = 16 clocks is less than one etu of 372; N of 512 clocks is 1.4 etu [§8.3, TC1]."""
    for ta1, pps, etu in (
        ("96", True, (512, 32, 8)),
        ("96", unhex("FF 00 FF"), (372, 1, 1)),
        ("91", None, (372, 1, 12)),
    ):
        card = Card(checked("D0 " + ta1 + " 08 80 1F 47"), pps=pps)
        r = rig(card)
        assert r.power()[0] == OK
        assert card.calls[-1] == ("etu", etu + (True,)), card.calls[-1]


# ISO7816: chr-guard pps-echo
def test_the_pps_keeps_the_guard_time_and_signals_nothing():
    card = Card(unhex("3B 50 13 05"))
    r = rig(card)
    assert r.power()[0] == OK
    assert [call for what, call in card.calls if what == "etu"] == [
        (372, 1, 0, False),
        (372, 1, 5, False),
        (372, 4, 5, True),
    ]


# ISO7816: pps-failed act-off
def test_a_card_that_fails_its_pps_is_switched_off_and_used_without():
    for pps in (False, unhex("FF 10 13 FD"), unhex("FF 11 13 FD")):
        card = Timed(VITALE_ATR, pps=pps)
        r = rig(card)
        status, body = r.power()
        assert status == OK and body[:3] == b"\x00\x11\x01", pps
        assert order(card) == ON + OFF + ON
        assert when(card, "vcc", 1, 1) - when(card, "vcc", 0) >= 10
    card = Timed(VITALE_ATR, pps=unhex("FF 00 FF"))  # refuses the speed: no failure
    r = rig(card)
    assert r.power()[0] == OK and order(card) == ON


# ISO7816: chr-parity
def test_a_damaged_answer_to_reset_is_read_again():
    """An ATR for T=0 alone has no TCK: only its parity says that it is wrong."""
    card = Card(VITALE_ATR)
    card.bad = 1
    r = rig(card)
    release = card.rst

    def rst(level):
        release(level)
        if level and len([c for c in card.calls if c == ("rst", 1)]) == 1:
            r.terminal.slots[0].port.bad = 1

    card.rst = rst
    # the count is asked for when the characters are read, so it is there with them
    assert r.power()[0] == OK
    assert len([c for c in card.calls if c == ("rst", 1)]) == 2


# ISO7816: chr-parity
def test_refused_characters_go_out_again_with_those_behind_them():
    card = Card(CPS3_ATR)
    r = rig(card)
    r.power()
    r.start(_link.OP_APDU, b"\0" + READ)
    while r.terminal.slots[0].state != slots.CARD_EXCHANGE:
        r.turn()
    for left in (3, 3, 3, 2, 1):  # the third character thrice, then the fourth, then the fifth
        card.parity = left
        r.turn()
    assert bytes(card.all) == READ + READ[2:] * 3 + READ[3:] + READ[4:]
    card.out += b"\xb0" + DATA
    assert r.wait_for(_link.OP_APDU, r.number) == (OK, DATA)


# ISO7816: chr-parity
def test_a_character_refused_four_times_ends_the_command_and_frees_the_slot():
    for told in ((2, 2, 2, 2), (-1,), (9,)):
        card = Card(CPS3_ATR)
        r = rig(card)
        r.power()
        r.start(_link.OP_APDU, b"\0" + READ)
        while r.terminal.slots[0].state != slots.CARD_EXCHANGE:
            r.turn()
        for left in told:
            card.parity = left
            r.turn()
        assert r.wait_for(_link.OP_APDU, r.number) == (_link.STATUS_PARITY, b""), told
        assert card.vcc_now == 0
        card.script = [(READ, b"\xb0" + DATA)]
        assert r.power()[0] == OK and r.apdu("00B0000004") == (OK, DATA)


# ISO7816: chr-parity
def test_characters_that_stay_damaged_end_a_t0_command():
    card = Card(CPS3_ATR, script=[(READ, b"\xb0\x01\x02")])
    r = rig(card)
    r.power()
    r.start(_link.OP_APDU, b"\0" + READ)
    while r.terminal.slots[0].state != slots.CARD_EXCHANGE:
        r.turn()
    card.bad = 1
    assert r.wait_for(_link.OP_APDU, r.number) == (_link.STATUS_PARITY, b"")
    assert card.vcc_now == 0


# ISO7816: chr-parity t1-edc
def test_a_damaged_character_is_a_damaged_block_of_t1_even_if_the_check_is_right():
    good = i(0, DATA)
    card = Card(checked("80 01"), script=[(IFS_ASKED, IFS_TAKEN), (i(0, READ), good), (r(0, 1), good)])
    rg = rig(card)
    assert rg.power()[0] == OK
    rg.start(_link.OP_APDU, b"\0" + READ)
    while len(card.script) > 1:
        rg.turn()
    card.bad = 1
    assert rg.wait_for(_link.OP_APDU, rg.number) == (OK, DATA)
    assert not card.script


# ISO7816: act-select atr-ta2
def test_a_specific_mode_that_cannot_be_used_is_left_by_a_warm_reset():
    """TA2 bit 8 clear: the card may come back negotiable [§6.3.1]; set: it may not."""
    negotiable = VITALE_ATR
    specific = checked("90 78 10 05")  # T=5

    def atrs(*which):
        left = list(which)
        return lambda: left.pop(0) if len(left) > 1 else left[0]

    card = Card(atrs(specific, negotiable))
    r = rig(card)
    assert r.power()[:1] == (OK,)
    assert [c for c in card.calls if c[0] == "rst"][-2:] == [("rst", 0), ("rst", 1)]
    card = Card(atrs(checked("90 78 10 85"), negotiable))
    r = rig(card)
    assert r.power()[0] == _link.STATUS_PROTOCOL
    card = Card(specific)
    r = rig(card)
    assert r.power()[0] == _link.STATUS_PROTOCOL and card.vcc_now == 0


# ISO7816: act-select chr-etu
def test_every_ta1_is_proposed_when_both_numbers_are_known_and_the_clock_is_not_too_fast():
    from tournee_fw.iso7816.tables import DI, FI, FMAX_KHZ

    for khz in (4000, 5000):
        for ta1 in range(256):
            f, d = FI[ta1 >> 4], DI[ta1 & 15]
            usable = f and d and FMAX_KHZ[ta1 >> 4] >= khz
            card = Card(b"\x3b\x10" + bytes((ta1,)))
            card.trace = False
            r = Rig([card])
            r.board.clock_khz = khz
            slot = r.terminal.slots[0]
            slot.power_on(0, False, r.board.t)
            while slot.busy:
                r.turn()
            assert slot.status == OK and card.fd == ((f, d) if usable else (372, 1)), hex(ta1)
            assert slot.fidi == (ta1 if usable else 0x11)
