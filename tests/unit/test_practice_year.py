"""After a year the settled bills are left closed: what a command opens follows what is open, not what ever was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.tools.year import fill
from tests.unit.practice_fakes import (
    CABINET,
    DAY,
    Cards,
    CountingRandom,
    FixedClock,
    MemoryJournal,
    PlainSealer,
    Post,
    accept,
    home_visit,
    rights,
)
from tests.unit.test_practice_returns import Drop
from tournee.billing.lifecycle import State
from tournee.practice import drafts, outline
from tournee.practice.dossier import fold, load, load_all
from tournee.practice.ports import New
from tournee.practice.returns import take_returns
from tournee.practice.send import Sender
from tournee.practice.sign import sign
from tournee.practice.status import look


class Year:
    """`settled` paid bills behind one that is new."""

    def __init__(self, settled: int) -> None:
        self.journal, self.post = MemoryJournal(), Post()
        fill(self.journal, settled)
        self.journal.next = {"facture": settled, "fichier": settled, "lot": settled}
        self.owner = rights()

    def visit(self) -> None:
        bill = drafts.prefilled(self.journal, home_visit("zz", self.owner))
        drafts.save(self.journal, bill, self.owner)
        asyncio.run(sign(self.journal, Cards(), CABINET, "zz", clock=FixedClock(), verify=accept))
        assert look(self.journal, today=DAY)[0].to_send
        sender = Sender(
            self.journal, Cards(), PlainSealer(), self.post, CABINET, FixedClock(), CountingRandom(), accept
        )
        asyncio.run(sender.send())
        take_returns(self.journal, Drop(one=b"not a return"))


def opened(work: Callable[[], None], journal: MemoryJournal) -> int:
    before = journal.opened
    work()
    return journal.opened - before


def test_a_visit_opens_no_more_after_a_year_than_after_a_week() -> None:
    """But for the drafts in which the same patient is looked for, 200 at a time, and the number of each bill."""
    week, year = Year(20), Year(400)
    for practice in (week, year):  # all were begun on one day, which the day's degression wants to know: another day
        practice.journal.kept = [replace(e, at=e.at.replace(year=2024)) for e in practice.journal.kept]
    few, many = opened(week.visit, week.journal), opened(year.visit, year.journal)
    assert many - few <= (400 - 20) + (200 - 20)
    assert len(year.post.arrived) == 1


def test_status_counts_settled_bills_without_opening_them() -> None:
    practice = Year(40)
    before = practice.journal.opened
    view, drafts_ = look(practice.journal, today=DAY)
    assert practice.journal.opened == before
    assert len(view.done) == 40 and not drafts_ and not view.todo


@pytest.mark.parametrize(
    "steps",
    [
        ("draft",),
        ("draft", "numbered", "prepared", "signed", "in-lot", "sent", "sent"),
        ("draft", "signed", "rejected", "corrected", "correction-cancelled"),
        ("draft", "signed", "partly-paid", "corrected", "correction-cancelled", "corrected"),
        ("draft", "prepared", "cancelled"),
    ],
)
def test_the_outline_and_the_opened_bill_agree(steps: tuple[str, ...]) -> None:
    journal = MemoryJournal()
    drafts.save(journal, home_visit("aa", rights()), rights())
    data = {"numbered": {"numero": 1}, "prepared": {"records": "", "facture": {}, "evaluation": {}}}
    data["in-lot"] = {"lot": "l", "file": "f"}
    for step in steps[1:]:
        journal.commit(New("bill:aa", step, data.get(step, {})))
    dossier = fold(journal.entries("bill:aa"))
    assert dossier is not None and outline.bills(journal)["aa"].state is dossier.state is dossier.steps[-1].state


def test_a_bill_that_the_patient_paid_is_settled_by_its_arl_and_opened_again_by_a_rejection() -> None:
    journal = MemoryJournal()
    drafts.save(journal, home_visit("aa", rights()), rights())
    journal.commit(New("bill:aa", "acknowledged"), New("bill:aa", outline.CLOSED))
    assert outline.bills(journal)["aa"].settled
    journal.commit(New("bill:aa", "rejected", {"rejets": []}))
    assert not outline.bills(journal)["aa"].settled
    assert [d.state for d in load_all(journal, ["aa"])] == [State.REJECTED]


def test_a_bill_is_found_by_its_number_among_many() -> None:
    practice = Year(40)
    assert load(practice.journal, "17").id == f"{16:010x}"
    assert load(practice.journal, "last").id == f"{39:010x}"
