"""T=1 exchange, block by block [ISO 7816-3 §11], and its slot."""

from fakes import Card, Rig, unhex
from t1card import IFS_ASKED, IFS_TAKEN, RESYNCH, RESYNCHED, block, crc16, i, r, s

from tournee_fw import _link
from tournee_fw.iso7816 import edc
from tournee_fw.iso7816 import t1 as _t1
from tournee_fw.iso7816.apdu import Apdu
from tournee_fw.iso7816.atr import Atr
from tournee_fw.iso7816.t1 import T1

OK = _link.STATUS_OK
OUT = memoryview(bytearray(2048))
READ = unhex("00B0000004")
DATA = unhex("01020304 9000")
SILENCE = None


def atr_of(text):
    atr = Atr()
    raw = unhex(text)
    tck = 0
    for c in raw:
        tck ^= c
    raw = b"\x3b" + raw + bytes((tck,))
    atr.start(4000, 0, 0)
    atr.feed(raw, len(raw), 0)
    assert atr.status == OK and not atr.busy
    return atr


PLAIN = "80 01"
WITH_CRC = "80 81 41 01"  # TC3 = 01
IFSC_5 = "80 81 11 05"


class Line:
    """A T=1 line: `run` compares each block sent with the script's and feeds what the script answers (None: silence)."""

    def __init__(self, atr=PLAIN, step=1, ifs=False):
        self.step = step
        self.sent = []
        self.at = []
        self.t1 = T1(self._send)
        self.apdu = Apdu(self.t1)
        self.now = 1000
        self.t1.timing(atr_of(atr), 372, 1, 4000, 0)
        if not ifs:
            self.t1._offer_ifs = False

    def _send(self, buf, n):
        self.sent.append(bytes(buf[:n]))
        self.at.append(self.now)

    def _pass(self):
        """Time goes on to the next thing due."""
        assert self.t1.due_ms(self.now) < 100_000
        self.now += max(1, self.t1.due_ms(self.now))
        self.t1.tick(self.now)
        self.apdu.advance(self.now)

    def run(self, command, script, limit=2048, raw=False):
        """(status, answer)."""
        self.sent = []
        if raw:
            self.apdu.start_tpdu(command, len(command), OUT[:limit], self.now, 1)
        else:
            self.apdu.start(command, len(command), OUT[:limit], self.now)
        for turn, (want, answer) in enumerate(script):
            for _ in range(3):  # the block guard time, or a damaged block's end
                if self.sent:
                    break
                self._pass()
            assert self.sent == [want], (turn, self.sent, want)
            self.sent = []
            if answer is SILENCE:
                self._pass()
                continue
            for k in range(0, len(answer), self.step):
                piece = answer[k : k + self.step]
                self.t1.feed(piece, len(piece), self.now)
                self.apdu.advance(self.now)
        assert not self.apdu.busy, _t1.STATES[self.t1.state]
        assert not self.sent, self.sent
        return self.apdu.status, bytes(OUT[: self.apdu.length])


def both(command, script, status=OK, answer=DATA, in_step=True, **more):
    """The same characters one at a time and in one piece; returns the last line."""
    for step in (1, 300):
        limit = more.get("limit", 2048)
        line = Line(more.get("atr", PLAIN), step, more.get("ifs", False))
        got = line.run(command, script, limit)
        assert got == (status, answer if status == OK else b""), (step, got)
        assert line.t1.in_step == in_step
    return line


# I-blocks and chains


# ISO7816: t1-i
def test_one_block_each_way():
    both(READ, [(i(0, READ), i(0, DATA))])


# ISO7816: t1-i
def test_numbers_alternate_over_exchanges():
    line = Line()
    for n in (0, 1, 0, 1):
        assert line.run(READ, [(i(n, READ), i(n, DATA))]) == (OK, DATA)


# ISO7816: apdu-t1
def test_all_cases_go_out_as_they_are():
    for text in (
        "000A0102",
        "00B0000000",
        "00D6000002AABB",
        "00CB3FFF02AABB00",
        "00B00000001000",
        "00D60000000002AABB",
    ):
        both(unhex(text), [(i(0, unhex(text)), i(0, DATA))])


# ISO7816: apdu-channel
def test_logical_channel_and_command_chaining_pass():
    for text in ("01B0000004", "42B0000004", "10D6000002AABB"):
        both(unhex(text), [(i(0, unhex(text)), i(0, DATA))])


# ISO7816: t1-chain
def test_command_in_a_chain():
    command = unhex("00D6000005 AABBCCDDEE")  # 10 bytes, IFSC 4 after the card's wish
    script = [
        (i(0, command[:5], True), r(1)),
        (i(1, command[5:]), i(0, b"\x90\x00")),
    ]
    both(command, script, answer=b"\x90\x00", atr=IFSC_5)


# ISO7816: t1-chain apdu-t1
def test_extended_command_and_answer_in_chains():
    command = unhex("00D6000000012C") + bytes(range(256)) + bytes(44) + unhex("0400")
    blocks = [command[k : k + 32] for k in range(0, len(command), 32)]
    answer = bytes(range(250)) * 4 + b"\x90\x00"
    pieces = [answer[k : k + 30] for k in range(0, len(answer), 30)]
    script = []
    for n, part in enumerate(blocks):
        more = n + 1 < len(blocks)
        script.append((i(n & 1, part, more), r(n + 1 & 1) if more else i(0, pieces[0], True)))
    for n, part in enumerate(pieces[1:], 1):
        script.append((r(n & 1), i(n & 1, part, n + 1 < len(pieces))))
    line = both(command, script, answer=answer)
    assert line.t1.in_step


def test_get_response_and_6c_are_followed():
    get = unhex("00C0000002")
    both(READ, [(i(0, READ), i(0, unhex("0102 6102"))), (i(1, get), i(1, unhex("0304 9000")))])
    again = unhex("00B0000002")
    both(
        unhex("00B0000000"),
        [(i(0, unhex("00B0000000")), i(0, unhex("6C02"))), (i(1, again), i(1, unhex("0102 9000")))],
        answer=unhex("0102 9000"),
    )


def test_answer_shorter_than_a_status_word():
    both(READ, [(i(0, READ), i(0, b"\x90"))], _link.STATUS_PROTOCOL)


# Error detection


# ISO7816: t1-edc
def test_crc_vector():
    """Blocks captured between libccid, readers and a card with CRC [OsEID, doc/T1_CRC.txt]."""
    for text in (
        "00 C1 01 FE 54 4E",
        "00 E1 01 FE 57 75",
        "00 00 05 00 A4 00 00 00 B8 DA",
        "00 90 00 20 6E",
        "00 80 00 B5 FF",
        "00 60 07 00 02 8A 01 AA 90 00 A6 33",
        "00 C1 01 F8 31 78",
    ):
        captured = unhex(text)
        n = len(captured) - 2
        assert edc.crc(captured, n) == captured[n] << 8 | captured[n + 1], text
        assert crc16(captured[:n]) == captured[n:], text
    assert edc.lrc(unhex("00 C1 01 FE 3E"), 5) == 0


# ISO7816: t1-edc
def test_crc_card():
    both(READ, [(i(0, READ, crc=True), i(0, DATA, crc=True))], atr=WITH_CRC)
    bad = bytearray(i(0, DATA, crc=True))
    bad[4] ^= 1
    both(READ, [(i(0, READ, crc=True), bytes(bad)), (r(0, 1, crc=True), i(0, DATA, crc=True))], atr=WITH_CRC)


# ISO7816: t1-edc t1-r
def test_damaged_block_is_asked_for_again():
    for at in (3, 5, 9):
        bad = bytearray(i(0, DATA))
        bad[at] ^= 0x10
        both(READ, [(i(0, READ), bytes(bad)), (r(0, 1), i(0, DATA))])


# ISO7816: t1-cwt
def test_block_that_breaks_off_is_asked_for_again():
    for n in (1, 2, 3, 6, 9):
        both(READ, [(i(0, READ), i(0, DATA)[:n]), (r(0, 2), i(0, DATA))])


# ISO7816: t1-prologue
def test_blocks_that_do_not_fit():
    for bad in (
        block(0x00, DATA, nad=0x21),
        block(0x01, DATA),
        block(0x40, DATA),  # number out of turn
        block(0x90),  # acknowledges the last block instead of answering
        block(0x84),
        block(0x80, b"\x01"),
        block(0xC0),  # only the reader resynchronises
        block(0xC1, b"\x00"),
        block(0xC1, b"\xff"),
        block(0xC1),
        block(0xC3),
        block(0xC4),
        block(0xE1, b"\xfe"),
        block(0xE0),
        block(0x00, bytes(33)),  # longer than IFSD
        block(0x00, bytes(254) + b"\xff"),  # LEN FF
    ):
        both(READ, [(i(0, READ), bad), (r(0, 2), i(0, DATA))])


# ISO7816: t1-prologue
def test_the_old_vpp_bits_of_the_node_address_are_ignored():
    for nad in (0x08, 0x80, 0x88):
        both(READ, [(i(0, READ), block(0x00, DATA, nad=nad))])


# ISO7816: t1-r
def test_card_asks_for_our_block_again():
    both(READ, [(i(0, READ), r(0, 1)), (i(0, READ), i(0, DATA))])
    command = unhex("00D6000005 AABBCCDDEE")
    script = [
        (i(0, command[:5], True), r(0, 1)),
        (i(0, command[:5], True), r(1)),
        (i(1, command[5:]), r(1, 2)),
        (i(1, command[5:]), i(0, b"\x90\x00")),
    ]
    both(command, script, answer=b"\x90\x00", atr=IFSC_5)


# ISO7816: t1-r
def test_a_block_the_card_never_saw_is_sent_again_after_two_silences():
    script = [
        (i(0, READ), SILENCE),
        (r(0, 2), SILENCE),
        (r(0, 2), r(0)),
        (i(0, READ), i(0, DATA)),
    ]
    both(READ, script)


# ISO7816: t1-r
def test_acknowledgement_lost_in_the_cards_chain():
    script = [
        (i(0, READ), i(0, DATA[:3], True)),
        (r(1), r(1, 1)),
        (r(1), i(1, DATA[3:])),
    ]
    both(READ, script)


# Time


# ISO7816: t1-times
def test_waiting_times():
    t1 = Line().t1
    assert t1.bgt_ms == 3 and t1.bwt_ms == 2 + 1429  # 11 etu, 2^4 x 960 x 372 / 4 MHz
    assert t1.cwt_ms == 763 + 36  # 11 + 2^13 etu, and 32 gathered characters


# ISO7816: t1-times chr-guard
def test_the_wait_begins_when_our_block_has_left():
    """Each character takes 12 + N etu, 11 where TC1 is FF."""
    for text, char_us in ((PLAIN, 12 * 93), ("C0 64 01", 112 * 93), ("C0 FE 01", 266 * 93), ("C0 FF 01", 11 * 93)):
        line = Line(text)
        command = unhex("00D60000C8") + bytes(200)
        assert line.t1.ifsc == 32
        line.apdu.start(command, len(command), OUT, line.now)
        n = len(line.sent[0])
        assert n == 36
        assert 0 <= line.t1.due_ms(line.now) - line.t1.bwt_ms - n * char_us // 1000 <= 1, text


# ISO7816: t1-chain
def test_a_block_without_data_in_a_chain():
    """§11.6.3: it may be the first, one between, or the last."""
    both(READ, [(i(0, READ), i(0, b"", True)), (r(1), i(1, DATA[:2], True)), (r(0), i(0, DATA[2:]))])
    both(READ, [(i(0, READ), i(0, DATA[:2], True)), (r(1), i(1, b"", True)), (r(0), i(0, DATA[2:]))])
    both(READ, [(i(0, READ), i(0, DATA, True)), (r(1), i(1, b""))])


# ISO7816: t1-cwt
def test_a_damaged_character_spoils_its_own_block_alone():
    """The block broke off; what the card repeats is whole."""
    line = Line()
    line.apdu.start(READ, len(READ), OUT, line.now)
    answer = i(0, DATA)
    line.t1.feed(answer, 4, line.now)
    line.t1.parity(0, 1, line.now)
    line.sent = []
    while not line.sent:
        line._pass()
    assert line.sent == [r(0, 2)]
    line.t1.feed(answer, len(answer), line.now)
    line.apdu.advance(line.now)
    assert not line.apdu.busy and line.apdu.status == OK and bytes(OUT[: line.apdu.length]) == DATA


# ISO7816: t1-cwt
def test_a_damaged_raw_block_leaves_nothing_to_the_next():
    line = Line()
    ask, answer = i(0, READ), i(0, DATA)
    line.apdu.start_tpdu(ask, len(ask), OUT, line.now, 1)
    line.t1.feed(answer, 4, line.now)
    line.t1.parity(0, 1, line.now)
    for _ in range(3):
        if line.apdu.busy:
            line._pass()
    assert line.apdu.status == _link.STATUS_PARITY
    assert line.run(ask, [(ask, answer)], raw=True) == (OK, answer)


# ISO7816: t1-bgt
def test_guard_time_between_blocks():
    line = Line(ifs=True)
    line.run(READ, [(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))])
    assert line.at[1] - line.at[0] >= line.t1.bgt_ms


# ISO7816: t1-wtx
def test_waiting_time_extension_multiplies_the_next_wait():
    line = Line()
    line.apdu.start(READ, 5, OUT, line.now)
    line.sent.clear()
    wtx = s(0xC3, b"\x03")
    line.t1.feed(wtx, len(wtx), line.now)
    line._pass()
    assert line.sent == [s(0xE3, b"\x03")]
    assert line.t1.due_ms(line.now) >= 3 * 1429
    line.sent.clear()
    line.now += 3 * 1429
    answer = i(0, DATA)
    line.t1.feed(answer, len(answer), line.now)
    line.apdu.advance(line.now)
    assert not line.apdu.busy and line.apdu.status == OK


# ISO7816: t1-wtx
def test_extension_in_mid_chain():
    script = [
        (i(0, READ), i(0, DATA[:3], True)),
        (r(1), s(0xC3, b"\x01")),
        (s(0xE3, b"\x01"), i(1, DATA[3:])),
    ]
    both(READ, script)


# ISO7816: t1-wtx
def test_a_card_that_only_asks_for_time_is_given_up():
    line = Line()
    line.apdu.start(READ, 5, OUT, line.now)
    begin = line.now
    wtx = s(0xC3, b"\x01")
    while line.apdu.busy:
        line._pass()
        if line.sent:
            line.sent.clear()
            line.now += 1000
            line.t1.feed(wtx, len(wtx), line.now)
            line.apdu.advance(line.now)
    assert line.apdu.status == _link.STATUS_TIMEOUT and not line.t1.in_step
    assert 60_000 <= line.now - begin < 65_000


# IFS, ABORT, RESYNCH


# ISO7816: t1-ifs
def test_ifs_is_offered_once_and_taken():
    line = Line(ifs=True)
    assert line.run(READ, [(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))]) == (OK, DATA)
    big = bytes(252) + b"\x90\x00"
    assert line.run(unhex("00B00000FC"), [(i(1, unhex("00B00000FC")), i(1, big))]) == (OK, big)


# ISO7816: t1-ifs
def test_ifs_request_of_the_card_counts_at_once():
    command = unhex("00D600000A") + bytes(10)
    script = [
        (i(0, command[:5], True), s(0xC1, b"\x20")),
        (s(0xE1, b"\x20"), r(1)),
        (i(1, command[5:]), i(0, b"\x90\x00")),
    ]
    both(command, script, answer=b"\x90\x00", atr=IFSC_5)


# ISO7816: t1-ifs
def test_card_without_ifs_is_used_with_32():
    refused = r(0, 2)
    script = [
        (IFS_ASKED, refused),
        (IFS_ASKED, refused),
        (IFS_ASKED, refused),
        (RESYNCH, RESYNCHED),
        (i(0, READ), i(0, DATA)),
    ]
    line = both(READ, script, ifs=True)
    assert line.t1.ifsd == 32


# ISO7816: t1-abort
def test_answer_without_room_aborts_the_chain():
    script = [
        (i(0, READ), i(0, bytes(30), True)),
        (r(1), i(1, bytes(30), True)),
        (s(0xC2), s(0xE2)),
    ]
    line = both(READ, script, _link.STATUS_TOO_LONG, limit=40)
    assert line.run(READ, [(i(1, READ), i(0, DATA))]) == (OK, DATA)


# ISO7816: t1-abort
def test_card_aborts_our_chain():
    command = unhex("00D6000005 AABBCCDDEE")
    script = [(i(0, command[:5], True), s(0xC2)), (s(0xE2), r(1))]
    line = both(command, script, _link.STATUS_PROTOCOL, atr=IFSC_5)
    assert line.run(READ, [(i(1, READ), i(0, DATA))]) == (OK, DATA)


# ISO7816: t1-resynch
def test_three_tries_then_resynch_then_the_card_is_kept():
    bad = bytes(i(0, DATA)[:-1] + b"\x00")
    script = [(i(0, READ), bad), (r(0, 1), bad), (r(0, 1), bad), (RESYNCH, RESYNCHED)]
    line = both(READ, script, _link.STATUS_PROTOCOL)
    assert line.run(READ, [(i(0, READ), i(0, DATA))]) == (OK, DATA)


# ISO7816: t1-once
def test_a_command_that_went_out_is_never_begun_again():
    """A lost answer is not a reason to sign, or to try a PIN, twice."""
    script = [(i(0, READ), SILENCE), (r(0, 2), SILENCE), (r(0, 2), SILENCE), (RESYNCH, RESYNCHED)]
    both(READ, script, _link.STATUS_TIMEOUT)


# ISO7816: t1-once
def test_a_chain_that_did_not_end_is_begun_again_once():
    command = unhex("00D6000005 AABBCCDDEE")
    first = i(0, command[:5], True)
    tries = [(first, r(0, 1)), (first, r(0, 1)), (first, r(0, 1))]
    good = [(first, r(1)), (i(1, command[5:]), i(0, b"\x90\x00"))]
    both(command, tries + [(RESYNCH, RESYNCHED)] + good, answer=b"\x90\x00", atr=IFSC_5)
    both(
        command,
        tries + [(RESYNCH, RESYNCHED)] + tries + [(RESYNCH, RESYNCHED)],
        _link.STATUS_PROTOCOL,
        atr=IFSC_5,
    )


# ISO7816: t1-resynch
def test_three_resynchs_then_a_reset():
    script = [(i(0, READ), SILENCE), (r(0, 2), SILENCE), (r(0, 2), SILENCE)] + [(RESYNCH, SILENCE)] * 3
    both(READ, script, _link.STATUS_TIMEOUT, in_step=False)


def test_wipe_leaves_nothing_of_the_command():
    line = Line()
    secret = unhex("0020000104 31323334")
    assert line.run(secret, [(i(0, secret), i(0, b"\x90\x00"))]) == (OK, b"\x90\x00")
    line.apdu.wipe()
    for buf in (line.t1._tx, line.t1._rx, line.apdu._tpdu):
        assert not any(buf)


def test_every_state_has_a_name():
    assert len(_t1.STATES) == _t1.T1_RAW + 1


# The slot


class T1Card(Card):
    """Answers each block by the script [(block, answer)]; `b""` is silence."""

    def write(self, buf, n):
        self.all += bytes(buf[:n])
        self.got += bytes(buf[:n])
        if not self.script:
            return
        want, answer = self.script[0]
        if len(self.got) >= len(want):
            assert bytes(self.got) == want, (bytes(self.got), want)
            self.got = bytearray()
            self.script.pop(0)
            self.out += answer


T1_ATR = b"\x3b" + unhex("80 01 81")


def rig(script):
    card = T1Card(T1_ATR, script=script)
    rg = Rig([card])
    rg.hello()
    assert rg.power()[0] == OK
    return card, rg


def test_slot_speaks_t1():
    card, rg = rig([(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))])
    assert rg.apdu("00B0000004") == (OK, DATA) and not card.script


def test_slot_begins_afresh_after_a_warm_reset():
    card, rg = rig([(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))] * 2)
    assert rg.apdu("00B0000004") == (OK, DATA)
    assert rg.power(warm=1)[0] == OK
    assert rg.apdu("00B0000004") == (OK, DATA) and not card.script


def test_slot_of_a_mute_t1_card_is_freed():
    card, rg = rig([])
    assert rg.apdu("00B0000004")[0] == _link.STATUS_TIMEOUT
    assert card.vcc_now == 0


# ISO7816: t1-resynch
def test_slot_stays_powered_after_a_resynchronisation():
    script = [(IFS_ASKED, IFS_TAKEN), (i(0, READ), b""), (r(0, 2), b""), (r(0, 2), b""), (RESYNCH, RESYNCHED)]
    card, rg = rig(script + [(i(0, READ), i(0, DATA))])
    assert rg.apdu("00B0000004")[0] == _link.STATUS_TIMEOUT
    assert card.vcc_now == 1
    assert rg.apdu("00B0000004") == (OK, DATA)


# ISO7816: act-removed
def test_card_pulled_in_mid_block():
    for at in range(1, len(i(0, DATA))):
        card, rg = rig([(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA)[:at])])
        number = rg.start(_link.OP_APDU, b"\0" + READ)
        for _ in range(6):
            rg.turn()
        card.present = False
        assert rg.wait_for(_link.OP_APDU, number)[0] == _link.STATUS_REMOVED, at
        assert card.vcc_now == 0


def test_no_growth_over_t1_exchanges():
    import gc

    card, rg = rig([(IFS_ASKED, IFS_TAKEN), (i(0, READ), i(0, DATA))])
    numbers = [0]

    def write(buf, n):
        pcb = buf[1]
        card.out += i(pcb >> 6 & 1, DATA)
        numbers[0] += 1

    assert rg.apdu("00B0000004") == (OK, DATA)
    rg.terminal.slots[0].apdu.protocol.send = write
    body = b"\0" + READ

    def exchanges(n):
        for _ in range(n):
            assert rg.ask(_link.OP_APDU, body) == (OK, DATA)
            rg.events.clear()

    exchanges(50)
    gc.collect()
    before = gc.mem_alloc()
    exchanges(2000)
    gc.collect()
    assert gc.mem_alloc() - before <= 256
    assert numbers[0] == 2050
