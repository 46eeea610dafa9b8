"""The journal: durable, sealed, append only; a number taken is never given again, whatever happens after."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from tournee.practice.ports import New
from tournee.store import keys
from tournee.store.errors import (
    JournalDamaged,
    JournalLocked,
    JournalNotWritten,
    JournalOfAnotherVersion,
    NotInitialised,
    NumbersExhausted,
    WrongKey,
)
from tournee.store.journal import SqlJournal
from tournee.store.lock import held

KEY = bytes(range(32))


class FixedClock:
    def now(self) -> datetime:
        return datetime(2025, 1, 15, 10, 0, tzinfo=UTC)

    def today(self) -> date:
        return self.now().date()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def opened(path: Path, key: bytes = KEY) -> SqlJournal:
    return SqlJournal.at(path, key, FixedClock())


def test_entries_come_back_in_order_and_by_subject(path: Path) -> None:
    journal = opened(path)
    journal.commit(New("bill:a", "draft", {"nom": "X"}), New("bill:b", "draft"), New("lot:1", "formed"))
    journal.commit(New("bill:a", "valid"))
    again = opened(path)
    assert [(e.subject, e.step) for e in again.entries("bill:a")] == [("bill:a", "draft"), ("bill:a", "valid")]
    assert [e.subject for e in again.entries(prefix="bill:")] == ["bill:a", "bill:b", "bill:a"]
    assert again.entries("bill:a")[0].data == {"nom": "X"}
    assert again.entries("bill:a")[0].at.tzinfo is not None


def test_a_commit_is_all_or_nothing(path: Path) -> None:
    journal = opened(path)
    journal.set_range("facture", 5, 5)
    with pytest.raises(NumbersExhausted):
        journal.commit(New("bill:a", "numbered", take="facture"), New("bill:b", "numbered", take="facture"))
    assert journal.entries() == []
    assert journal.ranges() == {"facture": (5, 5)}


def test_numbers_are_given_once_and_ranges_never_go_back(path: Path) -> None:
    journal = opened(path)
    journal.set_range("facture", 1, 3)
    given = [journal.commit(New("bill:x", "numbered", take="facture"))[0].data["numero"] for _ in range(2)]
    journal.set_range("facture", 1, 4)
    given += [opened(path).commit(New("bill:y", "numbered", take="facture"))[0].data["numero"] for _ in range(2)]
    assert given == [1, 2, 3, 4]
    with pytest.raises(NumbersExhausted):
        journal.commit(New("bill:z", "numbered", take="facture"))


def test_nothing_personal_is_readable_in_the_files(path: Path) -> None:
    journal = opened(path)
    journal.commit(New("bill:a", "draft", {"nom": "ZEBULON", "nir": "199999999999999", "acte": "VGMD"}))
    raw = b"".join(p.read_bytes() for p in path.parent.iterdir())
    assert b"draft" in raw
    for secret in (b"ZEBULON", b"1999999999999", b"VGMD"):
        assert secret not in raw


def test_a_row_moved_or_changed_is_told(path: Path) -> None:
    journal = opened(path)
    journal.commit(New("bill:a", "draft", {"n": 1}))
    with sqlite3.connect(path) as db:
        db.execute("update journal set subject='bill:b'")
    with pytest.raises(JournalDamaged):
        journal.entries()


def test_the_wrong_key_opens_nothing(path: Path) -> None:
    opened(path).commit(New("bill:a", "draft"))
    with pytest.raises(WrongKey):
        opened(path, bytes(32))
    assert len(opened(path).entries()) == 1


def test_a_passphrase_wraps_the_key(tmp_path: Path) -> None:
    place = tmp_path / "key.json"
    with pytest.raises(NotInitialised):
        keys.unlock(place, "phrase")
    key = keys.create(place, "device-1", "phrase")
    assert keys.unlock(place, "phrase") == key
    assert key.hex() not in place.read_text()
    for wrong in ("autre", None):
        with pytest.raises(WrongKey):
            keys.unlock(place, wrong)


def _take_until_killed(path: Path, said: int) -> None:
    journal = opened(path)
    while True:
        numero = journal.commit(New("bill:k", "numbered", take="facture"))[0].data["numero"]
        os.write(said, f"{numero}\n".encode())


def test_killed_in_the_middle_no_number_is_lost_or_given_twice(path: Path) -> None:
    opened(path).set_range("facture", 1, 10**6)
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        reader, writer = os.pipe()
        child = context.Process(target=_take_until_killed, args=(path, writer))
        child.start()
        os.close(writer)
        said = os.read(reader, 64)  # at least one number was given
        assert said
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        os.close(reader)
    journal = opened(path)
    numbers = [e.data["numero"] for e in journal.entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert journal.ranges()["facture"][0] == len(numbers) + 1


def test_a_second_command_is_told_to_wait(tmp_path: Path) -> None:
    with held(tmp_path / "lock"), pytest.raises(JournalLocked), held(tmp_path / "lock"):
        pass
    with held(tmp_path / "lock"):
        pass


def test_a_full_disk_changes_nothing_and_takes_no_number(path: Path) -> None:
    journal = opened(path)
    journal.set_range("facture", 1, 9)
    before = journal.entries()

    @event.listens_for(journal._engine, "begin")
    def _no_page_more(db: Connection) -> None:
        db.exec_driver_sql("PRAGMA max_page_count=1")  # SQLite's own "disk is full", at the size that it has

    with pytest.raises(JournalNotWritten):
        journal.commit(New("bill:a", "numbered", {"x": "y" * 50_000}, take="facture"))
    assert opened(path).entries() == before and opened(path).ranges() == {"facture": (1, 9)}


def test_a_journal_of_another_version_is_left_alone(path: Path) -> None:
    opened(path).commit(New("bill:a", "draft"))
    with sqlite3.connect(path) as db:
        db.execute("update meta set value='2'")
    before = path.read_bytes()
    with pytest.raises(JournalOfAnotherVersion):
        opened(path)
    assert path.read_bytes() == before


def test_a_journal_that_another_program_holds_says_to_wait(path: Path) -> None:
    journal = SqlJournal(f"sqlite:///{path}", KEY, FixedClock(), busy_ms=1)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for use in (journal.entries, lambda: journal.commit(New("bill:a", "draft"))):
            with pytest.raises(JournalLocked):
                use()
