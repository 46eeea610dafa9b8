"""Of MicroPython's `machine` for rp2, what the firmware uses, on registers [SPEC RP2040 data sheet §2.3, §2.19, §4.5]."""

from umachine import mem32

_IO, _PADS, _SIO, _PWM = 0x40014000, 0x4001C000, 0xD0000000, 0x40050000


def freq(hz=None):
    """The emulator knows 125 MHz only."""
    return 125_000_000


class Pin:
    IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 1, 2, 4, 8

    def __init__(self, number, mode=-1, pull=-1, *, value=None):
        self.number = number
        if mode >= 0:
            mem32[_PADS + 4 + 4 * number] = 0x56 | (0x08 if pull == self.PULL_UP else 0)
            if value is not None:
                self(value)
            mem32[_SIO + (0x24 if mode == self.OUT else 0x28)] = 1 << number
            mem32[_IO + 4 + 8 * number] = 5

    def __call__(self, level=None):
        if level is None:
            return mem32[_SIO + 4] >> self.number & 1
        mem32[_SIO + (0x14 if level else 0x18)] = 1 << self.number
        return level

    def irq(self, handler, trigger, hard=False):
        """Polled by the HAL every ms besides."""


class PWM:
    def __init__(self, pin, *, freq, duty_u16):
        self._slice = _PWM + 0x14 * (pin.number >> 1 & 7)
        self._pin = pin.number
        top = (125_000_000 + freq // 2) // freq - 1
        mem32[self._slice + 4] = 1 << 4
        mem32[self._slice + 0x10] = top
        mem32[self._slice + 0x0C] = (top + 1) * duty_u16 // 65535 << (16 if pin.number & 1 else 0)
        mem32[self._slice] = 1
        mem32[_IO + 4 + 8 * pin.number] = 4

    def deinit(self):
        mem32[self._slice] = 0
