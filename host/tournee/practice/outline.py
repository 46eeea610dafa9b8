"""What the steps alone tell of bills and files, nothing opened: enough to choose which of a year's to open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tournee.billing.lifecycle import State
from tournee.practice.ports import Journal

BILL, FILE = "bill:", "file:"
CLOSED = "nothing-due"
"""Step of a bill that its fund has received and of which it owes nothing."""

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
_FINAL = (State.PAID, State.CORRECTED, State.CANCELLED)


@dataclass(frozen=True)
class Outline:
    """`settled`: nothing is awaited of this bill and nothing is to be done about it."""

    id: str
    begun: date  # of its first entry
    state: State
    settled: bool


def bills(journal: Journal) -> dict[str, Outline]:
    """Every bill by id, oldest first."""
    begun: dict[str, date] = {}
    lives: dict[str, list[State]] = {}
    closed: set[str] = set()
    for mark in journal.marks(BILL):
        if mark.step == "draft" and mark.subject not in begun:
            begun[mark.subject], lives[mark.subject] = mark.at.date(), [State.DRAFT]
        elif (life := lives.get(mark.subject)) is not None and (state := follow(life, mark.step)) is not None:
            life.append(state)
        if mark.step == CLOSED:
            closed.add(mark.subject)
    found = {}
    for subject, life in lives.items():
        settled = life[-1] in _FINAL or (life[-1] is State.ACKNOWLEDGED and subject in closed)
        name = subject.removeprefix(BILL)
        found[name] = Outline(name, begun[subject], life[-1], settled)
    return found


def open_files(journal: Journal) -> list[str]:
    """Ids of the files that no ARL has answered, oldest first."""
    known: dict[str, bool] = {}
    for mark in journal.marks(FILE):
        known[mark.subject] = known.get(mark.subject, False) or mark.step == "acknowledged"
    return [subject.removeprefix(FILE) for subject, acknowledged in known.items() if not acknowledged]


def follow(life: Sequence[State], step: str) -> State | None:
    """The state into which `step` brings a bill with these states behind it; None: it stays."""
    if step == "correction-cancelled":
        return next(s for s in reversed(life) if s is not State.CORRECTED)
    state = _STATE_OF_STEP.get(step)
    return None if state == life[-1] else state
