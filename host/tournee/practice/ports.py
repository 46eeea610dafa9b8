"""What the use cases need from the world; adapters stand in `store`, `transmit.adapters`, `terminal` and `cli`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware date-time."""
        ...

    def today(self) -> date: ...


class Random(Protocol):
    def bytes(self, n: int) -> bytes: ...


class Numbers(Protocol):
    """Per-device ranges; a number given is never given again, whatever happens after."""

    def take(self, series: str) -> int:
        """Next number of `series` (`facture`, `lot`, `fichier`), durable before it returns; raises NumbersExhausted."""
        ...


@dataclass(frozen=True)
class Entry:
    """One journaled step. `data` is personal: encrypted at rest."""

    seq: int
    at: datetime
    subject: str  # "bill:<id>", "lot:<n>", "mail:<id>", "return:<uid>"
    step: str
    data: dict[str, Any]


class Journal(Protocol):
    """Append only; an entry is durable before `append` returns."""

    def append(self, subject: str, step: str, data: dict[str, Any]) -> Entry: ...

    def entries(self, subject: str | None = None) -> Sequence[Entry]: ...


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
