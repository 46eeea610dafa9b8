"""Secure of the CCID personality: the PIN of the keypad, and one keypad for both personalities."""

from ccidrig import ACTIVE, FAILED, Reader
from fakes import CPS3_ATR, Card, unhex
from t1card import block as t1_block
from t1card import i
from t1card import r as ready
from t1card import s as supervise

from tournee_fw import _link


class PinCard:
    """VERIFY and CHANGE REFERENCE DATA with three tries; `verifies` counts the codes that came."""

    def __init__(self):
        self.tries = 3
        self.verifies = 0
        self.pin = b"1234"
        self.changes = []
        self.port = Card(CPS3_ATR, apdu=self._apdu)
        self.port.trace = False

    def _apdu(self, header, data):
        if header[1] == 0x24:
            self.changes.append(bytes(data))
        if data and self.tries:
            self.verifies += 1
            self.tries = 3 if bytes(data[: len(self.pin)]) == self.pin else self.tries - 1
            if self.tries == 3:
                if header[1] == 0x24:
                    self.pin = bytes(data[len(data) // 2 :])
                return b"", 0x9000
        return b"", 0x63C0 | self.tries if self.tries else 0x6983


def block(most=4, least=4, pad_to=0, timeout_s=20, form=0x82, sizes=0, keys=2, apdu="00200001"):
    """bPINOperation … abPINApdu."""
    head = bytes((0, timeout_s, form, pad_to | sizes, 0, most, least, keys, 0xFF, 0, 0, 0, 0, 0, 0))
    return head + unhex(apdu)


def modification(most=4, least=4, pad_to=0, timeout_s=20, old=0, new=4, ask=3, messages=3, apdu="00240001"):
    """bPINOperation … abPINApdu, the message indices as libccid writes them."""
    head = bytes((1, timeout_s, 0x82, pad_to, 0, old, new, most, least, ask, 2, messages, 0, 0, 0))
    indices = 2 if messages == 3 else 1 if messages else 0
    return head + bytes(indices + 3) + unhex(apdu)


def typed(r, keys, title=""):
    """Keys, once the keypad is open and `title` is shown."""
    for _ in range(50):
        r.turn()
        if r.board.lines[3].startswith("OK") and r.board.lines[0].startswith(title):
            r.board.keys += keys
            return
    raise AssertionError("the keypad never opened: %s" % r.board.lines)


def shown(r, text):
    for _ in range(5):
        if any(text in line for line in r.board.lines):
            return
        r.turn()
    raise AssertionError(r.board.lines)


def codes(*each):
    return [[ord(c) for c in code] + [13] for code in each]


def test_secure_pin_from_the_keypad():
    card = PinCard()
    r = Reader([card.port], "GemPCPinPad")
    r.on()
    frame = r.put(0x69, block())
    typed(r, [ord(c) for c in "1235"] + [13])
    assert r.frame_in() == frame
    assert r.result()[:2] == (0x80, ACTIVE)
    assert card.tries == 2
    frame = r.put(0x69, block())
    typed(r, [ord(c) for c in "1234"] + [13])
    assert r.frame_in() == frame
    assert r.result()[4] == unhex("9000")
    assert card.tries == 3 and card.verifies == 2


def test_secure_cancel_time_out_blocked_abort():
    card = PinCard()
    r = Reader([card.port])
    r.on()
    r.put(0x69, block())
    typed(r, [ord("1"), 0x1B])
    assert r.result()[:3] == (0x80, ACTIVE | FAILED, 0xEF)
    assert r.ccid(0x69, block(timeout_s=3))[:3] == (0x80, ACTIVE | FAILED, 0xF0)
    r.put(0x69, block())
    typed(r, [])
    asked = r.seq_ccid
    r.put(0x72)
    aborted = r.frame_in()
    assert aborted[8] == asked and aborted[10] == 0xFF
    assert r.result()[:3] == (0x81, ACTIVE, 0)
    card.tries = 0
    assert r.ccid(0x69, block())[4] == unhex("6983")
    assert not card.verifies


def test_secure_templates_that_are_not_ours():
    r = Reader([PinCard().port])
    r.on()
    wrong = (
        (block()[:15], 1),
        (b"\2" + block()[1:], 10),
        (block(form=0x81), 12),
        (block(sizes=0x40), 13),
        (block(keys=1), 17),
        (block(least=9), 15),
        (block(apdu="00240001"), 26),
    )
    for data, error in wrong:
        assert r.ccid(0x69, data)[1:3] == (ACTIVE | FAILED, error), error


def test_one_keypad_for_both_personalities():
    r = Reader([PinCard().port, PinCard().port])
    r.hello()
    r.on()
    assert r.power(slot=1)[0] == _link.STATUS_OK
    r.put(0x69, block())
    typed(r, [])
    body = b"\x01" + unhex("00200001") + bytes((4, 4, 0, 0xFF, 30, 0))
    assert r.ask(_link.OP_PIN_VERIFY, body)[0] == _link.STATUS_BUSY
    r.board.keys += [0x1B]
    assert r.result()[2] == 0xEF
    number = r.start(_link.OP_PIN_VERIFY, body)
    typed(r, [])
    assert r.ccid(0x69, block())[2] == 0xE0
    r.board.keys += [0x1B]
    assert r.wait_for(_link.OP_PIN_VERIFY, number)[0] == _link.STATUS_CANCELLED


def changed(r, wanted, *entries):
    """SW of a modification; `entries`: title and keys."""
    r.put(0x69, wanted)
    for title, keys in entries:
        typed(r, keys, title)
    return r.result()


def test_secure_another_pin_from_the_keypad():
    card = PinCard()
    r = Reader([card.port])
    r.on()
    old, new, again = codes("1234", "5678", "5678")
    entries = (("Code actuel", old), ("Nouveau code   ", new), ("Nouveau code, encore", again))
    assert changed(r, modification(), *entries)[4] == unhex("9000")
    assert card.changes == [b"12345678"] and card.pin == b"5678"
    shown(r, "Code chang")
    r.put(0x69, block())
    typed(r, codes("5678")[0])
    assert r.result()[4] == unhex("9000"), "the new one holds"


def test_secure_modifications_of_every_layout():
    """Padded blocks, the new code before the old one, a template with its own filling, no confirmation, no current code."""
    for wanted, entries, sent in (
        (modification(most=8, pad_to=8, new=8), ("12345", "123456", "123456"), b"12345\xff\xff\xff123456\xff\xff"),
        (modification(old=4, new=0), ("1234", "5678", "5678"), b"56781234"),
        (modification(old=1, new=6, apdu="00240001 0B 0A000000000B000000000C"), ("1234", "5678", "5678"),
         b"\x0a1234\x0b5678\x0c"),
        (modification(ask=2, messages=2), ("1234", "5678"), b"12345678"),
        (modification(ask=0, messages=0, new=0, apdu="00240101"), ("5678",), b"5678"),
        (modification(ask=1, messages=0, new=0, apdu="00240101"), ("5678", "5678"), b"5678"),
    ):  # fmt: skip
        card = PinCard()
        card.pin = sent[: 0 if len(sent) < 8 else 1]
        r = Reader([card.port])
        r.on()
        r.put(0x69, wanted)
        for code in codes(*entries):
            for _ in range(50):
                r.turn()
                if r.board.lines[3].startswith("OK") and not r.board.lines[1].startswith("*"):
                    break
            r.board.keys += code
        assert r.result()[4] == unhex("9000"), sent
        assert card.changes == [sent]


def test_secure_modification_of_a_gemalto_pin_pad():
    """libccid writes all three indices and then the number that the program gave."""
    card = PinCard()
    r = Reader([card.port], "GemPCPinPad")
    r.on()
    wanted = bytearray(modification(ask=2))
    wanted[11] = 2
    frame = r.put(0x69, bytes(wanted))
    old, new = codes("1234", "5678")
    typed(r, old, "Code actuel")
    typed(r, new, "Nouveau code   ")
    assert r.frame_in() == frame
    assert r.result()[4] == unhex("9000") and card.pin == b"5678"


def test_secure_modification_not_made():
    """Typed differently, cancelled, timed out, aborted, blocked: nothing goes to the card; a wrong current code costs one try."""
    card = PinCard()
    r = Reader([card.port])
    r.on()
    old, new, other = codes("1234", "5678", "5679")
    first = (("Code actuel", old), ("Nouveau code   ", new))
    assert changed(r, modification(), *first, ("Nouveau code, encore", other))[4] == unhex("6402")
    shown(r, "Codes diff")
    assert changed(r, modification(), *first, ("Nouveau code, encore", [0x1B]))[:3] == (0x80, ACTIVE | FAILED, 0xEF)
    assert changed(r, modification(timeout_s=3), ("Code actuel", old))[:3] == (0x80, ACTIVE | FAILED, 0xF0)
    r.put(0x69, modification())
    typed(r, old, "Code actuel")
    asked = r.seq_ccid
    r.put(0x72)
    aborted = r.frame_in()
    assert aborted[8] == asked and aborted[10] == 0xFF
    assert r.result()[:3] == (0x81, ACTIVE, 0)
    assert not card.changes
    wrong = ("Code actuel", codes("4321")[0])
    assert changed(r, modification(), wrong, *first[1:], ("Nouveau code, encore", new))[4] == unhex("63C2")
    card.tries = 1
    r.put(0x69, modification())
    typed(r, [0x1B], "DERNIER ESSAI")
    assert r.result()[2] == 0xEF
    card.tries = 0
    assert r.ccid(0x69, modification())[4] == unhex("6983")
    assert len(card.changes) == 1 and card.pin == b"1234"


def test_secure_modifications_that_are_not_ours():
    r = Reader([PinCard().port])
    r.on()
    good = modification()
    wrong = (
        (good[:20], 1),
        (modification(most=4, least=5), 17),
        (modification(least=3), 13),
        (modification(new=3), 16),
        (modification(new=62), 16),
        (modification(apdu="002C0001"), 31),
        (good[:2] + b"\x81" + good[3:], 12),
        (good[:10] + b"\1" + good[11:], 20),
    )
    for data, error in wrong:
        assert r.ccid(0x69, data)[1:3] == (ACTIVE | FAILED, error), (data, error)


def test_nothing_of_a_code_is_left():
    """Neither in the buffers of the entry nor in those of the slot and the line."""
    card = PinCard()
    r = Reader([card.port])
    r.on()
    old, new, again = codes("1234", "7777", "7777")
    first = (("Code actuel", old), ("Nouveau code   ", new), ("Nouveau code, encore", again))
    assert changed(r, modification(), *first)[4] == unhex("9000")
    reader = r.terminal.readers[0]
    pin, slot = reader._pin, r.terminal.slots[0]
    for place in (pin._digits.buf, pin._current.buf, pin._new.buf, pin._apdu, slot.apdu._tpdu, slot._tx,
                  slot.apdu.protocol._tpdu, reader._in._buf, reader._out._buf, reader._data):  # fmt: skip
        for code in (b"1234", b"7777"):
            assert code not in bytes(place)


T1_ATR = unhex("3B 80 01 81")
ASK = unhex("00200001")
WRONG, GOOD = unhex("63C3"), unhex("9000")


def t1_reader(script, reader="SEC1210", atr=T1_ATR):
    card = Card(atr, script=script)
    r = Reader([card], reader)
    r.on()
    return r, card


def with_pcb(wanted, ns, modify=False):
    """The host numbered its I-block: NAD PCB LEN in bTeoPrologue."""
    at = 17 if modify else 12
    return wanted[:at] + bytes((0, ns << 6, 9)) + wanted[at + 3 :]


def test_secure_on_t1_keeps_the_numbers_of_the_host():
    """The tries are asked for twice, the code goes once: both sides are where the host thinks they are."""
    verify = unhex("0020000104") + b"1234"
    script = [
        (i(0, unhex("00B0000004")), i(0, unhex("01020304 9000"))),
        (i(1, ASK), i(1, WRONG)),
        (i(0, ASK), i(0, WRONG)),
        (i(1, verify), i(1, GOOD)),
        (i(0, unhex("00B0000004")), i(0, unhex("05060708 9000"))),
    ]
    for flavour in ("SEC1210", "GemPCPinPad"):
        r, card = t1_reader(list(script), flavour)
        assert r.ccid(0x6F, script[0][0])[4] == script[0][1]
        frame = r.put(0x69, with_pcb(block(), 1))
        typed(r, codes("1234")[0])
        if r.echo:
            assert r.frame_in() == frame
        assert r.result() == (0x80, ACTIVE, 0, 0, i(1, GOOD))
        assert r.ccid(0x6F, script[4][0])[4] == script[4][1]
        assert not card.script
        reader, slot = r.terminal.readers[0], r.terminal.slots[0]
        for place in (reader._pin._apdu, slot.apdu._tpdu, slot.apdu.protocol._tx, slot._tx, reader._in._buf):
            assert b"1234" not in bytes(place)


def test_secure_on_t1_grants_time_and_never_sends_a_code_twice():
    verify = unhex("0020000104") + b"1234"
    asked = [(i(0, ASK), i(0, WRONG)), (i(1, ASK), i(1, WRONG))]
    wtx = [(i(0, verify), supervise(0xC3, b"\x02")), (supervise(0xE3, b"\x02"), i(0, GOOD))]
    r, card = t1_reader(asked + wtx)
    r.put(0x69, with_pcb(block(), 0))
    typed(r, codes("1234")[0])
    assert r.result()[4] == i(0, GOOD)
    for wrong in (ready(0, 1), t1_block(0, GOOD)[:-1] + b"\x55", t1_block(0, b"\x90"), b""):
        r, card = t1_reader(asked + [(i(0, verify), wrong)])
        r.put(0x69, with_pcb(block(), 0))
        typed(r, codes("1234")[0])
        answer = r.result()
        assert answer[1] == ACTIVE | FAILED and answer[2] == (0xF4 if wrong else 0xFE), wrong
        assert not card.script and not card.got


def test_secure_on_t1_without_a_code_leaves_the_numbers():
    """Cancelled, blocked, verified already: an even number of blocks, and an answer of two bytes or none."""
    for sw, keys, wanted in ((WRONG, [0x1B], b""), (unhex("6983"), None, unhex("6983")), (GOOD, None, GOOD)):
        r, card = t1_reader([(i(0, ASK), i(0, sw)), (i(1, ASK), i(1, sw)), (i(0, ASK), i(0, GOOD))])
        r.put(0x69, with_pcb(block(), 0))
        if keys:
            typed(r, keys)
        assert r.result()[4] == wanted
        assert r.ccid(0x6F, i(0, ASK))[4] == i(0, GOOD)


def test_secure_another_pin_on_t1():
    change = unhex("0024000108") + b"12345678"
    script = [(i(1, ASK), i(1, WRONG)), (i(0, ASK), i(0, WRONG)), (i(1, change), i(1, GOOD))]
    r, card = t1_reader(script)
    old, new, again = codes("1234", "5678", "5678")
    entries = (("Code actuel", old), ("Nouveau code   ", new), ("Nouveau code, encore", again))
    assert changed(r, with_pcb(modification(), 1, modify=True), *entries)[4] == i(1, GOOD)
    assert not card.script


def test_secure_on_t1_with_crc():
    verify = unhex("0020000104") + b"1234"
    script = [(i(0, ASK, crc=True), i(0, WRONG, crc=True)), (i(1, ASK, crc=True), i(1, WRONG, crc=True))]
    script.append((i(0, verify, crc=True), i(0, GOOD, crc=True)))
    r, card = t1_reader(script, atr=unhex("3B9413817120150147454E313E"))
    r.put(0x69, with_pcb(block(), 0))
    typed(r, codes("1234")[0])
    assert r.result()[4] == i(0, GOOD, crc=True)
