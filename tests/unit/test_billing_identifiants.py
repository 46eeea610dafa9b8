"""Identifiers and keys, by hand: 97 − (N mod 97); Corsica −1 000 000 and −2 000 000; Luhn."""

from __future__ import annotations

import pytest

from tournee.billing.identifiants import amc_valide, cle_nir, facturation_valide, finess_valide, nir_valide, rpps_valide


@pytest.mark.parametrize(
    ("nir", "key"),
    [
        ("2800299999999", f"{97 - 2800299999999 % 97:02d}"),
        ("180022A999999", f"{97 - (1800220999999 - 1_000_000) % 97:02d}"),
        ("180022B999999", f"{97 - (1800220999999 - 2_000_000) % 97:02d}"),
        ("7800299999999", f"{97 - 7800299999999 % 97:02d}"),
    ],
)
def test_nir_key(nir: str, key: str) -> None:
    assert cle_nir(nir) == key and nir_valide(nir, key) and not nir_valide(nir, f"{(int(key) + 1) % 97:02d}")


def test_corsica_is_the_19_and_18_substitution() -> None:
    """The public equivalent: 2A counts as 19, 2B as 18."""
    assert cle_nir("180022A999999") == f"{97 - 1800219999999 % 97:02d}"
    assert cle_nir("180022B999999") == f"{97 - 1800218999999 % 97:02d}"


@pytest.mark.parametrize("nir", ["", "123", "28002999999990", "28002C9999999", "2800 99999999", "١٨٠٠٢٩٩٩٩٩٩٩٩"])
def test_malformed_nir_has_no_key(nir: str) -> None:
    assert cle_nir(nir) is None and not nir_valide(nir, "01")


def test_luhn_numbers() -> None:
    assert rpps_valide("99900065279") and not rpps_valide("99900065278") and not rpps_valide("9990006527")
    assert facturation_valide("991129768") and facturation_valide("991068040") and not facturation_valide("991129767")
    assert finess_valide("775666316") and amc_valide("99999997") and not amc_valide("9999999A")
