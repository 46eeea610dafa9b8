"""PIN on the keypad: template, counter first, last try, padding, time-outs, and nothing left behind."""

from fakes import CPS3_ATR, Card, Rig, unhex

from tournee_fw import _link

OK = _link.STATUS_OK
ENTER = 0x0D
CANCEL = 0x1B
CORRECT = 0x08


class PinCard:
    """A CPS-like card: VERIFY 01 with three tries."""

    def __init__(self, tries=3, pin=b"1234", counter=True):
        self.tries = tries
        self.pin = pin
        self.counter = counter
        self.queries = 0
        self.verifies = []
        self.verified = False
        self.port = Card(CPS3_ATR, apdu=self._apdu)
        self.port.trace = False

    def _apdu(self, header, data):
        if header[1] != 0x20:
            return b"", 0x6D00
        if not data:
            self.queries += 1
            if not self.counter:
                return b"", 0x6700
            if self.verified:
                return b"", 0x9000
            return b"", 0x63C0 | self.tries if self.tries else 0x6983
        self.verifies.append(len(data))
        if not self.tries:
            return b"", 0x6983
        if data == self.pin:
            self.tries = 3
            return b"", 0x9000
        self.tries -= 1
        return b"", 0x63C0 | self.tries if self.tries else 0x6983


def template(least=4, most=4, pad_to=0, pad=0xFF, timeout_s=30, prompt=b"Code porteur", header="00200001", slot=0):
    return bytes((slot,)) + unhex(header) + bytes((least, most, pad_to, pad, timeout_s, len(prompt))) + prompt


def rig(card):
    r = Rig([card.port])
    r.hello()
    r.power()
    r.events.clear()
    return r


def keys(text, end=ENTER):
    return [ord(c) for c in text] + ([end] if end else [])


def begin(r, body=None):
    """Starts PIN_VERIFY and waits until the keypad is open."""
    r.events.clear()
    number = r.start(_link.OP_PIN_VERIFY, body or template())
    for _ in range(20):
        r.turn()
        if (_link.EVENT_KEYPAD, bytes((_link.KEYPAD_OPENED,))) in r.events:
            return number
    raise AssertionError("keypad never opened")


def enter(r, typed, body=None):
    """(status, body) of a PIN_VERIFY in which `typed` was typed."""
    number = begin(r, body)
    r.board.keys += typed
    return r.wait_for(_link.OP_PIN_VERIFY, number)


def test_right_pin():
    card = PinCard()
    r = rig(card)
    assert r.terminal.server.pin_locked()
    assert enter(r, keys("1234")) == (OK, b"\x90\x00\xff")
    assert card.queries == 1 and card.verifies == [4]
    assert not r.terminal.server.pin_locked()
    assert r.board.lines[0] == "Code correct        "


def test_wrong_pin_says_what_is_left():
    card = PinCard()
    r = rig(card)
    assert enter(r, keys("9999")) == (OK, b"\x63\xc2\x02")
    assert r.board.lines[:2] == ["Code faux           ", "Il reste 2 essais   "]
    assert enter(r, keys("9999")) == (OK, b"\x63\xc1\x01")
    assert r.board.lines[1] == "Il reste 1 essai    "
    assert r.terminal.server.pin_locked()


def test_last_try_must_be_confirmed():
    card = PinCard(tries=1)
    r = rig(card)
    number = begin(r)
    assert r.board.lines[0] == "DERNIER ESSAI       "
    r.board.keys += [CANCEL]
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (_link.STATUS_LAST_TRY_REFUSED, b"")
    assert card.verifies == []
    number = begin(r)
    r.board.keys += [ENTER] + keys("1234")
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (OK, b"\x90\x00\xff")


def test_digits_do_not_confirm_the_last_try():
    card = PinCard(tries=1)
    r = rig(card)
    number = begin(r)
    r.board.keys += keys("1234", None)
    for _ in range(8):
        r.turn()
    assert r.board.lines[0] == "DERNIER ESSAI       "
    r.board.keys += [CANCEL]
    assert r.wait_for(_link.OP_PIN_VERIFY, number)[0] == _link.STATUS_LAST_TRY_REFUSED


def test_blocked_card_asks_nothing():
    card = PinCard(tries=0)
    r = rig(card)
    assert r.ask(_link.OP_PIN_VERIFY, template()) == (_link.STATUS_PIN_BLOCKED, b"")
    assert card.verifies == [] and not [e for e in r.events if e[0] == _link.EVENT_KEYPAD]
    assert r.board.lines[0] == "Carte bloquée       "


def test_card_that_does_not_say_its_counter():
    card = PinCard(counter=False)
    r = rig(card)
    assert enter(r, keys("1234")) == (OK, b"\x90\x00\xff")


def test_screen_shows_stars_never_digits():
    card = PinCard()
    r = rig(card)
    enter(r, keys("1234"))
    shown = [text for _, text in r.board.screens]
    assert "****                " in shown
    assert not [t for t in shown if "1" in t.replace("Carte 1", "") or "34" in t], shown
    assert "Essais restants : 3 " in shown


def test_correct_key_and_too_few_digits():
    card = PinCard()
    r = rig(card)
    typed = keys("12", ENTER) + [CORRECT, CORRECT, CORRECT] + keys("1234")
    assert enter(r, typed) == (OK, b"\x90\x00\xff")


def test_more_digits_than_allowed_do_nothing():
    card = PinCard()
    r = rig(card)
    assert enter(r, keys("12345678")) == (OK, b"\x90\x00\xff")


def test_keys_typed_before_the_prompt_do_not_count():
    card = PinCard()
    r = rig(card)
    r.board.keys += keys("9999")
    assert enter(r, keys("1234")) == (OK, b"\x90\x00\xff")


def test_a_pin_that_holds_is_not_asked_again():
    card = PinCard()
    r = rig(card)
    card.verified = True
    assert r.ask(_link.OP_PIN_VERIFY, template()) == (OK, b"\x90\x00\xff")
    assert card.queries == 1 and card.verifies == []
    assert not [e for e in r.events if e[0] == _link.EVENT_KEYPAD]
    assert not r.terminal.server.pin_locked()


def test_padding():
    card = PinCard(pin=b"1234\xff\xff\xff\xff")
    r = rig(card)
    assert enter(r, keys("1234"), template(4, 8, 8, 0xFF)) == (OK, b"\x90\x00\xff")
    assert card.verifies == [8]
    card = PinCard(pin=b"1234" + b"\0" * 20)
    r = rig(card)
    assert enter(r, keys("1234"), template(4, 4, 24, 0)) == (OK, b"\x90\x00\xff")


def test_cancel_key_cancel_request_and_time_out():
    card = PinCard()
    r = rig(card)
    assert enter(r, [ord("1"), CANCEL]) == (_link.STATUS_CANCELLED, b"")
    assert r.board.lines[0] == "Saisie annulée      "
    number = begin(r)
    r.send(_link.OP_CANCEL, b"", 0)
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (_link.STATUS_CANCELLED, b"")
    number = begin(r, template(timeout_s=5))
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (_link.STATUS_KEYPAD_TIMEOUT, b"")
    assert card.verifies == [] and card.tries == 3


def test_each_key_restarts_the_time_out():
    card = PinCard()
    r = rig(card)
    number = begin(r, template(timeout_s=3))
    for key in keys("1234"):
        for _ in range(2):
            r.turn()  # up to a second each, because of BUSY
        r.board.keys.append(key)
    assert r.wait_for(_link.OP_PIN_VERIFY, number)[0] == OK


def test_card_pulled_while_typing():
    card = PinCard()
    r = rig(card)
    number = begin(r)
    r.board.keys += keys("12", None)
    r.turn()
    card.port.present = False
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (_link.STATUS_REMOVED, b"")
    assert not any(r.terminal.server._ops.pin._digits.buf)


def test_keypad_events_say_nothing_of_the_keys():
    card = PinCard()
    r = rig(card)
    enter(r, keys("1234"))
    keypad = [body for event, body in r.events if event == _link.EVENT_KEYPAD]
    assert keypad == [b"\x01"] + [b"\x02"] * 4 + [b"\x03"]


def test_malformed_templates():
    r = rig(PinCard())
    for body in (
        template(0, 4),
        template(5, 4),
        template(4, 13),
        template(4, 4, 3),
        template(4, 4, 65),
        template(header="00B00001"),
        template(header="FF200001"),
        template(prompt=b"\xff\xfe"),
    ):
        assert r.ask(_link.OP_PIN_VERIFY, body) == (_link.STATUS_BAD_MESSAGE, b""), body
    assert r.ask(_link.OP_PIN_VERIFY, template(slot=3)) == (_link.STATUS_BAD_SLOT, b"")


def test_not_powered():
    r = Rig([PinCard().port])
    r.hello()
    assert r.ask(_link.OP_PIN_VERIFY, template()) == (_link.STATUS_NOT_POWERED, b"")


def test_a_repeated_request_verifies_once():
    card = PinCard()
    r = rig(card)
    first = enter(r, keys("9999"))
    for _ in range(3):
        r.send(_link.OP_PIN_VERIFY, template(), r.number)
        assert r.wait_for(_link.OP_PIN_VERIFY, r.number) == first
    assert card.verifies == [4] and card.tries == 2


def test_link_lost_while_typing_verifies_once():
    card = PinCard()
    r = rig(card)
    number = begin(r)
    r.pipe.connected = False
    r.turn()
    r.board.keys += keys("9999")
    for _ in range(20):
        r.turn()
    assert card.verifies == [4]
    r.pipe.connected = True
    assert r.hello()[9] == 1
    r.send(_link.OP_PIN_VERIFY, template(), number)
    assert r.wait_for(_link.OP_PIN_VERIFY, number) == (OK, b"\x63\xc2\x02")
    assert card.verifies == [4]


def test_a_new_session_wipes_and_locks():
    card = PinCard()
    r = rig(card)
    begin(r)
    r.board.keys += keys("12", None)
    r.turn()
    assert r.terminal.server._ops.pin._digits.n == 2
    r.hello(b"sessionB")
    assert r.terminal.server._ops.pin._digits.n == 0 and not any(r.terminal.server._ops.pin._digits.buf)
    r.number = 0
    r.board.keys += keys("1234")
    r.turn()
    assert card.verifies == []
    r.power()
    r.events.clear()
    assert enter(r, keys("1234"))[0] == OK
    assert not r.terminal.server.pin_locked()
    r.hello(b"sessionC")
    assert r.terminal.server.pin_locked() and not card.port.vcc_now


def test_removal_and_reset_lock_again():
    card = PinCard()
    r = rig(card)
    enter(r, keys("1234"))
    r.power(warm=1)
    assert r.terminal.server.pin_locked()


def buffers(terminal):
    """Every buffer a PIN may have gone through."""
    pin = terminal.server._ops.pin
    yield pin._digits.buf
    yield pin._apdu
    for slot in terminal.slots:
        yield slot._tx
        yield slot._rx
        yield slot.apdu._tpdu
        yield slot.apdu._next
        yield slot.apdu.protocol._tpdu
    server = terminal.server
    yield server.answer
    yield server._request
    yield terminal.log._ring
    for line in server._lines:
        yield line.receiver._buf
        yield line.receiver._message
        yield line.sender._frame


def test_no_buffer_keeps_the_pin():
    pin = b"8675"
    outcomes = (
        (keys("8675"), OK),
        (keys("86", CANCEL), _link.STATUS_CANCELLED),
        (keys("867", None), _link.STATUS_KEYPAD_TIMEOUT),
    )
    for typed, status in outcomes:
        card = PinCard(pin=pin)
        r = rig(card)
        assert enter(r, list(typed))[0] == status
        for buf in buffers(r.terminal):
            assert pin not in bytes(buf) and b"867" not in bytes(buf), buf


def test_confirm():
    r = rig(PinCard())
    body = b"\x14\x07Signer?\x0940,00 EUR"
    for key, answer in ((ENTER, b"\x01"), (CANCEL, b"\x00")):
        number = r.start(_link.OP_CONFIRM, body)
        r.turn()
        assert r.board.lines == ["Signer?             ", "40,00 EUR           ", " " * 20, "OK=oui      C=non   "]
        r.board.keys.append(key)
        assert r.wait_for(_link.OP_CONFIRM, number) == (OK, answer)
    assert r.ask(_link.OP_CONFIRM, b"\x02\x01?") == (_link.STATUS_KEYPAD_TIMEOUT, b"")
    assert r.board.lines[0] == "Tournee-TEST        "
