"""A piezo between a pin and ground, driven by the pin's PWM: every key sounds alike, so that a code cannot be heard."""

from machine import PWM, Pin
from micropython import const

_HZ = const(4000)  # where the piezo of the parts list is loudest
_CLICK_MS = const(15)
_HALF = const(32768)


class Buzzer:
    """`click(now)` begins a click, `poll(now)` ends it; `now` in ms of the board's clock, which wraps at 2^30."""

    def __init__(self, pin):
        self._pwm = PWM(Pin(pin), freq=_HZ, duty_u16=0)
        self._since = -1

    def click(self, now: int) -> None:
        self._pwm.init(freq=_HZ, duty_u16=_HALF)  # type: ignore[attr-defined] (the stubs know no PWM of rp2)
        self._since = now

    def poll(self, now: int) -> None:
        if self._since >= 0 and (now - self._since & 0x3FFFFFFF) >= _CLICK_MS:
            self._pwm.init(freq=_HZ, duty_u16=0)  # type: ignore[attr-defined]
            self._since = -1
