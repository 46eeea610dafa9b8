"""Ticks of the RP2040's timer; a sleep is the bench's (`console.py`): rp2040py wakes no processor whose interrupts are masked."""

from umachine import mem32

_TIMER_US = 0x40054028
_SLEEP = 0x40004040


def ticks_us():
    return mem32[_TIMER_US] & 0x3FFFFFFF


def ticks_ms():
    return mem32[_TIMER_US] // 1000


def sleep_us(us):
    mem32[_SLEEP] = us


def sleep_ms(ms):
    mem32[_SLEEP] = ms * 1000
