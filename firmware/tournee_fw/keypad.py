"""Keypad entry: digits kept in one buffer that is wiped, never in an object that the heap may keep."""

from micropython import const

KEY_OK = const(0x0D)
KEY_CANCEL = const(0x1B)
KEY_CORRECT = const(0x08)
MAX_DIGITS = const(12)


class Digits:
    """Digits typed so far, ASCII, `n` of them."""

    def __init__(self):
        self.buf = bytearray(MAX_DIGITS)
        self.n = 0

    def add(self, key: int, most: int) -> bool:
        """A digit or correction; False when the key does nothing here."""
        if 0x30 <= key <= 0x39 and self.n < most:
            self.buf[self.n] = key
            self.n += 1
            return True
        if key == KEY_CORRECT and self.n:
            self.n -= 1
            self.buf[self.n] = 0
            return True
        return False

    def wipe(self) -> None:
        for i in range(MAX_DIGITS):
            self.buf[i] = 0
        self.n = 0
