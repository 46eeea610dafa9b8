"""Serial CCID with a T=1 card: blocks as the host makes them, more time, errors that keep the card; and the clock of a card."""

from ccidrig import ACTIVE, FAILED, MORE_TIME, PRESENT, Reader, idle
from fakes import CPS3_ATR, Card, unhex
from t1card import IFS_ASKED, IFS_TAKEN, block, i, r, s

from tournee_fw import _link

T1_ATR = unhex("3B 80 01 81")
READ = unhex("00B0000004")
DATA = unhex("01020304 9000")


def t1(script, atr=T1_ATR, reader="SEC1210"):
    card = Card(atr, script=script)
    rig = Reader([card], reader)
    rig.on()
    rig.bare = bytearray()
    return rig, card


def test_blocks_both_ways():
    """S(IFS), an I-block, a chain with its R-blocks: each goes and comes as it is."""
    script = [
        (IFS_ASKED, IFS_TAKEN),
        (i(0, READ), i(0, DATA)),
        (i(1, READ[:3], more=True), r(0)),
        (i(0, READ[3:]), i(1, DATA[:3], more=True)),
        (r(0), i(0, DATA[3:])),
    ]
    for flavour in ("SEC1210", "GemPCTwin"):
        rig, card = t1(list(script), reader=flavour)
        for sent, answer in script:
            assert rig.ccid(0x6F, sent) == (0x80, ACTIVE, 0, 0, answer)
        assert not card.script


def test_parameters_of_a_t1_card():
    rig, _ = t1([], atr=unhex("3B9413817120150147454E313E"))
    told = rig.ccid(0x6C)
    assert told[:4] == (0x82, ACTIVE, 0, 1)
    assert told[4] == unhex("13 11 00 15 00 20 00") or told[4][1:] == unhex("11 00 15 00 20 00")
    assert rig.ccid(0x61, told[4], extra=b"\1\0\0") == told
    assert rig.ccid(0x61, told[4][:5], extra=b"\0\0\0")[:3] == (0x82, ACTIVE | FAILED, 7)
    assert rig.ccid(0x61, told[4][:5], extra=b"\1\0\0")[:3] == (0x82, ACTIVE | FAILED, 1)


def test_the_other_protocol_that_a_card_offers():
    """By the host's PPS, or by SetParameters where the reader does PPS itself; a reset comes first, and the next one leads back."""
    for flavour, ask in (
        ("GemPCTwin", lambda rig: rig.ccid(0x6F, unhex("FF1113FD"))[:2] == (0x80, ACTIVE)),
        ("SEC1210", lambda rig: rig.ccid(0x61, unhex("1310 00 15 00 FE 00"), extra=b"\1\0\0")[:2] == (0x82, ACTIVE)),
    ):
        rig, card = t1([], atr=unhex("3B94138031FE1547454E31A0"), reader=flavour)
        assert rig.ccid(0x6C)[3] == 0
        card.calls.clear()
        assert ask(rig)
        assert ("rst", 0) in card.calls and ("vcc", 0) not in card.calls
        assert rig.ccid(0x6C)[3] == 1
        card.script = [(i(0, READ), i(0, DATA))]
        assert rig.ccid(0x6F, i(0, READ))[4] == i(0, DATA)
        card.script = []
        rig.on()
        assert rig.ccid(0x6C)[3] == 0
    rig, card = t1([], atr=CPS3_ATR, reader="GemPCTwin")
    assert rig.ccid(0x6F, unhex("FF1111FF"))[:3] == (0x80, ACTIVE | FAILED, 0xF6)
    assert rig.ccid(0x61, unhex("11100045002000"), extra=b"\1\0\0")[:3] == (0x82, ACTIVE | FAILED, 7)
    assert rig.ccid(0x61, unhex("1100002A00"), extra=b"\5\0\0")[:3] == (0x82, ACTIVE | FAILED, 7)


def test_the_longest_block():
    sent, answer = i(0, bytes(254)), i(0, bytes(range(254)))
    rig, _ = t1([(sent, answer)])
    assert rig.ccid(0x6F, sent)[4] == answer


def test_blocks_that_are_none():
    rig, card = t1([])
    for text in ("00 00 01 00", "00B0 0000 04", "00 00 FF 00"):
        assert rig.ccid(0x6F, unhex(text))[:3] == (0x80, ACTIVE | FAILED, 0x0A), text
    assert not card.got


def test_a_silent_card_is_mute_after_its_time_and_stays():
    """The host asks again itself; bBWI lengthens the wait."""
    rig, card = t1([(i(0, READ), b""), (r(0), i(0, DATA))])
    assert rig.ccid(0x6F, i(0, READ))[:3] == (0x80, ACTIVE | FAILED, 0xFE)
    assert rig.ccid(0x6F, r(0))[4] == i(0, DATA)
    card.script = [(i(1, READ), b"")]
    rig.put(0x6F, i(1, READ), extra=b"\x05\0\0")
    begun = rig.board.t
    assert rig.result()[2] == 0xFE
    bwt_ms = rig.terminal.slots[0].apdu.protocol.bwt_ms
    assert rig.board.t - begun >= 5 * (bwt_ms - 700)


def test_a_block_that_breaks_off_is_a_parity_error():
    rig, _ = t1([(i(0, READ), i(0, DATA)[:5]), (r(0, 1), i(0, DATA))])
    assert rig.ccid(0x6F, i(0, READ))[:3] == (0x80, ACTIVE | FAILED, 0xFD)
    assert rig.ccid(0x6F, r(0, 1))[4] == i(0, DATA)


def test_a_wrong_check_goes_up():
    wrong = block(0, DATA)[:-1] + b"\x55"
    rig, _ = t1([(i(0, READ), wrong)])
    assert rig.ccid(0x6F, i(0, READ))[4] == wrong


def test_more_time_while_the_card_thinks():
    """An answer with the command status `time extension`, and none of T=0's bytes; S(WTX) is the host's."""
    rig, card = t1([(i(0, READ), s(0xC3, b"\x03")), (s(0xE3, b"\x03"), b"")])
    assert rig.ccid(0x6F, i(0, READ))[4] == s(0xC3, b"\x03")
    rig.put(0x6F, s(0xE3, b"\x03"), extra=b"\x03\0\0")
    while rig.asked_for_time < 2:
        rig.board.t += 100
        rig.turn()
        if rig.frames:
            assert rig.frames[0][9] == ACTIVE | MORE_TIME
            rig.frames.pop(0)
            rig.asked_for_time += 1
    card.out += i(0, DATA)
    assert rig.result() == (0x80, ACTIVE, 0, 0, i(0, DATA))
    assert not rig.bare


def test_a_card_pulled_inside_a_block():
    rig, card = t1([(i(0, READ), i(0, DATA)[:4])])
    rig.put(0x6F, i(0, READ))
    idle(rig, 2)
    card.present = False
    assert rig.result()[:3] == (0x80, 2 | FAILED, 0xFE)
    assert card.vcc_now == 0


def test_the_link_after_blocks_begins_with_a_resynchronisation():
    rig, card = t1([(i(0, READ), i(0, DATA))])
    assert rig.ccid(0x6F, i(0, READ))[4] == i(0, DATA)
    assert rig.ccid(0x63)[1] == PRESENT
    rig.hello()
    assert rig.power()[0] == _link.STATUS_OK
    card.script = [(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))]
    assert rig.apdu("00B0000004") == (_link.STATUS_OK, DATA)


def test_nothing_of_a_pin_is_left():
    """In one block and in a chain."""
    verify = unhex("0020000108") + b"87654321"
    script = [
        (i(0, verify), i(0, unhex("9000"))),
        (i(1, verify[:6], more=True), r(0)),
        (i(0, verify[6:]), i(1, unhex("9000"))),
    ]
    rig, _ = t1(list(script))
    reader, slot = rig.terminal.readers[0], rig.terminal.slots[0]
    for sent, answer in script:
        assert rig.ccid(0x6F, sent)[4] == answer
        for place in (slot.apdu._tpdu, slot.apdu.protocol._tx, slot._tx, reader._in._buf, reader._data):
            assert b"7654" not in bytes(place)


def test_the_clock_of_a_card_that_allows_it():
    rig, card = t1([], atr=unhex("3B 80 81 1F 47 59"))
    assert rig.ccid(0x6E, extra=b"\1\0\0") == (0x81, ACTIVE, 0, 1, b"")
    assert card.clk_now == 0
    assert rig.ccid(0x65)[3] == 1
    card.calls.clear()
    assert rig.ccid(0x6E, extra=b"\0\0\0") == (0x81, ACTIVE, 0, 0, b"")
    assert ("clk", 4000) in card.calls
    assert rig.ccid(0x6E, extra=b"\2\0\0")[:3] == (0x81, ACTIVE | FAILED, 7)
    rig, card = t1([], atr=CPS3_ATR)
    assert rig.ccid(0x6E, extra=b"\1\0\0")[:3] == (0x81, ACTIVE | FAILED, 7)
    assert card.clk_now
