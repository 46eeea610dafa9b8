"""Pictures of the printed documents, to be looked at: `python -m tests.tools.papers docs/pictures` (needs pdftoppm).

Receipt, paper sheet, day summary of fictitious people; the same code gives the same pictures.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tournee.billing import Bill, Praticien, Rights, completed, evaluate, settle
from tournee.cli.documents.feuille import feuille_pdf
from tournee.cli.documents.journee import Entry, journee_pdf
from tournee.cli.documents.receipt import receipt_pdf

_DPI = "56"
_DOCTOR = Praticien("DELAUNAY-SIMU", "Solène")
_AMC = ("99999997", "000000000000017", "1", "33", "20200101", "20401231")
_TYPED = {
    "patient_nir": "280029999999906",
    "patient_nom": "DUPONT",
    "patient_prenom": "ANNE",
    "patient_naissance": "19800202",
    "patient_organisme": "019910001",
}


def papers() -> Mapping[str, bytes]:
    """Name → PDF."""
    card = rights(amc=_AMC)
    visit = [{"code": "VG", "km": 24, "depassement_cents": 1500, "qualificatif": "E"}]
    both = _made({**GP_ANSWERS, "tiers_payant": "amo_amc", "actes": visit}, card, 1234)
    referred = {"parcours": "O", "parcours_nom": "MARTIN", "parcours_prenom": "Léa"}
    paper = bill({**GP_ANSWERS, **_TYPED, **referred})
    typed = completed(paper, Rights.none())
    paper = replace(settle(paper, Rights.none()), numero_facture=1235, praticien=_DOCTOR)
    draft = replace(settle(bill({**GP_ANSWERS, "tiers_payant": "aucun"}), card), praticien=_DOCTOR)
    told = [(both, card, "signée"), (paper, typed, "envoyée"), (draft, card, "brouillon")]
    entries = [Entry(b, evaluate(b, r, today=DAY), state, state != "brouillon") for b, r, state in told]
    return {
        "recu": receipt_pdf(both, entries[0].evaluation),
        "feuille": feuille_pdf(paper, entries[1].evaluation, typed),
        "journee": journee_pdf(DAY, entries),
    }


def _made(answers: Mapping[str, object], card: Rights, numero: int) -> Bill:
    return replace(settle(bill(answers), card), numero_facture=numero, praticien=_DOCTOR)


def main(folder: Path) -> int:
    for name, data in papers().items():
        command = ["pdftoppm", "-r", _DPI, "-png", "-singlefile", "-", str(folder / name)]
        subprocess.run(command, input=data, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
