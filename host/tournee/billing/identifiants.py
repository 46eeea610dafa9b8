"""Identifiers and their keys: NIR, RPPS, ADELI / n° de facturation, FINESS, AMC; python-stdnum where it has them."""

from __future__ import annotations


def cle_nir(nir: str) -> str | None:
    """Key of a 13-character NIR, 97 − N mod 97; Corsica 2A → −1 000 000, 2B → −2 000 000; None when malformed [IMPL ALC]."""
    if len(nir) != 13 or not nir[:5].isdigit() or not nir[7:].isdigit():
        return None
    department, shift = nir[5:7], 0
    if department in ("2A", "2B"):
        shift = 1_000_000 if department == "2A" else 2_000_000
        nir = nir[:6] + "0" + nir[7:]
    if not nir.isascii() or not nir.isdigit():
        return None
    return f"{97 - (int(nir) - shift) % 97:02d}"


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


def prescripteur_valide(text: str) -> bool:
    return rpps_valide(text) or facturation_valide(text)


def _luhn(text: str) -> bool:
    from stdnum import luhn  # late: it loads ssl and pydoc, which the engine does without

    return text.isascii() and text.isdigit() and bool(luhn.is_valid(text))
