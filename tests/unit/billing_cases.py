"""Fictitious practitioners, patients and a helper that answers: shared by the billing tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from tournee.billing import Bill, Evaluation, Rights, SituationFacturation, answer, evaluate

DAY = date(2025, 1, 15)


def situation(specialite: str = "01", **changes: str) -> SituationFacturation:
    base = SituationFacturation(
        numero_logique="1",
        mode_exercice="0",
        numero_facturation="99112976",
        cle_facturation="8",
        code_conventionnel="1",
        specialite=specialite,
        zone_tarifaire="30",
        zone_ik="01",
    )
    return replace(base, **changes)


def rights(
    *,
    naissance: str = "19800202",
    regime: str = "01",
    caisse: str = "991",
    periodes: tuple[tuple[str, str], ...] = (("20200101", "20401231"),),
    ald: str = "0",
    amc: tuple[str, ...] | None = None,
    service_amo: str = "00",
    extra: tuple[tuple[int, list[str]], ...] = (),
) -> Rights:
    """One person on a Vitale of a fictitious fund; `extra` adds groups."""
    groups: list[tuple[int, list[str]]] = [
        (101, ["0", "000099000001", "20401231", "", "", "", "", "2800299999990", "01", regime, caisse, "0001", "10"]),
        (104, ["DUPONT", "", "ANNE", "", "", "", "", "75099 FICTIVE", "", "", "", naissance, "1", "0", service_amo]),
    ]
    groups += [(105, list(p)) for p in periodes]
    groups.append((106, ["20200101", "20401231", ald, "0100"]))
    if amc is not None:
        groups.append((109, list(amc)))
    return Rights.from_groupes([*groups, *extra])


GP_ANSWERS: Mapping[str, Any] = {
    "nature_assurance": "maladie",
    "accident_tiers": False,
    "lieu": "domicile",
    "actes": "VG",
    "deplacement": "MD",
    "parcours": "T",
    "tiers_payant": "amo",
}


def bill(answers: Mapping[str, Any] = GP_ANSWERS, *, day: date = DAY, specialite: str = "01", **changes: str) -> Bill:
    made = Bill("b-1", day, situation(specialite, **changes))
    for question, value in answers.items():
        made = answer(made, question, value)
    return made


def gp(
    answers: Mapping[str, Any] | None = None, *, day: date = DAY, card: Rights | None = None, **more: Any
) -> Evaluation:
    """The evaluation of a GP's home visit with some answers changed (None takes one out)."""
    wanted = {k: v for k, v in {**GP_ANSWERS, **(answers or {}), **more}.items() if v is not None}
    return evaluate(bill(wanted, day=day), card or rights(), today=day)


def codes(result: Evaluation) -> list[str]:
    return [e.code for e in result.errors]


def split(result: Evaluation) -> tuple[int, int, int, int]:
    t = result.totals
    return (t.montant_cents, t.amo_cents, t.amc_cents, t.patient_cents)
