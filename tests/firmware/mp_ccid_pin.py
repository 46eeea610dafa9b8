"""Secure of the CCID personality: the PIN of the keypad, and one keypad for both personalities."""

from ccidrig import ACTIVE, FAILED, Reader
from fakes import CPS3_ATR, Card, unhex

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
