"""A file's dossier: the lots it carries, how often and how it went out. Folded from the journal like a bill's."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tournee.practice.outline import FILE
from tournee.practice.ports import Entry, Journal

LOT_NUMBERS = 999
"""The lot number has 3 digits [IMPL JFSE]: it turns over; a lot is known by number and date."""


@dataclass(frozen=True)
class LotPart:
    """One lot of a file: the bills in order, its records and its signature."""

    id: str
    numero: int
    bills: tuple[str, ...]
    signature: bytes = b""
    certificate: bytes = b""  # DER, of the signature
    pending: bool = False  # its signature was begun and its outcome is not known


@dataclass(frozen=True)
class Attempt:
    """One transmission; a retransmission has another compostage and the same envelope."""

    compostage: str
    at: datetime
    mail: bytes = field(repr=False)
    outcome: str  # begun | sent | refused | unknown


@dataclass(frozen=True)
class SentFile:
    id: str
    numero: int
    day: date  # of creation
    destination: dict[str, Any]  # name, mailbox, certificate_pem
    lots: tuple[LotPart, ...] = ()
    content: bytes = field(default=b"", repr=False)  # the B2 file
    identification: str = ""
    envelope: bytes = field(default=b"", repr=False)  # CMS, DER
    seal_pending: bool = False
    attempts: tuple[Attempt, ...] = ()
    acknowledged: str = ""  # id of the ARL

    @property
    def bills(self) -> tuple[str, ...]:
        return tuple(b for lot in self.lots for b in lot.bills)

    @property
    def outcome(self) -> str:
        """`preparing`, or how the last attempt ended; `begun` after a crash in mid-transmission means unknown."""
        if not self.attempts:
            return "preparing"
        last = self.attempts[-1].outcome
        return "unknown" if last == "begun" else last


def load_files(journal: Journal, among: Collection[str] | None = None) -> list[SentFile]:
    """Every file, or those with these ids, oldest first. Each is opened: `outline.open_files` tells which are awaited."""
    if among is None:
        entries = journal.entries(prefix=FILE)
    else:
        entries = journal.entries(among={FILE + name for name in among})
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.subject, []).append(entry)
    return [f for f in map(_fold, grouped.values()) if f is not None]


def _fold(entries: Sequence[Entry]) -> SentFile | None:
    found: SentFile | None = None
    for entry in entries:
        data = entry.data
        if entry.step == "formed":
            found = SentFile(
                entry.subject.removeprefix(FILE),
                int(data["numero"]),
                date.fromisoformat(data["day"]),
                data["destination"],
            )
        elif found is not None:
            found = _apply(found, entry)
    return found


def _apply(f: SentFile, entry: Entry) -> SentFile:
    data = entry.data
    match entry.step:
        case "lot":
            numero = (int(data["numero"]) - 1) % LOT_NUMBERS + 1
            return replace(f, lots=(*f.lots, LotPart(data["lot"], numero, tuple(data["bills"]))))
        case "lot-signature-begun":
            return _lot(f, data["lot"], pending=True)
        case "lot-signature-failed":
            return _lot(f, data["lot"], pending=False)
        case "lot-signature":
            value, certificate = base64.b64decode(data["value"]), base64.b64decode(data["certificate"])
            return _lot(f, data["lot"], pending=False, signature=value, certificate=certificate)
        case "content":
            content = base64.b64decode(data["content"])
            return replace(f, content=content, identification=data["identification"])
        case "seal-begun":
            return replace(f, seal_pending=True)
        case "seal-failed":
            return replace(f, seal_pending=False)
        case "sealed":
            return replace(f, seal_pending=False, envelope=base64.b64decode(data["envelope"]))
        case "send-begun":
            mail = base64.b64decode(data["mail"])
            return replace(f, attempts=(*f.attempts, Attempt(data["compostage"], entry.at, mail, "begun")))
        case "sent" | "refused" | "unknown":
            last = replace(f.attempts[-1], outcome=entry.step)
            return replace(f, attempts=(*f.attempts[:-1], last))
        case "acknowledged":
            return replace(f, acknowledged=data["return"])
    return f


def _lot(f: SentFile, lot: str, **changes: Any) -> SentFile:
    return replace(f, lots=tuple(replace(part, **changes) if part.id == lot else part for part in f.lots))
