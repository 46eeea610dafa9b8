"""Milliseconds that wrap at 2**30, so that they stay small integers on 32-bit boards (no allocation, no torn reads)."""

from micropython import const

_PERIOD = const(0x40000000)
_HALF = const(0x20000000)

NEVER = const(0x1FFFFFFF)
"""A wait without end, in ms (about six days; nothing here waits longer than minutes)."""


def wrap(ms: int) -> int:
    """Any ms count to the clock's range."""
    return ms & (_PERIOD - 1)


def since(now: int, then: int) -> int:
    """Signed ms from `then` to `now`, right across the wrap for spans below 6 days."""
    return ((now - then + _HALF) & (_PERIOD - 1)) - _HALF


def left(now: int, deadline: int) -> int:
    """Ms until `deadline`, 0 when it has passed."""
    ms = ((deadline - now + _HALF) & (_PERIOD - 1)) - _HALF
    return ms if ms > 0 else 0
