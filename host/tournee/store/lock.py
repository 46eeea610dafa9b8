"""One tournee command at a time changes the practice; the OS frees the lock of a killed process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tournee.store.errors import JournalLocked


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file. Raises JournalLocked at once when another process has it."""
    import portalocker

    try:
        with portalocker.Lock(path, mode="a", timeout=0, flags=portalocker.LOCK_EX | portalocker.LOCK_NB):
            yield
    except portalocker.exceptions.LockException:
        raise JournalLocked from None
