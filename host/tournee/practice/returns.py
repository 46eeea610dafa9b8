"""Take the returns: fetch, journal, match, and only then delete. Each step may be the last before a crash; the next run goes on."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tournee.errors import TourneeError
from tournee.practice.dossier import Dossier, load_all, numbers
from tournee.practice.files import SentFile, load_files
from tournee.practice.freeze import b64
from tournee.practice.matching import effects
from tournee.practice.outline import open_files
from tournee.practice.ports import Entry, Journal, Mailbox, New
from tournee.transmit import returns
from tournee.transmit.errors import MailTooLarge
from tournee.transmit.model import Retour

PREFIX = "return:"
Progress = Callable[[int, int], None]
"""(mails done, mails in all)."""


@dataclass(frozen=True)
class Change:
    """One bill that a return moved."""

    bill: str
    step: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """One return that was taken; without `raw`, a mail that had to stay in the mailbox."""

    id: str
    nature: str
    reference: str
    raw: bytes = field(repr=False)
    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()
    duplicate: bool = False


def take_returns(journal: Journal, mailbox: Mailbox, progress: Progress | None = None) -> list[Taken]:
    """Everything the mailbox holds, and what an earlier run had fetched but not finished."""
    seen = _Seen(journal)
    known = numbers(journal)
    taken = [_match(journal, known, subject, raw) for subject, raw in seen.unmatched()]
    uids = list(mailbox.uids())
    for done, uid in enumerate(uids):
        if progress:
            progress(done, len(uids))
        try:
            raw = mailbox.fetch(uid)  # a known uid too: another mailbox may give it to another mail
        except MailTooLarge as exc:  # it stays in the mailbox; the others are taken
            taken.append(Taken("", "illisible", "", b"", remarks=(f"{exc.what} {exc.remedy}",)))
            continue
        subject = PREFIX + hashlib.sha256(raw).hexdigest()[:32]
        if not seen.known(subject):
            received = New(subject, "received", {"uid": uid, "raw": b64(raw)})
            seen.note(journal.commit(received))
            taken.append(_match(journal, known, subject, raw))
        elif seen.waiting(uid) != subject:
            journal.commit(New(subject, "again", {"uid": uid}))
            taken.append(Taken(subject.removeprefix(PREFIX), "", "", raw, duplicate=True))
        mailbox.delete(uid)
        journal.commit(New(subject, "deleted", {"uid": uid}))
    if progress:
        progress(len(uids), len(uids))
    return taken


class _Seen:
    """What the journal knows of returns; only those that an earlier run did not finish are opened."""

    def __init__(self, journal: Journal) -> None:
        steps: dict[str, Counter[str]] = {}
        for mark in journal.marks(PREFIX):
            steps.setdefault(mark.subject, Counter())[mark.step] += 1
        self._known = set(steps)
        self._raw: dict[str, bytes] = {}
        self._matched = {subject for subject, made in steps.items() if made["matched"]}
        self._waiting: dict[str, str] = {}
        self.note(journal.entries(among=[subject for subject, made in steps.items() if _unfinished(made)]))

    def note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            match entry.step:
                case "received":
                    self._known.add(entry.subject)
                    self._raw[entry.subject] = base64.b64decode(entry.data["raw"])
                    self._waiting[entry.data["uid"]] = entry.subject
                case "again":
                    self._waiting[entry.data["uid"]] = entry.subject
                case "matched":
                    self._matched.add(entry.subject)
                case "deleted":
                    self._waiting.pop(entry.data["uid"], None)

    def known(self, subject: str) -> bool:
        return subject in self._known

    def unmatched(self) -> Sequence[tuple[str, bytes]]:
        return [(s, raw) for s, raw in self._raw.items() if s not in self._matched]

    def waiting(self, uid: str) -> str | None:
        """The subject of a mail that was journaled under this uid and is not deleted yet."""
        return self._waiting.get(uid)


def _unfinished(made: Mapping[str, int]) -> bool:
    return not made["matched"] or made["deleted"] < made["received"] + made["again"]


def _match(journal: Journal, known: Mapping[int, Sequence[str]], subject: str, raw: bytes) -> Taken:
    """`known`: `dossier.numbers`."""
    identity = subject.removeprefix(PREFIX)
    try:
        retour = returns.read(raw)
    except TourneeError as exc:
        summary: dict[str, Any] = {"nature": "illisible", "reference": "", "remarks": [exc.what]}
        journal.commit(New(subject, "matched", summary))
        return Taken(identity, "illisible", "", raw, remarks=(exc.what,))
    dossiers, files = _concerned(journal, known, retour)
    news, remarks = effects(retour, dossiers, files, identity)
    remarks = (*retour.remarques, *remarks)
    summary = {
        "nature": str(retour.nature),
        "reference": retour.reference,
        "simulation": retour.simulation,
        "texte": retour.texte,
        "remarks": list(remarks),
    }
    journal.commit(*news, New(subject, "matched", summary))
    changes = tuple(
        Change(n.subject.removeprefix("bill:"), n.step, n.data) for n in news if n.subject.startswith("bill:")
    )
    return Taken(identity, str(retour.nature), retour.reference, raw, changes, remarks)


def _concerned(
    journal: Journal, known: Mapping[int, Sequence[str]], retour: Retour
) -> tuple[list[Dossier], list[SentFile]]:
    """The bills that `retour` speaks of and the files they stand in; no other is opened."""
    if retour.arl is not None:
        files = load_files(journal, open_files(journal))
        if not _holds(files, retour.arl.compostage):  # an ARL that comes twice, or is none of ours
            files = load_files(journal)
        files = [f for f in files if _holds([f], retour.arl.compostage)]
        return load_all(journal, _bills(files)), files
    named = [int(item.numero_facture) for item in retour.factures if item.numero_facture.isdigit()]
    dossiers = load_all(journal, [bill for numero in named for bill in known.get(numero, ())])
    return dossiers, load_files(journal, {d.file for d in dossiers if d.file is not None})


def _holds(files: Sequence[SentFile], compostage: str) -> bool:
    return any(a.compostage == compostage for f in files for a in f.attempts)


def _bills(files: Sequence[SentFile]) -> Collection[str]:
    return {bill for f in files for bill in f.bills}
