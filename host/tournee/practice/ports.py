"""What the use cases need from the world; adapters stand in `store`, `transmit.adapters`, `terminal` and `cli`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware date-time."""
        ...

    def today(self) -> date: ...


class Random(Protocol):
    def bytes(self, n: int) -> bytes: ...


@dataclass(frozen=True)
class New:
    """A step to be journaled. `take` names a number series: the next number is taken in the same write and put in `data["numero"]`."""

    subject: str  # "bill:<id>", "lot:<id>", "file:<id>", "return:<id>"; never personal
    step: str
    data: dict[str, Any] = field(default_factory=dict)
    take: str | None = None


@dataclass(frozen=True)
class Entry:
    """One journaled step. `data` is personal: encrypted at rest."""

    seq: int
    at: datetime
    subject: str
    step: str
    data: dict[str, Any]


class Journal(Protocol):
    """Append only. A commit is all or nothing and durable before it returns; a number taken in it is never given again."""

    def commit(self, *news: New) -> Sequence[Entry]:
        """Raises NumbersExhausted (the range of a series is used up) and changes nothing then."""
        ...

    def entries(self, subject: str | None = None, *, prefix: str = "") -> Sequence[Entry]:
        """In order; of one subject, or of all whose subject begins with `prefix`."""
        ...


class Mailbox(Protocol):
    """Outgoing SMTP and incoming POP3."""

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        """Raises MailRefused (not delivered, may be sent again) or MailUnknown (may have been delivered)."""
        ...

    def uids(self) -> Sequence[str]: ...

    def fetch(self, uid: str) -> bytes: ...

    def delete(self, uid: str) -> None:
        """Only after the return is journaled."""
        ...
