"""The nurse's day: kilometres of earlier bills, prefilling, the same home."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tests.unit.test_billing_auxiliaires import COMMON, NURSE, prices
from tournee.billing import Origin, evaluate, prefill
from tournee.billing.jour import km_factures, with_day


def nurse(**more: Any) -> Any:
    return bill({**COMMON, "actes": "BSA", **more}, specialite=NURSE)


def test_kilometres_of_the_day_are_those_of_the_other_bills() -> None:
    """299 - 290 = 9 km in full, then 11 at half: 9 * 0.35 = 3.15; 11 * 0.35 / 2 = 1.93."""
    card = rights()
    earlier = [evaluate(nurse(km=n), card, today=DAY) for n in (150, 148)]
    assert km_factures(earlier, DAY) == 146 + 144
    made = with_day(nurse(km=24), earlier)
    assert made.answers["km_jour"].value == 290 and made.answers["km_jour"].origin is Origin.DEFAULT
    assert prices(evaluate(made, card, today=DAY))[-2:] == [("IK", 315), ("IK", 193)]
    assert with_day(made, []) is made


def test_other_professions_have_no_degression() -> None:
    made = bill()
    assert with_day(made, [evaluate(bill({**GP_ANSWERS, "km": 100}), rights(), today=DAY)]) is made


def test_prefill_takes_what_may_be_taken() -> None:
    last = bill({**GP_ANSWERS, "mode": "degrade", "km": 12, "rang_domicile": 1})
    made = prefill(replace(bill({"lieu": "cabinet"}), id="next"), last)
    assert made.value("parcours") == "T" and made.answers["parcours"].origin is Origin.PREFILLED
    assert made.value("lieu") == "cabinet"  # an answer given stays
    assert {"accident_tiers", "mode", "rang_domicile"}.isdisjoint(made.answers) and not made.acts


def test_the_second_patient_of_a_home() -> None:
    """One displacement for the home: 13.00 + 2.75, then 13.00."""
    first, second = evaluate(nurse(), rights(), today=DAY), evaluate(nurse(rang_domicile=2), rights(), today=DAY)
    assert (first.totals.montant_cents, second.totals.montant_cents) == (1575, 1300)
