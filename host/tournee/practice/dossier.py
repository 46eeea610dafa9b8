"""A bill's dossier: what its journal entries add up to. The journal is the only truth; nothing here is stored."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tournee.billing.codec import bill_from_json, rights_from_json
from tournee.billing.lifecycle import State, Step
from tournee.billing.model import Bill
from tournee.billing.rights import Rights
from tournee.practice.errors import BillAmbiguous, BillUnknown
from tournee.practice.outline import BILL, bills, follow
from tournee.practice.ports import Entry, Journal


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
                dossier = Dossier(entry.subject.removeprefix(BILL), bill, rights, State.DRAFT, first)
            else:
                dossier = replace(dossier, bill=bill, rights=rights)
        elif dossier is not None:
            dossier = _apply(dossier, entry)
        if dossier is not None:
            event = Event(entry.at, entry.step, _public(entry))
            dossier = replace(dossier, events=(*dossier.events, event))
    return dossier


def load_all(journal: Journal, among: Collection[str] | None = None) -> list[Dossier]:
    """Every bill, or those with these ids; oldest first. Each is opened and decoded: `outline.bills` tells which are needed."""
    if among is None:
        entries = journal.entries(prefix=BILL)
    else:
        entries = journal.entries(among={BILL + name for name in among})
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.subject, []).append(entry)
    return [d for d in map(fold, grouped.values()) if d is not None]


def of_state(journal: Journal, *states: State) -> list[Dossier]:
    """The bills in one of `states`, oldest first."""
    return load_all(journal, [o.id for o in bills(journal).values() if o.state in states])


def load(journal: Journal, wanted: str) -> Dossier:
    """The bill of that number, else the one whose id begins with `wanted`, or the last one for `last`.

    Raises BillUnknown, BillAmbiguous. The number comes first: it is what a practitioner is shown.
    """
    known = list(bills(journal))
    found = known[-1:] if wanted == "last" else [name for name in known if name == wanted]
    if not found and wanted.isdecimal():
        found = numbers(journal).get(int(wanted), [])
    if not found:
        found = [name for name in known if wanted and name.startswith(wanted)]
    if not found:
        raise BillUnknown(wanted)
    if len(found) > 1:
        raise BillAmbiguous(wanted, len(found))
    return load_all(journal, found)[0]


def numbers(journal: Journal) -> dict[int, list[str]]:
    """Number -> ids of the bills that took it: one, unless the numbers turned over."""
    found: dict[int, list[str]] = {}
    for entry in journal.entries(prefix=BILL, steps=("numbered",)):
        found.setdefault(int(entry.data["numero"]), []).append(entry.subject.removeprefix(BILL))
    return found


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
        case "in-lot":
            d = replace(d, lot=str(data["lot"]), file=str(data["file"]))
        case "paid" | "partly-paid" | "rejected" | "share":
            d = replace(d, outcome=dict(data))
        case _:
            pass
    state = follow([s.state for s in d.steps], entry.step)
    if state is None:
        return d
    return replace(d, state=state, steps=(*d.steps, Step(state, entry.at.date())))


_SECRET = frozenset({"bill", "rights", "records", "facture", "evaluation", "value", "certificate"})


def _public(entry: Entry) -> dict[str, Any]:
    return {k: v for k, v in entry.data.items() if k not in _SECRET}
