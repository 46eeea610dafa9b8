"""What the use cases need from the world; adapters stand in `store`, `transmit.adapters`, `terminal` and `cli`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from tournee.cards.model import CpsCard, VitaleCard


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


@dataclass(frozen=True)
class Mark:
    """What an entry shows without being opened."""

    at: datetime
    subject: str
    step: str


class Journal(Protocol):
    """Append only. A commit is all or nothing and durable before it returns; a number taken in it is never given again."""

    def commit(self, *news: New) -> Sequence[Entry]:
        """Raises NumbersExhausted (the range of a series is used up) and changes nothing then."""
        ...

    def entries(
        self,
        subject: str | None = None,
        *,
        prefix: str = "",
        among: Collection[str] | None = None,
        steps: Collection[str] = (),
    ) -> Sequence[Entry]:
        """In order; of one subject, of the subjects `among`, or of all that begin with `prefix`; only `steps` if given.

        Each is opened: after a year of bills, ask for those you need (`marks` tells which).
        """
        ...

    def marks(self, prefix: str) -> Sequence[Mark]:
        """In order, of all whose subject begins with `prefix`; nothing is opened."""
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


class Desk(Protocol):
    """The two cards in front of the practitioner (`cards.desk` on a reader).

    Every method may raise the typed errors of the reader and the cards; `OutcomeUnknown` when a signature or PIN try was in
    flight as the link died.
    """

    async def practitioner(self) -> CpsCard:
        """Public part of the CPS: no PIN."""
        ...

    async def open_cps(self) -> CpsCard:
        """With the situations; asks the PIN on the terminal unless it was verified already in this CPS session."""
        ...

    async def patient(self) -> VitaleCard:
        """Public part of the Vitale: no CPS needed."""
        ...

    async def patient_rights(self) -> VitaleCard:
        """With the rights, which the CPS opens."""
        ...

    async def sign_cps(self, message: bytes) -> bytes:
        """256 bytes, key CPS_PRIV_SIG."""
        ...

    async def sign_vitale(self, message: bytes) -> bytes:
        """256 bytes, SV-SIM key of the Vitale."""
        ...

    async def authenticate(self, digest_info: bytes) -> bytes:
        """256 bytes, key CPS_PRIV_AUT."""
        ...


class Verify(Protocol):
    """`signing.adapters.verify.verify`: raises SignatureInvalid unless `signature` over `text` is by the certificate's key."""

    def __call__(self, certificate: bytes, text: bytes, signature: bytes) -> None: ...


@dataclass(frozen=True)
class Sealing:
    """A signed-data that lacks its signature: the card signs `digest_info`."""

    digest_info: bytes
    state: object


class Sealer(Protocol):
    """CMS (`transmit.adapters.cms`): signed by the CPS, enveloped for the fund."""

    def begin(
        self, content: bytes, signer_certificate: bytes, certificates: Sequence[bytes], at: datetime
    ) -> Sealing: ...

    def finish(self, sealing: Sealing, signature: bytes, recipient_certificate_pem: str) -> bytes:
        """DER of the enveloped-data."""
        ...
