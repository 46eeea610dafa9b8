"""What osmo-ccid-firmware had to learn, one test each; the number in the name is its commit [facts anchors §1.3]."""

import random

from ccidrig import FAILED, PRESENT, Reader, idle
from fakes import CPS3_ATR, VITALE_ATR, Card, Rig, unhex
from t0line import OUT, Line, both

from tournee_fw import _link
from tournee_fw.hal.expander import ExpanderPort
from tournee_fw.iso7816.atr import Atr
from tournee_fw.iso7816.t0 import T0

OK = _link.STATUS_OK
READ = unhex("00B0000004")
ANSWER = unhex("B0 01020304 9000")


def rig(*cards):
    r = Rig(list(cards))
    r.hello()
    return r


def test_8bb7693_null_before_sw():
    """60 where SW1 is awaited is no status: it asks for time, as often as the card likes, wherever a procedure byte may stand."""
    for nulls in ("60", "60" * 7, "60" * 40):
        both(
            "00 2A 9E 9A 00",
            [("002A9E9A00", nulls + "6102"), ("00C0000002", "C0 60 90" + nulls + "9000")],
            OK,
            "6090 9000",
        )
        both("00 D6 00 00 01 AA", [("00D6000001", nulls + "D6"), ("AA", nulls + "9000")], OK, "9000")
        both("00 B0 00 00 01", [("00B0000001", nulls + "4F 01" + nulls + "9000")], OK, "01 9000")


def test_bb6504c_an_answer_to_reset_has_a_time_limit_in_every_state():
    """Whatever part of it has come: silence ends it, the slot is off and takes the next card."""
    for cut in range(len(VITALE_ATR)):
        atr = Atr()
        atr.start(4000, 0, 0)
        atr.feed(VITALE_ATR, cut, 0)
        assert 0 < atr.due_ms(0) < 2000, cut
        atr.tick(atr.due_ms(0))
        assert not atr.busy and atr.status != OK, cut
        card = Card(VITALE_ATR[:cut])
        r = rig(card)
        assert r.power()[0] in (_link.STATUS_MUTE, _link.STATUS_BAD_ATR), cut
        assert card.vcc_now == 0 and r.board.t < 30_000
        card.atr = VITALE_ATR
        assert r.power()[0] == OK


def test_9805f86_a_tpdu_over_260_bytes_is_refused():
    """Header and 255 bytes go; one more is TOO_LONG before a byte is sent, on the link and to stock PC/SC."""
    longest = "00D60000FF" + "AA" * 255
    script = [("00D60000FF", "D6"), ("AA" * 255, "9000")]
    assert Line(script).run(longest, raw=True) == (OK, b"\x90\x00")
    assert Line([]).run(longest + "AA", raw=True)[0] == _link.STATUS_TOO_LONG
    card = Card(CPS3_ATR)
    r = Reader([card, Card(present=False)])
    r.on()
    card.all = bytearray()
    r.put(0x6F, unhex(longest + "AABB"))  # one more would be taken for a Le
    assert r.frame_in() == b"\x03\x15\x16" and not card.all
    card.script = [(READ, ANSWER)]
    assert r.ccid(0x6F, READ)[4] == ANSWER[1:]


def test_969a494_an_empty_block_is_refused():
    """XfrBlock without data; APDU and TPDU of no or too few bytes on the link."""
    card = Card(CPS3_ATR, script=[(READ, ANSWER)])
    r = Reader([card, Card(present=False)])
    r.on()
    card.all = bytearray()
    answer = r.ccid(0x6F)
    assert answer[1] & 0xC0 == FAILED and not card.all
    assert r.ccid(0x6F, READ)[4] == ANSWER[1:]
    other = rig(Card(CPS3_ATR))
    other.power()
    for op in (_link.OP_APDU, _link.OP_TPDU):
        for text in ("", "00", "00B000"):
            assert other.ask(op, b"\0" + unhex(text)) == (_link.STATUS_BAD_MESSAGE, b"")


def test_565d010_every_error_has_an_answer():
    """Each command to an absent, a mute, a dead and a pulled card is answered, and so is the next one."""
    kinds = (0x62, 0x63, 0x65, 0x6F, 0x6C, 0x6D, 0x61, 0x6B, 0x69, 0x73, 0x72, 0x6E, 0x6A, 0x71, 0x00, 0xFF)
    cards = (
        Card(present=False),
        Card(b"", classes=()),
        Card(CPS3_ATR, script=[(READ, b"")]),
        Card(CPS3_ATR, script=[(READ, b"\x05")]),
    )
    for card in cards:
        r = Reader([card, Card(present=False)])
        for _ in range(2):
            r.ccid(0x62, extra=b"\x01\0\0")
            for kind in kinds:
                answer = r.ccid(kind, READ)
                assert answer[0] in (0x80, 0x81, 0x82, 0x83, 0x84), hex(kind)
    r = rig(Card(CPS3_ATR))
    for op in range(256):
        if op != _link.OP_GOODBYE:
            r.ask(op, b"")
    assert r.ask(_link.OP_INFO)[0] == OK


def test_565d010_an_error_in_mid_exchange_is_answered_too():
    card = Card(CPS3_ATR, script=[(READ, b"\xb0\x01")])
    r = Reader([card, Card(present=False)])
    r.on()
    r.put(0x6F, READ)
    for _ in range(3):
        r.turn()
    card.present = False
    answer = r.result()
    assert answer[1] & 0xC0 == FAILED
    card.present = True
    idle(r)  # pcscd must have seen that it went
    assert r.ccid(0x65)[1] & 3 == PRESENT


class Interrupted(ExpanderPort):
    """A port whose line brings characters in lumps, whenever it is looked at."""

    def __init__(self):
        super().__init__(None, 0)
        self.line = bytearray()
        self.made = 0

    def arrive(self, n):
        for _ in range(n):
            self.line.append(self.made & 0xFF)
            self.made += 1

    def _receive(self, view):
        n = min(len(view), len(self.line), random.randrange(1, 80))
        view[:n] = self.line[:n]
        self.line = self.line[n:]
        return n


def test_639db14_characters_that_come_while_others_are_taken_keep_their_order():
    """Filling and emptying the receive ring in any order, in lumps, across its end: no character lost, doubled or moved."""
    random.seed(639)
    port = Interrupted()
    taken = 0
    buf = memoryview(bytearray(64))
    for _ in range(4000):
        if random.randrange(0, 2):
            port.arrive(random.randrange(0, 60))
        if random.randrange(0, 3) == 0:
            port.fill()
        n = port.read_into(buf[: random.randrange(1, 64)])
        for i in range(n):
            assert buf[i] == taken & 0xFF
            taken += 1
    while True:
        n = port.read_into(buf)
        if not n:
            break
        for i in range(n):
            assert buf[i] == taken & 0xFF
            taken += 1
    assert taken == port.made > 40_000


def test_2e49ae2_no_wait_tears_at_the_wrap_of_the_clock():
    """A command, its time-out and the next command, begun at each ms around the wrap at 2**30."""
    end = 0x40000000
    for before in range(0, 900, 60):
        t0 = T0(lambda buf, n: None)
        t0.wt_ms = 494  # and 6 until the header has left
        t0.start(READ, 5, OUT, 2048, end - before)
        for waited in range(0, 500, 20):
            t0.tick((end - before + waited) % end)
            assert t0.busy, (before, waited)
            assert t0.due_ms((end - before + waited) % end) == 500 - waited
        t0.tick((end - before + 500) % end)
        assert t0.status == _link.STATUS_TIMEOUT, before
        card = Card(VITALE_ATR, script=[(READ, ANSWER)])
        r = Rig([card], t=end - before)
        r.hello()
        assert r.power()[0] == OK and r.apdu("00B0000004") == (OK, ANSWER[1:])


def test_no_assert_on_a_bad_procedure_byte():
    """(osmo-ccid: OSMO_ASSERT(0) in its TPDU machine.) Each of the 256 bytes at each place: an answer, never a crash; the slot works."""
    for place in ("", "60", "4F 01", "B0 01020304"):
        for c in range(256):
            card = Card(CPS3_ATR, script=[(READ, unhex(place) + bytes((c,)))])
            r = rig(card)
            r.power()
            status, body = r.apdu("00B0000004")
            assert status in (_link.STATUS_PROTOCOL, _link.STATUS_TIMEOUT) and not body, (place, c)
            card.script = [(READ, ANSWER)]
            assert r.power()[0] == OK and r.apdu("00B0000004") == (OK, ANSWER[1:])
