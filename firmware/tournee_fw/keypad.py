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

    def take(self, other) -> None:
        """Become what `other` is."""
        self.buf[:] = other.buf
        self.n = other.n

    def same(self, other) -> bool:
        """Whether both were typed alike; looks at all of them."""
        x = self.n ^ other.n
        for i in range(MAX_DIGITS):
            x |= self.buf[i] ^ other.buf[i]
        return not x

    def put(self, out, at: int, size: int, pad: int) -> None:
        """The digits and `pad` behind them into `out[at : at + size]`."""
        for i in range(size):
            out[at + i] = self.buf[i] if i < self.n else pad

    def wipe(self) -> None:
        for i in range(MAX_DIGITS):
            self.buf[i] = 0
        self.n = 0
