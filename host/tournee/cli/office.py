"""What every practitioner's command opens: the journal and its key, the clock, the cabinet."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tournee.cli.ports import SystemClock, SystemRandom
from tournee.practice import cabinet as cabinets
from tournee.practice.cabinet import Cabinet
from tournee.store import home, keys, lock
from tournee.store.errors import NotInitialised
from tournee.store.journal import SqlJournal

PASSPHRASE_VARIABLE = "TOURNEE_PASSPHRASE"


@dataclass(frozen=True)
class Office:
    """Open while a command runs."""

    folder: Path
    journal: SqlJournal
    clock: SystemClock
    random: SystemRandom
    chosen: Cabinet | None

    @property
    def cabinet(self) -> Cabinet:
        """Raises NotInitialised."""
        if self.chosen is None:
            raise NotInitialised
        return self.chosen


@contextmanager
def opened(*, write: bool = True) -> Iterator[Office]:
    """The practitioner's data; with `write` no other command may change them meanwhile. Raises NotInitialised, WrongKey."""
    folder = home.home()
    key_file = folder / "key.json"
    key = keys.unlock(key_file, passphrase() if keys.place(key_file).kind == "passphrase" else None)
    with _locked(folder, write):
        clock = SystemClock()
        journal = SqlJournal.at(folder / "journal.db", key, clock)
        try:
            yield Office(folder, journal, clock, SystemRandom(), cabinets.load(journal))
        finally:
            journal.close()


def passphrase(*, new: bool = False) -> str | None:
    """From the environment, else typed without echo; None when nobody is there to type it."""
    if given := os.environ.get(PASSPHRASE_VARIABLE):
        return given
    if not sys.stdin.isatty():
        return None
    first = getpass.getpass("Phrase secrète du journal : ")
    if new and getpass.getpass("Encore une fois : ") != first:
        print("Les deux saisies diffèrent.", file=sys.stderr)
        return passphrase(new=True)
    return first


@contextmanager
def _locked(folder: Path, write: bool) -> Iterator[None]:
    if not write:
        yield
        return
    with lock.held(folder / "lock"):
        yield
