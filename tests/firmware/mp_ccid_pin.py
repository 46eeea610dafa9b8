"""Secure of the CCID personality: the PIN of the keypad, and one keypad for both personalities."""

from ccidrig import ACTIVE, FAILED, Reader
from fakes import CPS3_ATR, Card, unhex

from tournee_fw import _link


class PinCard:
    """VERIFY with three tries; `verifies` counts the codes that came."""

    def __init__(self):
        self.tries = 3
        self.verifies = 0
        self.port = Card(CPS3_ATR, apdu=self._apdu)
        self.port.trace = False

    def _apdu(self, header, data):
        if data and self.tries:
            self.verifies += 1
            self.tries = 3 if data == b"1234" else self.tries - 1
            if self.tries == 3:
                return b"", 0x9000
        return b"", 0x63C0 | self.tries if self.tries else 0x6983


def block(most=4, least=4, pad_to=0, timeout_s=20, form=0x82, sizes=0, keys=2, apdu="00200001"):
    """bPINOperation … abPINApdu."""
    head = bytes((0, timeout_s, form, pad_to | sizes, 0, most, least, keys, 0xFF, 0, 0, 0, 0, 0, 0))
    return head + unhex(apdu)


def typed(r, keys):
    """Keys, once the keypad is open."""
    for _ in range(50):
        r.turn()
        if r.board.lines[3].startswith("OK"):
            r.board.keys += keys
            return
    raise AssertionError("the keypad never opened")


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
        (b"\1" + block()[1:], 10),
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
