"""What a card program yields and receives (sans-IO): a program is a generator of commands that returns a value.

    def serial() -> Program[str]:
        answers = yield RunScript("cps", script)
        ...

`tournee.cards.driver.run` runs one on a reader.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from tournee.terminal.model import Answer, PinRequest, PinResult, StepAnswer

Card: TypeAlias = Literal["cps", "vitale"]
"""Which of the two cards a command is for; the driver knows their slots."""


@dataclass(frozen=True)
class Apdu:
    """Answered by an `Answer`."""

    card: Card
    apdu: bytes


@dataclass(frozen=True)
class RunScript:
    """Answered by a sequence of `StepAnswer`."""

    card: Card
    script: bytes


@dataclass(frozen=True)
class VerifyPin:
    """Answered by a `PinResult`; never repeated by the driver."""

    card: Card
    request: PinRequest


Command: TypeAlias = Apdu | RunScript | VerifyPin
Reply: TypeAlias = Answer | Sequence[StepAnswer] | PinResult
T = TypeVar("T")
Program: TypeAlias = Generator[Command, Any, T]
"""Receives the reply that belongs to the yielded command's type."""
