"""Identifiers and keys, by hand: 97 − (N mod 97); Corsica −1 000 000 and −2 000 000; Luhn."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tournee.billing import Rights, completed, evaluate
from tournee.billing.dates import age
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


@pytest.mark.parametrize("first", "12345678")
@pytest.mark.parametrize("month", ["02", "13", "20", "31", "42", "50", "99"])
def test_temporary_numbers_and_months_of_no_calendar_are_good(first: str, month: str) -> None:
    nir = f"{first}80{month}99999999"
    key = f"{97 - int(nir) % 97:02d}"
    assert nir_valide(nir, key) and not nir_valide(nir, f"{(int(key) + 50) % 97:02d}")


@given(st.from_regex(r"[1-8][0-9]{4}(2A|2B|[0-9]{2})[0-9]{6}", fullmatch=True))
def test_the_key_is_the_remainder_and_one_wrong_digit_is_seen(nir: str) -> None:
    number = int(nir.replace("A", "0").replace("B", "0")) - {"2A": 1_000_000, "2B": 2_000_000}.get(nir[5:7], 0)
    key = cle_nir(nir)
    assert key == f"{97 - number % 97:02d}"
    other = str((int(nir[-1]) + 1) % 10)
    assert cle_nir(nir[:-1] + other) != key


@given(st.text(st.sampled_from("0123456789AB ²٣"), max_size=16))
def test_any_text_has_a_key_or_none(text: str) -> None:
    key = cle_nir(text)
    assert (key is None) == (re.fullmatch(r"[0-9]{5}([0-9]{2}|2A|2B)[0-9]{6}", text) is None)
    assert rpps_valide(text) in (True, False) and amc_valide(text) in (True, False)


@pytest.mark.parametrize(
    ("nir", "naissance", "years"),
    [("180022A999999", "19800231", 44), ("7802099999999", "19802015", 44), ("2800299999999", "19800000", 45)],
)
def test_a_bill_is_made_for_a_patient_with_such_a_number(nir: str, naissance: str, years: int) -> None:
    """Corsican and temporary numbers, birth dates that no calendar has (typed as they stand on the attestation)."""
    typed = {"patient_nir": nir + str(cle_nir(nir)), "patient_nom": "SIMU", "patient_prenom": "ANNE"}
    typed |= {"patient_naissance": naissance, "patient_organisme": "019910001"}
    made = bill({**GP_ANSWERS, **typed})
    result = evaluate(made, Rights.none(), today=DAY)
    assert result.status == "valid" and result.totals.amo_cents == 2800
    (person,) = completed(made, Rights.none()).beneficiaires
    assert (person.identite.nir_assure, person.identite.cle_assure) == (nir, cle_nir(nir))
    assert age(naissance, DAY) == years


@pytest.mark.parametrize(
    ("question", "specialite"), [("prescripteur", "24"), ("amc_numero", "01"), ("patient_nir", "01")]
)
def test_a_wrong_key_is_told_with_its_place(question: str, specialite: str) -> None:
    """One digit changed: RPPS and n° de facturation, complementary fund, NIR."""
    wrong = {"prescripteur": "99900065278", "amc_numero": "99999998", "patient_nir": "280029999999907"}[question]
    answers = {**GP_ANSWERS, "tiers_payant": "amo_amc", "amc_adherent": "1", "prescription_date": "2025-01-02"}
    answers |= {"patient_nom": "SIMU", "patient_prenom": "ANNE", "patient_naissance": "19800202", question: wrong}
    answers |= {"patient_organisme": "019910001"} | ({"actes": "AMI#injection"} if specialite == "24" else {})
    card = Rights.none() if question == "patient_nir" else rights()
    found = [
        e for e in evaluate(bill(answers, specialite=specialite), card, today=DAY).errors if e.code == "CLE_FAUSSE"
    ]
    assert [e.path for e in found] == [f"answers.{question}"] and found[0].remedy
