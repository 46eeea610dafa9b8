"""What is wrong with a scenario or a trace: where, what, and the one thing to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ScenarioError(ValueError):
    """`where` is `file:line: path`; `remedy` the one thing to do."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
        self.remedy = remedy


class Failed(Exception):
    """A session did not go as its scenario says; the text says what came instead."""


@contextmanager
def written(path: Path) -> Iterator[None]:
    """What is in it writes to `path`; raises ScenarioError when the system does not let it."""
    try:
        yield
    except OSError as exc:
        what = f"cannot be written ({exc.strerror or exc})"
        raise ScenarioError(str(path), what, "make room or give another folder; --resume goes on with a run") from exc
