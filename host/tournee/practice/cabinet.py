"""Who bills on this computer, and where the mail goes: what `tournee init` chose, journaled and sealed like the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tournee.billing.model import Praticien, SituationFacturation
from tournee.practice.ports import Journal, New
from tournee.transmit import directory
from tournee.transmit.directory import Directory
from tournee.transmit.settings import MailAccount

SUBJECT = "cabinet"


@dataclass(frozen=True)
class Cabinet:
    """One practitioner in one situation de facturation on one computer."""

    praticien: Praticien
    situation: SituationFacturation
    account: MailAccount
    directory_json: str  # destinations.json as given
    oct_mailbox: str = ""  # empty: direct to the funds
    oct_numero: str = ""
    oct_certificate_pem: str = ""
    simulation: bool = True

    @property
    def directory(self) -> Directory:
        return directory.loads(self.directory_json)

    @property
    def numero_facturation(self) -> str:
        """9 digits, key included."""
        return self.situation.numero_facturation + self.situation.cle_facturation


def save(journal: Journal, cabinet: Cabinet) -> None:
    """Replaces the one before; the old one stays in the journal."""
    data = {
        "praticien": asdict(cabinet.praticien),
        "situation": asdict(cabinet.situation),
        "account": asdict(cabinet.account),
        "directory": cabinet.directory_json,
        "oct_mailbox": cabinet.oct_mailbox,
        "oct_numero": cabinet.oct_numero,
        "oct_certificate": cabinet.oct_certificate_pem,
        "simulation": cabinet.simulation,
    }
    journal.commit(New(SUBJECT, "chosen", data))


def load(journal: Journal) -> Cabinet | None:
    """The last one chosen, None before `tournee init`."""
    chosen = [e for e in journal.entries(SUBJECT) if e.step == "chosen"]
    if not chosen:
        return None
    data = chosen[-1].data
    return Cabinet(
        praticien=Praticien(**_known(Praticien, data["praticien"])),
        situation=SituationFacturation(**_known(SituationFacturation, data["situation"])),
        account=MailAccount(**_known(MailAccount, data["account"])),
        directory_json=data["directory"],
        oct_mailbox=data["oct_mailbox"],
        oct_numero=data["oct_numero"],
        oct_certificate_pem=data["oct_certificate"],
        simulation=bool(data["simulation"]),
    )


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that this version has, so that an older or newer journal opens."""
    names = {f.name for f in fields(kind)}
    return {k: v for k, v in data.items() if k in names}
