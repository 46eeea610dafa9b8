"""What a fund found out about one mail: named checks, in order. Written to `checks.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    name: str  # "cms.signature", "facture 000000012.signature.vitale"
    ok: bool
    detail: str = ""  # never a NIR, a name or an amount of a person


@dataclass
class Report:
    """One failed check makes the ARL negative."""

    number: int  # of the incoming mail, from 1
    fund: str
    checks: list[Check] = field(default_factory=list)
    sender: str = ""
    subject: str = ""
    compostage: str = ""
    emetteur: str = ""
    identification_fichier: str = ""
    file: str = ""  # name of the decrypted file beside checks.json, "" if it could not be opened
    sha256: str = ""  # of the decrypted file
    factures: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)  # invoices that had come before
    settled: list[int] = field(default_factory=list)  # invoices that are paid, wholly or in part
    answers: list[str] = field(default_factory=list)

    def check(self, name: str, ok: bool, detail: str = "") -> bool:
        self.checks.append(Check(name, bool(ok), detail))
        return bool(ok)

    @property
    def ok(self) -> bool:
        return all(c.ok for c in self.checks)

    def failed(self) -> list[Check]:
        return [c for c in self.checks if not c.ok]

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **asdict(self)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Report:
        values = {k: v for k, v in document.items() if k != "ok"}
        values["checks"] = [Check(**c) for c in values["checks"]]
        return cls(**values)
