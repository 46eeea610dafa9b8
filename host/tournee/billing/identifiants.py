"""Identifiers and their keys: NIR, RPPS, ADELI / n° de facturation, FINESS, AMC; python-stdnum where it has them."""

from __future__ import annotations

import re
from functools import lru_cache

_NIR = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{6}")


def cle_nir(nir: str) -> str | None:
    """Key of a 13-character NIR, 97 − N mod 97, Corsica counted as 19 (2A) and 18 (2B); None when malformed [IMPL ALC].

    Only the form and the key are looked at: a temporary number (3, 4, 7, 8 …) and a month that no calendar has are as good.
    """
    from stdnum.fr import nir as french  # late: see _luhn

    return str(french.calc_check_digits(nir)) if _NIR.fullmatch(nir) else None


def nir_valide(nir: str, cle: str) -> bool:
    return cle_nir(nir) == cle


def rpps_valide(text: str) -> bool:
    """11 digits, Luhn."""
    return len(text) == 11 and _luhn(text)


def facturation_valide(text: str) -> bool:
    """ADELI or n° de facturation with its key: 9 digits, Luhn."""
    return len(text) == 9 and _luhn(text)


finess_valide = facturation_valide
"""FINESS: 9 digits, Luhn [DED]."""


def amc_valide(text: str) -> bool:
    """B2 number of a complementary fund: 7 digits and a Luhn-like key [IMPL IsoCodes]."""
    return len(text) == 8 and _luhn(text)


@lru_cache(maxsize=256)
def prescripteur_valide(text: str) -> bool:
    return rpps_valide(text) or facturation_valide(text)


def _luhn(text: str) -> bool:
    from stdnum import luhn  # late: it loads ssl and pydoc, which the engine does without

    return text.isascii() and text.isdigit() and bool(luhn.is_valid(text))
