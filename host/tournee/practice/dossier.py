"""A bill's dossier: what its journal entries add up to. The journal is the only truth; nothing here is stored."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tournee.billing.codec import bill_from_json, rights_from_json
from tournee.billing.lifecycle import State, Step
from tournee.billing.model import Bill
from tournee.billing.rights import Rights
from tournee.practice.errors import BillAmbiguous, BillUnknown
from tournee.practice.ports import Entry, Journal

PREFIX = "bill:"

_STATE_OF_STEP = {
    "prepared": State.VALID,
    "signed": State.SIGNED,
    "in-lot": State.IN_LOT,
    "sent": State.SENT,
    "acknowledged": State.ACKNOWLEDGED,
    "paid": State.PAID,
    "partly-paid": State.PARTLY_PAID,
    "rejected": State.REJECTED,
    "corrected": State.CORRECTED,
    "cancelled": State.CANCELLED,
}


@dataclass(frozen=True)
class Signature:
    """RSA PKCS#1 v1.5 SHA-256 over `signing.message`."""

    signer: str  # "C" CPS, "V" Vitale
    value: bytes
    certificate: bytes  # DER


@dataclass(frozen=True)
class Event:
    """One dated line of the life cycle, for people: no card data."""

    at: datetime
    step: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Dossier:
    """One bill with all that happened to it."""

    id: str
    bill: Bill
    rights: Rights
    state: State
    steps: tuple[Step, ...]
    numero: int | None = None
    records: bytes = b""  # encoded records 2…5, without signatures
    facture: dict[str, Any] | None = None  # JSON of the neutral invoice (`freeze`)
    evaluation: dict[str, Any] | None = None  # JSON of the evaluation that was signed
    signatures: tuple[Signature, ...] = ()
    pending: str | None = None  # signer of a signature that was begun and whose outcome is not known
    lot: str | None = None
    file: str | None = None
    outcome: dict[str, Any] = field(default_factory=dict)  # of the last return: cents and rejects
    events: tuple[Event, ...] = ()

    @property
    def day(self) -> date:
        """Date of care of the first act, or of creation."""
        return next((a.date for a in self.bill.acts if a.date), self.bill.created)

    def signature(self, signer: str) -> Signature | None:
        return next((s for s in self.signatures if s.signer == signer), None)


def fold(entries: Sequence[Entry]) -> Dossier | None:
    """The dossier of one subject's entries; None before the first draft."""
    dossier: Dossier | None = None
    for entry in entries:
        if entry.step == "draft":
            bill, rights = bill_from_json(entry.data["bill"]), rights_from_json(entry.data["rights"])
            if dossier is None:
                first = (Step(State.DRAFT, entry.at.date()),)
                dossier = Dossier(entry.subject.removeprefix(PREFIX), bill, rights, State.DRAFT, first)
            else:
                dossier = replace(dossier, bill=bill, rights=rights)
        elif dossier is not None:
            dossier = _apply(dossier, entry)
        if dossier is not None:
            event = Event(entry.at, entry.step, _public(entry))
            dossier = replace(dossier, events=(*dossier.events, event))
    return dossier


def load_all(journal: Journal) -> list[Dossier]:
    """Every bill, oldest first."""
    grouped: dict[str, list[Entry]] = {}
    for entry in journal.entries(prefix=PREFIX):
        grouped.setdefault(entry.subject, []).append(entry)
    return [d for d in map(fold, grouped.values()) if d is not None]


def load(journal: Journal, wanted: str) -> Dossier:
    """The bill of that number, else the one whose id begins with `wanted`, or the last one for `last`.

    Raises BillUnknown, BillAmbiguous. The number comes first: it is what a practitioner is shown.
    """
    dossiers = load_all(journal)
    if wanted == "last" and dossiers:
        return dossiers[-1]
    found = [d for d in dossiers if d.id == wanted]
    if not found and wanted.isdecimal():
        found = [d for d in dossiers if d.numero == int(wanted)]
    if not found:
        found = [d for d in dossiers if wanted and d.id.startswith(wanted)]
    if not found:
        raise BillUnknown(wanted)
    if len(found) > 1:
        raise BillAmbiguous(wanted, len(found))
    return found[0]


def of_state(dossiers: Iterable[Dossier], *states: State) -> list[Dossier]:
    return [d for d in dossiers if d.state in states]


def _apply(d: Dossier, entry: Entry) -> Dossier:
    data = entry.data
    match entry.step:
        case "numbered":
            d = replace(d, numero=int(data["numero"]))
        case "prepared":
            records = base64.b64decode(data["records"])
            d = replace(d, records=records, facture=data["facture"], evaluation=data["evaluation"])
        case "signature-begun":
            d = replace(d, pending=str(data["signer"]))
        case "signature-failed":
            d = replace(d, pending=None)
        case "signature":
            made = Signature(data["signer"], base64.b64decode(data["value"]), base64.b64decode(data["certificate"]))
            d = replace(d, pending=None, signatures=(*d.signatures, made))
        case "cancelled":
            d = replace(d, pending=None)
        case "correction-cancelled":
            before = next(s.state for s in reversed(d.steps) if s.state is not State.CORRECTED)
            return replace(d, state=before, steps=(*d.steps, Step(before, entry.at.date())))
        case "in-lot":
            d = replace(d, lot=str(data["lot"]), file=str(data["file"]))
        case "paid" | "partly-paid" | "rejected" | "share":
            d = replace(d, outcome=dict(data))
        case _:
            pass
    state = _STATE_OF_STEP.get(entry.step)
    if state is None or state == d.state:
        return d
    return replace(d, state=state, steps=(*d.steps, Step(state, entry.at.date())))


_SECRET = frozenset({"bill", "rights", "records", "facture", "evaluation", "value", "certificate"})


def _public(entry: Entry) -> dict[str, Any]:
    return {k: v for k, v in entry.data.items() if k not in _SECRET}
