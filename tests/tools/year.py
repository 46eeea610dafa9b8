"""A practice's journal with many settled bills, made from one real life: signed, sent, acknowledged, paid, then copied."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.practice_fakes import (
    CABINET,
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
from tournee.practice import drafts
from tournee.practice.ports import Entry, Journal, New
from tournee.practice.send import Sender
from tournee.practice.sign import sign

BILLS_PER_FILE = 20
_PAID = {"return": "r", "by": "NOEMIE 580", "paye_cents": 2800, "demande_cents": 2800, "amo_cents": 2800, "rejets": []}


def fill(journal: Journal, count: int) -> None:
    """`count` paid bills of one patient in `journal`, BILLS_PER_FILE to a file; a multiple of it."""
    life = _life()
    for first in range(0, count, BILLS_PER_FILE):
        numbers = range(first, first + BILLS_PER_FILE)
        journal.commit(*(new for n in numbers for new in _bill(life, n)), *_file(life, numbers))


def _life() -> list[Entry]:
    journal, owner = MemoryJournal(), rights()
    drafts.save(journal, home_visit("aa", owner), owner)
    asyncio.run(sign(journal, Cards(), CABINET, "aa", clock=FixedClock(), verify=accept))
    sender = Sender(journal, Cards(), PlainSealer(), Post(), CABINET, FixedClock(), CountingRandom(), accept)
    asyncio.run(sender.send())
    return list(journal.kept)


def _bill(life: list[Entry], n: int) -> list[New]:
    subject = f"bill:{n:010x}"
    changes: dict[str, dict[str, Any]] = {
        "numbered": {"numero": n + 1},
        "signed": {"numero": n + 1},
        "in-lot": {"lot": f"{n // BILLS_PER_FILE:x}", "file": f"{n // BILLS_PER_FILE:010x}"},
    }
    news = [New(subject, e.step, {**e.data, **changes.get(e.step, {})}) for e in life if e.subject == "bill:aa"]
    return [*news, New(subject, "acknowledged", {"return": "r"}), New(subject, "paid", _PAID)]


def _file(life: list[Entry], numbers: range) -> list[New]:
    n = numbers[0] // BILLS_PER_FILE
    bills = [f"{i:010x}" for i in numbers]
    changes: dict[str, dict[str, Any]] = {
        "formed": {"numero": n + 1},
        "lot": {"numero": n + 1, "lot": f"{n:x}", "bills": bills},
    }
    entries = [e for e in life if e.subject.startswith("file:")]
    news = [New(f"file:{n:010x}", e.step, {**e.data, **changes.get(e.step, {})}) for e in entries]
    return [*news, New(f"file:{n:010x}", "acknowledged", {"return": "r", "accepted": True})]
