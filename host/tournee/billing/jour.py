"""The practitioner's day: what earlier bills change in the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from tournee.billing.model import Answer, Bill, Origin
from tournee.billing.result import Evaluation
from tournee.billing.tables import tables

_IK = ("IK", "IKM", "IKS")


def km_factures(evaluations: Iterable[Evaluation], day: date) -> int:
    """Kilometres billed that day, after abatement; those at half count in full [NGAP 13 C 2°]."""
    return km_par_jour(evaluations).get(day, 0)


def km_par_jour(evaluations: Iterable[Evaluation]) -> dict[date, int]:
    """`km_factures` of every day that has some."""
    days: dict[date, int] = {}
    for evaluation in evaluations:
        for x in evaluation.lines:
            if x.code in _IK:
                days[x.date] = days.get(x.date, 0) + x.quantite
    return days


def degressive(bill: Bill) -> bool:
    """True when the kilometres of a whole day count: a nurse's [NGAP 13 C 2°]."""
    return tables().professions.get(bill.situation.specialite, {}).get("profession") == "infirmier"


def days_of(bill: Bill) -> set[date]:
    """The care dates of a bill; while it has no act, the day it was made."""
    return {a.date or bill.created for a in bill.acts} or {bill.created}


def with_day(bill: Bill, earlier: Iterable[Evaluation]) -> Bill:
    """The bill with the kilometres of the other bills of its days, for the nurse's degression; an answer given stays."""
    if not degressive(bill):
        return bill
    days = days_of(bill)
    found = {
        "km_jour" if day == bill.created else f"km_jour.{day.isoformat()}": km
        for day, km in km_par_jour(earlier).items()
        if day in days
    }
    new = {question: Answer(km, Origin.DEFAULT) for question, km in found.items() if question not in bill.answers}
    return replace(bill, answers={**bill.answers, **new}) if new else bill
