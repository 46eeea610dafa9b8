"""What is wrong with a scenario or a trace: where, what, and the one thing to do."""

from __future__ import annotations


class ScenarioError(ValueError):
    """`where` is `file:line: path`; `remedy` the one thing to do."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
        self.remedy = remedy


class Failed(Exception):
    """A session did not go as its scenario says; the text says what came instead."""
