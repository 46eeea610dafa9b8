"""Integer cents, half up (4,725 → 4,73); coefficients are integer hundredths."""

from __future__ import annotations

from functools import lru_cache

ROUNDED = " (arrondi au centime, le demi-centime vers le haut)"
"""What a trace adds where an amount was rounded."""


def half_up(numerator: int, denominator: int) -> int:
    """Non-negative quotient rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def part(cents: int, percent: int) -> int:
    return half_up(cents * percent, 100)


def times(pu_cents: int, coefficient_centiemes: int) -> int:
    return half_up(pu_cents * coefficient_centiemes, 100)


@lru_cache(maxsize=8192)
def euros(cents: int) -> str:
    """1234 → "12,34 €"; thousands apart by a narrow no-break space."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    grouped = f"{whole:,}".replace(",", "\u202f")
    return f"{sign}{grouped},{rest:02d} €"


@lru_cache(maxsize=1024)
def coefficient(centiemes: int) -> str:
    """150 → "1,5"; 100 → "1"."""
    whole, rest = divmod(centiemes, 100)
    return f"{whole}" if not rest else f"{whole},{rest:02d}".rstrip("0")
