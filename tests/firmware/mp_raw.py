"""Raw TPDU mode: what goes to the card as it stands, and what comes back as it came; blocks of T=1 through the whole terminal."""

from fakes import CPS3_ATR, Card, Rig, unhex
from mp_t1 import READ, SILENCE, WITH_CRC, Line
from t1card import IFS_ASKED, IFS_TAKEN, RESYNCH, RESYNCHED, block, i, r, s

from tournee_fw import _link

OK = _link.STATUS_OK
T1_ATR = unhex("3B 80 01 81")


def raw(line, sent, script, limit=2048):
    return line.run(sent, script, limit, raw=True)


# ISO7816: tpdu-raw
def test_a_block_goes_and_comes_as_it_is():
    for step in (1, 300):
        for sent, answer in (
            (i(0, READ), i(0, unhex("0102 6102"))),
            (IFS_ASKED, IFS_TAKEN),
            (i(1, READ, more=True), r(0)),
            (i(0, READ), s(0xC3, b"\x05")),  # the card wants more time: its request is the caller's to answer
            (r(1, 1), block(0x40, b"\x90\x00")[:-1] + b"\xff"),  # a wrong check too
        ):
            assert raw(Line(step=step), sent, [(sent, answer)]) == (OK, answer)


# ISO7816: tpdu-raw
def test_with_crc():
    line = Line(WITH_CRC)
    sent, answer = i(0, READ, crc=True), i(0, b"\x90\x00", crc=True)
    assert raw(line, sent, [(sent, answer)]) == (OK, answer)
    assert raw(line, i(0, READ), [])[0] == _link.STATUS_BAD_MESSAGE  # one byte of check too few


def test_blocks_that_are_none_are_not_sent():
    for text in ("", "00", "000000", "000005 00B0 00", "0000FF" + "00" * 256):
        assert raw(Line(), unhex(text), [])[0] == _link.STATUS_BAD_MESSAGE, text


# ISO7816: tpdu-raw
def test_silence_ends_after_so_many_block_waiting_times_and_keeps_the_card():
    line = Line()
    sent = i(0, READ)
    assert raw(line, sent, [(sent, SILENCE)])[0] == _link.STATUS_TIMEOUT
    assert line.t1.in_step
    line.sent = []
    line.apdu.start_tpdu(sent, len(sent), memoryview(bytearray(300)), line.now, 4)
    while not line.sent:  # the block guard time
        line._pass()
    waited = line.t1.due_ms(line.now)
    assert 4 * (line.t1.bwt_ms - 1) <= waited <= 4 * line.t1.bwt_ms + 20


def test_a_block_that_breaks_off_or_came_damaged():
    sent = i(0, READ)
    line = Line()
    line.apdu.start_tpdu(sent, len(sent), memoryview(bytearray(300)), line.now, 1)
    line.t1.feed(b"\x00\x00\x05\x01", 4, line.now)
    line._pass()
    assert line.apdu.status == _link.STATUS_PARITY and line.t1.in_step
    line = Line()
    line.apdu.start_tpdu(sent, len(sent), memoryview(bytearray(300)), line.now, 1)
    answer = i(0, b"\x90\x00")
    line.t1.parity(0, 1, line.now)
    line.t1.feed(answer, len(answer), line.now)
    line.apdu.advance(line.now)
    assert line.apdu.status == _link.STATUS_PARITY


def test_a_block_without_room():
    sent = i(0, READ)
    answer = i(0, bytes(20))
    assert raw(Line(), sent, [(sent, answer)], limit=8)[0] == _link.STATUS_TOO_LONG


# ISO7816: tpdu-raw
def test_an_apdu_after_raw_blocks_starts_from_a_resynchronisation():
    line = Line()
    sent = i(1, READ)
    raw(line, sent, [(sent, i(0, b"\x90\x00"))])
    assert line.run(READ, [(RESYNCH, RESYNCHED), (i(0, READ), i(0, unhex("01 9000")))]) == (OK, unhex("01 9000"))
    assert line.run(READ, [(i(1, READ), i(1, unhex("02 9000")))]) == (OK, unhex("02 9000"))


# ISO7816: tpdu-raw
def test_blocks_through_the_terminal():
    sent, answer = i(0, READ), i(0, unhex("0102 9000"))
    card = Card(T1_ATR, script=[(sent, answer), (r(1), answer)])
    rig = Rig([card])
    rig.hello()
    assert rig.power()[0] == OK
    assert rig.ask(_link.OP_TPDU, b"\0" + sent) == (OK, answer)
    assert rig.ask(_link.OP_TPDU, b"\0" + r(1)) == (OK, answer)


def test_a_pin_is_in_no_block_of_the_link():
    """Not in a block of its own, not cut over two: a chain is refused whole."""
    card = Card(T1_ATR)
    rig = Rig([card])
    rig.hello()
    rig.power()
    secret = unhex("0020000104 31323334")
    for sent in (i(0, secret), i(1, secret), i(0, secret[:1], more=True), i(0, unhex("00D6000004"), more=True)):
        assert rig.ask(_link.OP_TPDU, b"\0" + sent) == (_link.STATUS_FORBIDDEN, b""), sent
    assert rig.ask(_link.OP_TPDU, b"\0" + i(0, secret)[:-3])[0] == _link.STATUS_BAD_MESSAGE
    assert not card.all


def test_a_tpdu_of_t0_is_no_block():
    card = Card(CPS3_ATR, script=[(unhex("00B0000000"), unhex("6C02"))])
    rig = Rig([card])
    rig.hello()
    rig.power()
    assert rig.ask(_link.OP_TPDU, b"\0" + unhex("00B0000000")) == (OK, unhex("6C02"))
