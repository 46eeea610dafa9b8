"""The visits of a demo: which Vitale, for whom, which answers. A visit file is a list, or {"visits": [...]}.

- vitale: vitale-famille
  beneficiaire: 1
  answers: {actes: "VG", deplacement: MD, parcours: T, tiers_payant: amo, accident_tiers: non}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tournee.errors import UsageError

_REMEDY = (
    "Une visite est {vitale: ID, beneficiaire: N, answers: {question: réponse}} ; exemple : docs/examples/visits.yaml."
)

HOME_VISIT: Mapping[str, Any] = {
    "nature_assurance": "maladie",
    "accident_tiers": False,
    "lieu": "domicile",
    "actes": "VG",
    "deplacement": "MD",
    "parcours": "T",
    "tiers_payant": "amo",
}
"""A GP's home visit: VG + MD, médecin traitant, third-party payment of the AMO share."""


@dataclass(frozen=True)
class Visit:
    vitale: str
    beneficiaire: int = 1
    answers: Mapping[str, Any] = field(default_factory=lambda: dict(HOME_VISIT))


def read(path: Path) -> list[Visit]:
    """Raises UsageError that names the visit."""
    from tournee.cli.bill_new import read_document

    document = read_document(path)
    rows = document.get("visits") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"{path} : une liste de visites est attendue.", _REMEDY)
    return [_visit(path, number, row) for number, row in enumerate(rows, 1)]


def _visit(path: Path, number: int, row: Any) -> Visit:
    if not isinstance(row, dict) or not isinstance(row.get("vitale"), str):
        raise UsageError(f"{path}, visite {number} : « vitale » manque.", _REMEDY)
    unknown = set(row) - {"vitale", "beneficiaire", "answers"}
    if unknown:
        raise UsageError(f"{path}, visite {number} : « {min(unknown)} » est inconnu.", _REMEDY)
    person, answers = row.get("beneficiaire", 1), row.get("answers", {})
    if not isinstance(person, int) or not isinstance(answers, dict):
        raise UsageError(f"{path}, visite {number} : « beneficiaire » ou « answers » mal formé.", _REMEDY)
    return Visit(row["vitale"], person, {**HOME_VISIT, **answers})
