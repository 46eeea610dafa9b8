"""Where a lot or a bill begins and ends, in a file to the funds and in a return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tournee.b2.lu import Lu
from tournee.b2.plan import Plan
from tournee_protocol.layouts import Framing

_LOT, _FACTURE = "numero_lot", "numero_facture"


@dataclass(frozen=True)
class Places:
    """Types of records."""

    lots: frozenset[str]  # begin a lot
    factures: frozenset[str]  # begin a bill
    ends: frozenset[str]  # end whatever is open
    ends_bill: frozenset[str]  # end a bill, beside the next one


def places(plan: Plan) -> Places:
    """Fixed records: the inner pairs. Entities: those that hold a lot's number or are counted as bills by the control entity."""
    profile = plan.profile
    if profile.framing is Framing.ENTITIES:
        counted = {t for c in profile.checks if c.exclusive for t in c.count}
        lots = {r.type for r in profile.records if any(f.name == _LOT for f in r.valued)}
        controls = {c.at for c in profile.checks if c.exclusive}
        return Places(frozenset(lots), frozenset(counted), frozenset({"999"}), frozenset(lots | controls))
    heads, closes = [p[0] for p in profile.pairs[1:]], [p[1] for p in profile.pairs[1:2]]
    return Places(frozenset(heads[:1]), frozenset(heads[1:]), frozenset({"999"}), frozenset(heads[:1] + closes))


def situes(plan: Plan, lus: Iterable[Lu], facture: int | None, lot: int | None) -> Iterator[Lu]:
    """Records of one bill or lot: from its head to the next head of the same kind; all of them when neither is given."""
    found = places(plan)
    inside_lot, inside_bill = lot is None, facture is None
    for lu in lus:
        type_ = lu.made.record.type if lu.made else ""
        if lot is not None and type_ in found.lots | found.ends:
            number = _number(lu.record, _LOT)
            # A bill that does not name its lot stands in the one that is open.
            if number is not None or type_ not in found.factures:
                inside_lot = type_ in found.lots and number == lot
        if facture is not None and type_ in found.factures | found.ends_bill | found.ends:
            inside_bill = type_ in found.factures and _number(lu.record, _FACTURE) == facture
        if inside_lot and inside_bill:
            yield lu


def _number(record: Any, name: str) -> int | None:
    """A field's number, written as one or as digits."""
    text = str(getattr(record, name, None))
    return int(text) if text.isdecimal() else None
