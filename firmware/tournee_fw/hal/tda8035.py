"""The card interface chip between a slot's contacts and the board: TDA8035HN.

NCN8025A is no drop-in: its VSEL0 is high for 1.8 V where EN_1.8VN is low, and it has no charge pump. [IMPL osmo-ccid-firmware ncn8025.h: high]

[SPEC TDA8035 data sheet rev. 3.1: CMDVCCN, EN_5V/3VN, EN_1.8VN, OFFN]. The chip itself activates and deactivates the contacts in the
order of ISO 7816-3 §6, cuts the supply when the card leaves, and debounces presence.
"""

import time

from machine import Pin

# volt class → EN_5V/3VN, EN_1.8VN
_SELECT = ((1, 1), (1, 1), (0, 1), (0, 0))
_SETTLE_MS = 3  # activation: 3.0 ms at most


class Tda8035:
    """`vcc(class)` and `present()`. `off` reads high while a card is in and nothing is wrong."""

    def __init__(self, cmdvcc, off, en_5v, en_1v8):
        self._cmdvcc = Pin(cmdvcc, Pin.OUT, value=1)
        self._en_5v = Pin(en_5v, Pin.OUT, value=1)
        self._en_1v8 = Pin(en_1v8, Pin.OUT, value=1)
        self.off = Pin(off, Pin.IN, Pin.PULL_UP)

    def vcc(self, volt_class: int) -> None:
        """0 off, else the class; the chip wants its selection before it is started."""
        if not volt_class:
            self._cmdvcc(1)
            return
        five, one_eight = _SELECT[volt_class]
        self._en_5v(five)
        self._en_1v8(one_eight)
        self._cmdvcc(0)
        time.sleep_ms(_SETTLE_MS)

    def present(self) -> bool:
        return self.off() == 1
