"""Another PIN, typed on the terminal: the current one, the new one, the new one again; CHANGE REFERENCE DATA once; all wiped."""

from micropython import const

from . import texts
from .errors import Refused
from .keypad import Digits
from .pin import DEFAULT_TIMEOUT_S, FLASH_MS, PIN_IDLE, PIN_VERIFYING, UNKNOWN_TRIES, VERIFIED, PinEntry

SW_DIFFERENT = const(0x6402)
"""The new PIN was typed in two ways: nothing was sent [PC/SC 2 part 10 §2.5]."""
_VERIFY = const(0x20)
_BLOCKED = const(0x6983)


class PinChange(PinEntry):
    """Verifies like its parent, and changes."""

    def __init__(self):
        super().__init__()
        self._current = Digits()
        self._new = Digits()

    def change(self, desk, slot, wanted):
        """Generator; writes SW1 SW2 into `desk.answer[:2]`. `wanted`: `ccid_pin.Change`. Refused on cancel, time-out or a lost card."""
        timeout_ms = (wanted.timeout_s or DEFAULT_TIMEOUT_S) * 1000
        display = desk.display
        try:
            tries = UNKNOWN_TRIES
            if wanted.ask_current:
                tries = yield from self._tries(desk, slot, bytes((wanted.header[0], _VERIFY, 0, wanted.header[3])))
            if tries == 0:
                display.flash(desk.now, FLASH_MS, texts.PIN_BLOCKED, texts.PIN_BLOCKED_HINT)
                sw = _BLOCKED
            else:
                sw = yield from self._ask(desk, slot, wanted, timeout_ms, UNKNOWN_TRIES if tries == VERIFIED else tries)
            desk.answer[0], desk.answer[1] = sw >> 8, sw & 0xFF
        except Refused as refused:
            self._say_refused(desk, refused.status)
            raise
        finally:
            self.state = PIN_IDLE
            self._current.wipe()
            self._new.wipe()
            self._wipe(slot)
            desk.close_keypad()
            display.release()

    def _ask(self, desk, slot, wanted, timeout_ms, tries):
        """SW of the card, or SW_DIFFERENT."""
        desk.open_keypad()
        if tries == 1:
            yield from self._confirm_last(desk, slot, timeout_ms)
        least, most = wanted.least, wanted.most
        if wanted.ask_current:
            yield from self._type(desk, slot, texts.PIN_CURRENT, least, most, timeout_ms, tries)
            self._current.take(self._digits)
        yield from self._type(desk, slot, texts.PIN_NEW, least, most, timeout_ms, UNKNOWN_TRIES)
        self._new.take(self._digits)
        if wanted.ask_again:
            yield from self._type(desk, slot, texts.PIN_NEW_AGAIN, least, most, timeout_ms, UNKNOWN_TRIES)
            if not self._new.same(self._digits):
                desk.display.flash(desk.now, FLASH_MS, texts.PIN_DIFFERENT)
                return SW_DIFFERENT
        desk.close_keypad()
        desk.display.show(texts.PIN_NEW, texts.PIN_CHECKING)
        sw = yield from self._send_change(desk, slot, wanted)
        if sw == 0x9000:
            desk.display.flash(desk.now, FLASH_MS, texts.PIN_CHANGED)
        else:
            slot.pin_ok = False  # a card may forget what was verified before
            self._say(desk, sw)
        return sw

    def _send_change(self, desk, slot, wanted):
        self.state = PIN_VERIFYING
        apdu = self._apdu
        apdu[:4] = wanted.header
        apdu[4] = wanted.length
        for i in range(wanted.length):
            apdu[5 + i] = wanted.filling[i] if i < len(wanted.filling) else wanted.pad
        if wanted.ask_current:
            self._current.put(apdu, 5 + wanted.at_current, wanted.size, wanted.pad)
        self._new.put(apdu, 5 + wanted.at_new, wanted.size, wanted.pad)
        self._current.wipe()
        self._new.wipe()
        self._digits.wipe()
        slot.transmit(apdu, 5 + wanted.length, self._answer, desk.now)
        self._wipe(None)
        yield from desk.until_idle(slot)
        return slot.apdu.sw
