"""The question loop of `tournee bill new`, in French; the price and its split grow on one line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from tournee.billing import Bill, Rights


class Io(Protocol):
    """Where the loop prints and reads; `rich` on a terminal, a script in tests."""

    def show(self, text: str) -> None: ...

    def read(self, prompt: str) -> str:
        """One line; raises EOFError or KeyboardInterrupt."""
        ...


class Interrupted(Exception):
    """Ctrl-C: `bill` is the draft to keep."""

    def __init__(self, bill: Bill) -> None:
        super().__init__("interrupted")
        self.bill = bill


def ask(bill: Bill, rights: Rights, today: date, *, io: Io | None = None, advanced: bool = False) -> Bill:
    """Asks until nothing required is left; raises Interrupted with the draft."""
    raise NotImplementedError


def apply_answers(bill: Bill, rights: Rights, today: date, answers: Mapping[str, Any]) -> Bill:
    """Non-interactive: `answers` maps question ids to values; raises BadAnswer naming the question."""
    raise NotImplementedError
