"""Which numbers were seen, in little memory whether they come in ranges or scattered."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any

_BITS = 16
_FEW = 1 << (_BITS - 4)
"""Numbers of a page up to which a sorted list of two bytes each is smaller than a bit for every number."""


class Numbers:
    """Pages of 65 536 numbers, sorted while they are few, bits when they are many; the other fields tell the pages apart."""

    def __init__(self) -> None:
        self._pages: dict[tuple[Any, ...], array[int] | bytearray] = {}

    def add(self, values: list[Any]) -> bool:
        """False if it was there."""
        *others, number = values
        key, low = (*others, number >> _BITS), number & ((1 << _BITS) - 1)
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = array("H")
        if isinstance(page, bytearray):
            return _mark(page, low)
        at = bisect_left(page, low)
        if at < len(page) and page[at] == low:
            return False
        page.insert(at, low)
        if len(page) > _FEW:
            bits = self._pages[key] = bytearray(1 << (_BITS - 3))
            for each in page:
                _mark(bits, each)
        return True


def _mark(bits: bytearray, low: int) -> bool:
    bit = 1 << (low & 7)
    fresh = not bits[low >> 3] & bit
    bits[low >> 3] |= bit
    return fresh
