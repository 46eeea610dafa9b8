"""A character display of 4 x 20 (HD44780 or compatible) behind an I2C port expander PCF8574, as sold on one board.

[SPEC HD44780U data sheet: 4-bit interface, initialisation by instruction, figure 24]. Its ROM A00 has no French accents: letters lose them.
"""

import time

from micropython import const

_ENABLE = const(0x04)
_LIGHT = const(0x08)
_DATA = const(0x01)
_LINES = (0x00, 0x40, 0x14, 0x54)
_PLAIN = {
    "à": "a", "â": "a", "ç": "c", "é": "e", "è": "e", "ê": "e", "ë": "e", "î": "i", "ï": "i", "ô": "o", "ù": "u", "û": "u",
    "É": "E", "È": "E", "À": "A", "Ç": "C", "’": "'", "€": "E", "…": ".",
}  # fmt: skip


class Lcd:
    """`show(line, text)`; a display that does not answer is left alone (`there` is False)."""

    def __init__(self, i2c, address=0x27):
        self._i2c = i2c
        self._address = address
        self._out = bytearray(4 * 21)
        self._view = memoryview(self._out)
        self.there = True
        for nibble, ms in ((3, 5), (3, 1), (3, 1), (2, 1)):
            self._write(self._nibble(0, nibble, 0))
            time.sleep_ms(ms)
        for command in (0x28, 0x0C, 0x06, 0x01):
            self._write(self._byte(0, command, 0))
            time.sleep_ms(2)

    def show(self, line: int, text: str) -> None:
        """20 characters on line 0-3, in one transfer."""
        at = self._byte(0, 0x80 | _LINES[line], 0)
        for letter in text[:20]:
            code = ord(_PLAIN.get(letter, letter))
            at = self._byte(at, code if 0x20 <= code < 0x7F else 0x3F, _DATA)
        self._write(at)
        for i in range(at):  # a PIN is starred here, but a screen is nobody else's business
            self._out[i] = 0

    def _byte(self, at, value, flags):
        return self._nibble(self._nibble(at, value >> 4, flags), value & 0x0F, flags)

    def _nibble(self, at, value, flags):
        bits = value << 4 | flags | _LIGHT
        self._out[at] = bits | _ENABLE
        self._out[at + 1] = bits
        return at + 2

    def _write(self, n):
        if self.there:
            try:
                self._i2c.writeto(self._address, self._view[:n])
            except OSError:
                self.there = False
