"""What has no citable source: each hole is a row, stands in FIDELITY, and is what the engine says when a bill needs it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tournee.billing import Act, Evaluation, evaluate
from tournee.billing.tables import tables

_AUXILIARY = {
    "accident_tiers": False,
    "nature_assurance": "maladie",
    "lieu": "cabinet",
    "prescripteur": "991129768",
    "prescription_date": "2024-12-01",
    "tiers_payant": "amo",
}
_PRACTICE = {**GP_ANSWERS, "lieu": "cabinet"}


def _of(answers: dict[str, Any], specialite: str, day: date = DAY, **situation: str) -> Evaluation:
    return evaluate(bill(answers, day=day, specialite=specialite, **situation), rights(), today=day)


NEEDED = {
    "smg": lambda: _of({**GP_ANSWERS, "nature_assurance": "smg"}, "01"),
    "fns": lambda: _of({**GP_ANSWERS, "exoneration": "9"}, "01"),
    "tarif-autorite": lambda: _of({**GP_ANSWERS}, "01", code_conventionnel="0"),
    "ald-hors-parcours": lambda: evaluate(
        bill({**GP_ANSWERS, "parcours": "S2", "ald.0": True}), rights(ald="1"), today=DAY
    ),
    "alsace-hors-parcours": lambda: _of({**GP_ANSWERS, "parcours": "S2", "alsace_moselle": True}, "01"),
    "tarif-zone": lambda: _of({**GP_ANSWERS}, "01", zone_tarifaire="40"),
    "coefficients": lambda: _of({**_AUXILIARY, "actes": "VIC 7,5"}, "26"),
    "deux-actes": lambda: _of({**_AUXILIARY, "actes": "AMY 7 + AMY 11,5"}, "29"),
    "deux-actes-medecin": lambda: _of({**GP_ANSWERS, "actes": "VG + VL"}, "01"),
    "nuit-dimanche": lambda: _of(
        {**_AUXILIARY, "actes": [Act("AMO", reference="voix", heure="21:30")], "majoration_imperative": True}, "28"
    ),
    "ccam": lambda: _of({**GP_ANSWERS, "actes": "DEQP003"}, "01"),
    "pav": lambda: _of({**GP_ANSWERS, "actes": "PAV"}, "01"),
    "visite-specialiste": lambda: _of({**GP_ANSWERS, "actes": "VS"}, "03"),
    "gynecologue": lambda: _of({**_PRACTICE, "actes": "CGM"}, "70"),
    "cde": lambda: _of({**_PRACTICE, "actes": "CDE"}, "03"),
    "majorations-sans-montant": lambda: _of({**GP_ANSWERS, "actes": "VG + NFP"}, "01"),
    "tmi": lambda: _of({**_AUXILIARY, "actes": "TMI 1,6"}, "24"),
    "sage-femme-soins": lambda: _of({**_AUXILIARY, "actes": "SFI 2"}, "21"),
}
TOLD = {
    "nuit-et-dimanche": lambda: _of(
        {
            **_AUXILIARY,
            "actes": [Act("AMI", reference="injection", date=date(2025, 1, 12), heure="21:30")],
            "majoration_imperative": True,
        },
        "24",
    ),
    "ferie-local": lambda: _of(
        {**_AUXILIARY, "alsace_moselle": True, "actes": [Act("AMI", reference="injection", date=date(2024, 12, 26))]},
        "24",
    ),
}


def test_every_hole_is_tried() -> None:
    assert set(tables().manques) == set(NEEDED) | set(TOLD)


@pytest.mark.parametrize("nom", sorted(NEEDED))
def test_a_bill_that_needs_it_is_told_so(nom: str) -> None:
    result = NEEDED[nom]()
    assert result.status == "invalid"
    fault = next(e for e in result.errors if e.code == "REGLE_SANS_SOURCE")
    assert fault.path and fault.remedy
    told = next(t for t in result.trace if t.rows == (f"manques:{nom}",))
    assert tables().manques[nom].source in told.text


@pytest.mark.parametrize("nom", sorted(TOLD))
def test_what_is_priced_without_it_says_so(nom: str) -> None:
    result = TOLD[nom]()
    told = tables().manques[nom].data["texte"].partition("{")[0]
    assert result.status == "valid" and any(i.text.startswith(told) for i in result.informations)


def test_every_hole_stands_in_fidelity(root: Path) -> None:
    page = (root / "docs/FIDELITY.md").read_text(encoding="utf-8")
    assert not sorted(nom for nom in tables().manques if f"`manques:{nom}`" not in page)
