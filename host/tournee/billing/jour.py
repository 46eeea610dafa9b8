"""The practitioner's day: what earlier bills of the day change in the next one."""

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
    return sum(x.quantite for e in evaluations for x in e.lines if x.code in _IK and x.date == day)


def with_day(bill: Bill, earlier: Iterable[Evaluation]) -> Bill:
    """The bill with the kilometres of the day's other bills, for the nurse's degression; an answer given stays."""
    known = tables().professions.get(bill.situation.specialite, {})
    if known.get("profession") != "infirmier" or "km_jour" in bill.answers:
        return bill
    km = km_factures(earlier, bill.created)
    return replace(bill, answers={**bill.answers, "km_jour": Answer(km, Origin.DEFAULT)}) if km else bill
