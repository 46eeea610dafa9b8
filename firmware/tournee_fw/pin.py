"""PIN typed on the terminal, put into a VERIFY template, sent to the card and wiped. It never crosses the link."""

from micropython import const

from . import _link, texts
from .errors import Refused
from .keypad import KEY_CANCEL, KEY_OK, MAX_DIGITS, Digits

PIN_IDLE = const(0)
PIN_COUNTER = const(1)
PIN_LAST_TRY = const(2)
PIN_TYPING = const(3)
PIN_VERIFYING = const(4)
STATES = ("IDLE", "COUNTER", "LAST_TRY", "TYPING", "VERIFYING")

_VERIFY = const(0x20)
UNKNOWN_TRIES = const(0xFF)
VERIFIED = const(0x100)  # the PIN holds in this power session: no keypad, no try
_MAX_PAD = const(64)
DEFAULT_TIMEOUT_S = const(30)
FLASH_MS = const(2500)


class PinEntry:
    """The PIN_VERIFY request; one per terminal, its buffers are allocated once."""

    def __init__(self):
        self.state = PIN_IDLE
        self._digits = Digits()
        self._apdu = memoryview(bytearray(5 + _MAX_PAD))  # a slice of a bytearray would be a copy that nobody wipes
        self._answer = memoryview(bytearray(258))

    def verify(self, server, body, end):
        """Generator of the request. Counter first, then keys, then VERIFY exactly once; wiped whatever happens."""
        slot_number, header, least, most, pad_to, pad, timeout_s, prompt, _ = _link.read_pin_verify(body, 0, end)
        slot = server.slot(slot_number)
        if header[1] != _VERIFY or header[0] == 0xFF or not 0 < least <= most <= MAX_DIGITS:
            raise Refused(_link.STATUS_BAD_MESSAGE)
        if pad_to and not most <= pad_to <= _MAX_PAD:
            raise Refused(_link.STATUS_BAD_MESSAGE)
        title = _text(prompt) or texts.PIN_DEFAULT_PROMPT
        timeout_ms = (timeout_s or DEFAULT_TIMEOUT_S) * 1000
        display = server.display
        try:
            tries = yield from self._tries(server, slot, header)
            if tries == VERIFIED:
                server.answer_at = _link.write_pin_verify_reply(server.answer, server.answer_at, 0x9000, UNKNOWN_TRIES)
                slot.pin_ok = True
                return
            if tries == 0:
                display.flash(server.now, FLASH_MS, texts.PIN_BLOCKED, texts.PIN_BLOCKED_HINT)
                raise Refused(_link.STATUS_PIN_BLOCKED)
            server.open_keypad()
            if tries == 1:
                yield from self._confirm_last(server, slot, timeout_ms)
            yield from self._type(server, slot, title, least, most, timeout_ms, tries)
            server.close_keypad()
            display.show(title, texts.PIN_CHECKING)
            sw = yield from self._send(server, slot, header, pad_to, pad)
            server.answer_at = _link.write_pin_verify_reply(server.answer, server.answer_at, sw, self._say(server, sw))
            slot.pin_ok = sw == 0x9000
        except Refused as refused:
            self._say_refused(server, refused.status)
            raise
        finally:
            self.state = PIN_IDLE
            self._wipe(slot)
            server.close_keypad()
            display.release()

    def _tries(self, server, slot, header):
        """Tries left as VERIFY without data says, VERIFIED when nothing need be asked, 0xFF when the card does not say."""
        self.state = PIN_COUNTER
        self._apdu[:4] = header
        slot.transmit(self._apdu, 4, self._answer, server.now)
        yield from server.until_idle(slot)
        sw = slot.apdu.sw
        if sw & 0xFFF0 == 0x63C0:
            return sw & 15
        if sw == 0x9000:
            return VERIFIED
        return 0 if sw == 0x6983 else UNKNOWN_TRIES

    def _confirm_last(self, server, slot, timeout_ms):
        """The last try must be wanted: LAST_TRY_REFUSED."""
        self.state = PIN_LAST_TRY
        server.display.show(texts.PIN_LAST, texts.PIN_LAST_1, texts.PIN_LAST_2, texts.PIN_LAST_3)
        key = yield from confirm_key(server, slot, timeout_ms)
        if key != KEY_OK:
            raise Refused(_link.STATUS_LAST_TRY_REFUSED)

    def _type(self, server, slot, title, least, most, timeout_ms, tries):
        self.state = PIN_TYPING
        digits = self._digits
        digits.wipe()
        hint = texts.PIN_TRIES % tries if tries != UNKNOWN_TRIES else ""
        while True:
            server.display.show(title, "*" * digits.n, hint, texts.PIN_ENTER)
            key = yield from server.key(slot, timeout_ms)
            if key == KEY_CANCEL:
                raise Refused(_link.STATUS_CANCELLED)
            if key == KEY_OK:
                if digits.n >= least:
                    return
            elif digits.add(key, most):
                server.keypad_event(_link.KEYPAD_TYPING)

    def _send(self, server, slot, header, pad_to, pad):
        self.state = PIN_VERIFYING
        apdu, digits = self._apdu, self._digits
        n = pad_to or digits.n
        apdu[:4] = header
        apdu[4] = n
        digits.put(apdu, 5, n, pad)
        digits.wipe()
        slot.transmit(apdu, 5 + n, self._answer, server.now)
        self._wipe(None)
        yield from server.until_idle(slot)
        return slot.apdu.sw

    def _say(self, server, sw):
        """Shows the outcome; returns the tries left, 0xFF unknown."""
        if sw == 0x9000:
            server.display.flash(server.now, FLASH_MS, texts.PIN_GOOD)
            return UNKNOWN_TRIES
        if sw & 0xFFF0 == 0x63C0 or sw == 0x6983:
            tries = sw & 15 if sw != 0x6983 else 0
            if not tries:
                server.display.flash(server.now, FLASH_MS, texts.PIN_WRONG, texts.PIN_BLOCKED)
            else:
                left_text = texts.PIN_LEFT_ONE if tries == 1 else texts.PIN_LEFT % tries
                server.display.flash(server.now, FLASH_MS, texts.PIN_WRONG, left_text)
            return tries
        server.display.flash(server.now, FLASH_MS, texts.CARD_FAULT, "SW %04X" % sw)
        return UNKNOWN_TRIES

    def _say_refused(self, server, status):
        text = None
        if status in (_link.STATUS_CANCELLED, _link.STATUS_LAST_TRY_REFUSED):
            text = texts.PIN_CANCELLED
        elif status == _link.STATUS_KEYPAD_TIMEOUT:
            text = texts.PIN_TIMEOUT
        elif status in (_link.STATUS_REMOVED, _link.STATUS_NO_CARD):
            text = texts.CARD_REMOVED
        if text:
            server.display.flash(server.now, FLASH_MS, text)

    def _wipe(self, slot):
        self._digits.wipe()
        for i in range(len(self._apdu)):
            self._apdu[i] = 0
        if slot is not None:
            slot.wipe()


def confirm(server, body, end):
    """Generator of the CONFIRM request: OK is yes, cancel is no."""
    timeout_s, lines, _ = _link.read_confirm(body, 0, end)
    shown = [_text(line) for line in lines[:4]]
    while len(shown) < 3:
        shown.append("")
    if len(shown) < 4:
        shown.append(texts.CONFIRM)
    server.open_keypad()
    try:
        server.display.show(*shown)
        key = yield from confirm_key(server, None, (timeout_s or DEFAULT_TIMEOUT_S) * 1000)
        server.answer_at = _link.write_confirm_reply(server.answer, server.answer_at, 1 if key == KEY_OK else 0)
    finally:
        server.close_keypad()
        server.display.release()


def confirm_key(server, slot, timeout_ms):
    """Generator: OK or CANCEL, as the person decides; Refused as by `Desk.key`."""
    while True:
        key = yield from server.key(slot, timeout_ms)
        if key in (KEY_OK, KEY_CANCEL):
            return key


def _text(raw):
    try:
        return str(raw, "utf-8")[: texts.COLUMNS]
    except UnicodeError:
        raise Refused(_link.STATUS_BAD_MESSAGE)
