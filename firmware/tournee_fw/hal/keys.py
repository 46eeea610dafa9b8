"""A keypad of 4 rows and 3 columns: digits, `#` is OK, `*` corrects and, held for a second, cancels."""

from machine import Pin
from micropython import const

_KEYS = b"123456789\x080\x0d"
_STAR = const(9)
_CORRECT = const(0x08)
_CANCEL = const(0x1B)
_HELD_MS = const(1000)
_LOOK_MS = const(8)  # two looks alike: bounce is over
_NONE = const(-1)


class Keypad:
    """`poll(now)` about every 8 ms; `key()` gives what was typed. Rows pull low one by one, columns are pulled up."""

    def __init__(self, rows, columns):
        self._rows = [Pin(n, Pin.OPEN_DRAIN, value=1) for n in rows]
        self._columns = [Pin(n, Pin.IN, Pin.PULL_UP) for n in columns]
        self._next = bytearray(16)
        self._at = self._n = 0
        self._seen = self._down = _NONE
        self._since = 0
        self._told = False
        self._looked = _NONE

    def key(self) -> int:
        """ASCII digit, 0x0D, 0x08, 0x1B; 0: none. What is given is not kept."""
        if not self._n:
            return 0
        key = self._next[self._at]
        self._next[self._at] = 0
        self._at = (self._at + 1) % len(self._next)
        self._n -= 1
        return key

    def poll(self, now: int) -> bool:
        """True when a key waits."""
        if self._looked < 0 or (now - self._looked & 0x3FFFFFFF) >= _LOOK_MS:
            self._looked = now
            self._look(now)
        return self._n > 0

    def _look(self, now):
        place = self._scan()
        if place != self._seen:
            self._seen = place
            return
        if place != self._down:
            if self._down == _STAR and not self._told:
                self._put(_CORRECT)
            self._down = place
            self._since = now
            self._told = False
            if place not in (_NONE, _STAR):
                self._put(_KEYS[place])
        elif place == _STAR and not self._told and (now - self._since & 0x3FFFFFFF) >= _HELD_MS:
            self._told = True
            self._put(_CANCEL)

    def _scan(self):
        """Place of the only key that is down; none when there are two."""
        found = _NONE
        for i, row in enumerate(self._rows):
            row(0)
            for j, column in enumerate(self._columns):
                if not column():
                    if found != _NONE:
                        row(1)
                        return _NONE
                    found = 3 * i + j
            row(1)
        return found

    def _put(self, key):
        if self._n < len(self._next):
            self._next[(self._at + self._n) % len(self._next)] = key
            self._n += 1
