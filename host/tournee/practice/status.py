"""The practice at a glance: to sign, to send, waiting (with the day to act), and what needs a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tournee.billing import evaluate
from tournee.billing.lifecycle import State, clocks
from tournee.billing.result import Evaluation
from tournee.practice.dossier import Dossier, load_all
from tournee.practice.files import SentFile, load_files
from tournee.practice.matching import due_cents, unanswered
from tournee.practice.outline import bills, open_files
from tournee.practice.ports import Journal


@dataclass(frozen=True)
class Waiting:
    dossier: Dossier
    text: str
    act_on: date | None  # the day to act if nothing has come


@dataclass(frozen=True)
class Todo:
    """Something a person must look at, and what to do."""

    subject: str
    text: str
    remedy: str


@dataclass(frozen=True)
class Overview:
    to_complete: tuple[Dossier, ...]
    to_sign: tuple[Dossier, ...]
    to_send: tuple[Dossier, ...]
    waiting: tuple[Waiting, ...]
    done: tuple[str, ...]  # ids
    todo: tuple[Todo, ...]


EMPTY = Overview((), (), (), (), (), ())
"""Of a practice without a bill."""


def look(journal: Journal, *, today: date) -> tuple[Overview, Mapping[str, Evaluation]]:
    """The overview, and the evaluation of each draft by id. Bills that are settled are not opened."""
    known = bills(journal)
    dossiers = load_all(journal, [o.id for o in known.values() if not o.settled])
    drafts = {d.id: evaluate(d.bill, d.rights, today=today) for d in dossiers if d.state is State.DRAFT}
    files = load_files(journal, open_files(journal))
    silent = {f.id for f in unanswered(files, {o.id: o.state for o in known.values()})}
    valid = [bill for bill, e in drafts.items() if e.status == "valid"]
    settled = [o.id for o in known.values() if o.settled]
    return overview(dossiers, files, silent, valid, settled, today=today), drafts


def overview(
    dossiers: Sequence[Dossier],
    files: Sequence[SentFile],
    silent: Collection[str],
    valid: Collection[str],
    settled: Sequence[str],
    *,
    today: date,
) -> Overview:
    """`silent`: ids of the files of which the fund said nothing; `valid`: of the drafts that may be signed; `settled`: of the other bills."""
    waiting = [_waiting(d) for d in dossiers if d.state in (State.SENT, State.ACKNOWLEDGED)]
    waiting = [w for w in waiting if w.act_on is not None or due_cents(w.dossier)]
    held = {w.dossier.id for w in waiting}
    final = (State.PAID, State.CORRECTED, State.CANCELLED, State.ACKNOWLEDGED)  # received, and nothing is due
    return Overview(
        to_complete=tuple(d for d in dossiers if d.state is State.DRAFT and d.id not in valid),
        to_sign=tuple(d for d in dossiers if d.state is State.VALID or d.id in valid),
        to_send=tuple(d for d in dossiers if d.state in (State.SIGNED, State.IN_LOT)),
        waiting=tuple(waiting),
        done=(*settled, *(d.id for d in dossiers if d.state in final and d.id not in held)),
        todo=(*_bill_todos(dossiers), *_file_todos(files, silent), *_overdue(waiting, today)),
    )


def _waiting(d: Dossier) -> Waiting:
    tiers_payant = due_cents(d) > 0
    dates = clocks(d.steps, tiers_payant=tiers_payant)
    if d.state is State.SENT:
        due = next((c.due for c in dates if c.code == "ARL"), None)
        return Waiting(d, "attend l'accusé de réception de la caisse", due)
    return Waiting(d, "attend le paiement de la caisse", None)


def _bill_todos(dossiers: Sequence[Dossier]) -> list[Todo]:
    todos = []
    for d in dossiers:
        name = f"facture {d.numero}" if d.numero else f"facture {d.id}"
        if d.pending:
            todos.append(
                Todo(
                    name, "une signature était en cours, son résultat est inconnu", f"tournee bill sign {d.id} --again"
                )
            )
        if d.state in (State.REJECTED, State.PARTLY_PAID):
            for rejet in d.outcome.get("rejets", []) or [{"code": "", "libelle": "sans motif", "a_faire": ""}]:
                text = f"{'rejetée' if d.state is State.REJECTED else 'payée en partie'} : {rejet['code']} {rejet['libelle']}"
                todos.append(Todo(name, text.strip(), rejet["a_faire"] or "Appelez la caisse."))
    return todos


def _file_todos(files: Sequence[SentFile], silent: Collection[str]) -> list[Todo]:
    todos = []
    for f in files:
        name = f"fichier {f.numero}"
        if f.outcome == "unknown" and f.id in silent:
            text = "envoyé, mais le serveur n'a pas confirmé : peut-être arrivé"
            todos.append(
                Todo(name, text, f"sans accusé de réception, renvoyez-le : tournee send --resend --file {f.numero}")
            )
        elif f.outcome == "refused" and not f.acknowledged:
            todos.append(Todo(name, "refusé par le serveur de courrier : rien n'est parti", "tournee send"))
        elif f.outcome == "preparing":
            todos.append(Todo(name, "préparé, pas encore envoyé", "tournee send"))
    return todos


def _overdue(waiting: Sequence[Waiting], today: date) -> list[Todo]:
    return [
        Todo(
            f"facture {w.dossier.numero}",
            f"aucun accusé de réception au {w.act_on:%d/%m/%Y}",
            "renvoyez son fichier : tournee send --resend",
        )
        for w in waiting
        if w.act_on is not None and w.act_on < today
    ]
