"""What a practitioner waits for after a year: CPU time of the commands' work on a journal of 5 000 paid bills, on disk and sealed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from tests.bench.registry import bench
from tests.tools.year import fill
from tests.unit.practice_fakes import DAY, FixedClock, home_visit, rights
from tournee.practice import drafts
from tournee.practice.dossier import load
from tournee.practice.returns import take_returns
from tournee.practice.status import look
from tournee.store.journal import SqlJournal

_BILLS = 5_000


class _Empty:
    """`Mailbox` without a mail."""

    def send(self, message: bytes, sender: str, recipient: str) -> None: ...

    def uids(self) -> Sequence[str]:
        return ()

    def fetch(self, uid: str) -> bytes:
        raise KeyError(uid)

    def delete(self, uid: str) -> None: ...


@bench("practice", f"status, {_BILLS} settled bills", "s", better="lower")
def status() -> float:
    return _cpu_s(lambda: look(_year(), today=DAY))


@bench("practice", f"one bill by its number, of {_BILLS}", "s", better="lower")
def by_number() -> float:
    return _cpu_s(lambda: load(_year(), str(_BILLS // 2)))


@bench("practice", f"prefill for a patient never seen, {_BILLS} bills", "s", better="lower")
def new_patient() -> float:
    bill = home_visit("zz", rights())
    assert bill.beneficiaire is not None
    other = replace(bill.beneficiaire, prenom="AUTRE")
    return _cpu_s(lambda: drafts.prefilled(_year(), replace(bill, created=DAY + timedelta(9), beneficiaire=other)))


@bench("practice", f"inbox without a mail, {_BILLS} settled bills", "s", better="lower")
def inbox() -> float:
    return _cpu_s(lambda: take_returns(_year(), _Empty()))


def _cpu_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


@cache
def _year() -> SqlJournal:
    _FOLDER.append(tempfile.TemporaryDirectory(prefix="ty"))
    journal = SqlJournal.at(Path(_FOLDER[0].name, "journal.db"), os.urandom(32), FixedClock())
    fill(journal, _BILLS)
    return journal


_FOLDER: list[tempfile.TemporaryDirectory[str]] = []
