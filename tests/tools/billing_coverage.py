"""Writes docs/BILLING_COVERAGE.md: golden cases by profession and situation; empty cells are named.

Run: python -m tests.tools.billing_coverage [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.golden.test_golden_billing import CASES, Case
from tournee.billing.tables import tables

PAGE = Path(__file__).resolve().parents[2] / "docs/BILLING_COVERAGE.md"


def _codes(case: Case) -> set[str]:
    return {str(x).partition(" ")[0] for x in case.raw.get("lines", ())}


COLUMNS: dict[str, Callable[[Case], bool]] = {
    "simple": lambda c: len(c.raw.get("lines", ())) == 1,
    "déplacement": lambda c: bool(_codes(c) & {"MD", "MDM", "IFD", "IFI", "IFS", "IFN"}),
    "kilomètres": lambda c: bool(_codes(c) & {"IK", "IKM", "IKS"}),
    "nuit, dimanche": lambda c: (
        c.answers.get("majoration_imperative") is True
        or bool(_codes(c) & {"MDN", "MDI", "MDD", "MN", "MM", "F", "VRN", "VRD", "VRS", "VRM"})
    ),
    "autre majoration": lambda c: bool(_codes(c) & {"MEG", "MAU", "MCI", "MIE", "MSF", "MHP", "MCS", "MPC", "MU"}),
    "plusieurs actes": lambda c: len(_acts(c)) > 1,
    "série": lambda c: len({_date(a) for a in _acts(c)}) > 1,
    "même domicile": lambda c: c.answers.get("rang_domicile", 1) > 1 or "patients_dependants" in c.answers,
    "hors parcours": lambda c: str(c.answers.get("parcours", "")).startswith("S"),
    "ALD": lambda c: "ald" in c.card,
    "Alsace-Moselle": lambda c: c.answers.get("alsace_moselle") is True,
    "maternité": lambda c: c.answers.get("nature_assurance") == "maternite",
    "AT/MP": lambda c: c.answers.get("nature_assurance") == "at",
    "C2S": lambda c: c.answers.get("tiers_payant") == "c2s",
    "AMO + AMC": lambda c: c.answers.get("tiers_payant") == "amo_amc",
    "sans tiers payant": lambda c: c.answers.get("tiers_payant") == "aucun",
    "enfant": lambda c: str(c.card.get("naissance", "1980")) >= "2009",
    "dépassement": lambda c: any(
        bool(a.get("depassement_cents")) if isinstance(a, dict) else "dépassement" in str(a) for a in _acts(c)
    ),
    "outre-mer": lambda c: c.situation.get("zone_tarifaire") == "40",
    "dégradé": lambda c: c.answers.get("mode") == "degrade" or bool(c.card.get("absente")),
    "refus": lambda c: "error" in c.raw,
}


def _acts(case: Case) -> list[object]:
    acts = case.answers.get("actes")
    if isinstance(acts, str):
        return [part.strip() for part in acts.split("+")]
    return acts if isinstance(acts, list) else [acts]


def _date(act: object) -> str:
    if isinstance(act, dict):
        return str(act.get("date", ""))
    return str(act).partition(" le ")[2].partition(" ")[0]


MAJORATIONS: dict[str, Callable[[Case], bool]] = {
    "sans": lambda c: not any(MAJORATIONS[m](c) for m in list(MAJORATIONS)[1:]),
    "déplacement": COLUMNS["déplacement"],
    "kilomètres": COLUMNS["kilomètres"],
    "nuit, dimanche": COLUMNS["nuit, dimanche"],
    "autre": COLUMNS["autre majoration"],
}
SIDES: dict[str, dict[str, Callable[[Case], bool]]] = {
    "parcours": {
        "dans": lambda c: bool(c.answers.get("parcours")) and not COLUMNS["hors parcours"](c),
        "hors": COLUMNS["hors parcours"],
        "sans objet": lambda c: not c.answers.get("parcours"),
    },
    "exonération": {
        "aucune": lambda c: not any(SIDES["exonération"][e](c) for e in list(SIDES["exonération"])[1:]),
        "ALD": lambda c: any(k.startswith("ald.") and v is True for k, v in c.answers.items()),
        "maternité": COLUMNS["maternité"],
        "AT/MP": COLUMNS["AT/MP"],
        "C2S": COLUMNS["C2S"],
        "Alsace-Moselle": COLUMNS["Alsace-Moselle"],
        "autre": lambda c: bool(c.answers.get("exoneration")) or bool(_codes(c) & {"COE", "COD", "COB"}),
    },
    "mode": {
        "sécurisé": lambda c: not c.answers.get("mode") and not c.card.get("absente"),
        "dégradé": COLUMNS["dégradé"],
        "sans Vitale": lambda c: c.answers.get("mode") == "sans_vitale",
        "visite": lambda c: c.answers.get("mode") == "visite",
        "désynchronisé": lambda c: c.answers.get("mode") == "desynchronise",
    },
}
_MEDECINS = ("Médecin généraliste", "Cardiologue", "Pédiatre")
_AU_CABINET = ("Cardiologue", "Pédiatre")
_SANS_NUIT = ("Orthophoniste", "Orthoptiste", "Sage-femme")


def impossible(profession: str, majoration: str, side: str) -> str:
    """Why a cell cannot be filled; "" when a case could stand there."""
    if profession not in _MEDECINS and side in ("dans", "hors"):
        return "le parcours de soins ne concerne que les médecins"
    if profession in _AU_CABINET and majoration in ("déplacement", "kilomètres", "nuit, dimanche"):
        return "pas de tarif public de la visite d'un spécialiste (FIDELITY)"
    if profession in _SANS_NUIT and majoration == "nuit, dimanche":
        return "pas de majoration de nuit ni de dimanche de source publique (FIDELITY)"
    if profession in ("Orthophoniste", "Orthoptiste", "Pédicure-podologue") and majoration == "autre":
        return "pas d'autre majoration"
    if profession == "Masseur-kinésithérapeute" and majoration == "autre":
        return "pas d'autre majoration"
    if side == "hors" and majoration == "autre" and profession == "Cardiologue":
        return "MCS et MPC ne se cotent que dans le parcours"
    if profession == "Pédiatre" and majoration == "autre":
        return "MCS ne se cumule pas avec CEH, CEK, CEG"
    return ""


def _profession(case: Case) -> str:
    return str(tables().professions[case.situation.get("specialite", case.specialite)]["libelle"])


def cross() -> dict[tuple[str, str], dict[str, int]]:
    """(profession, majoration) → "parcours/dans" → number of priced cases."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for case in CASES:
        if "error" in case.raw:
            continue
        for majoration, holds in MAJORATIONS.items():
            row = found.setdefault((_profession(case), majoration), {})
            for side, values in SIDES.items():
                for value, there in values.items():
                    key = f"{side}/{value}"
                    row[key] = row.get(key, 0) + (holds(case) and there(case))
    return found


def whole_cells() -> int:
    """How many different (profession, majorations, parcours, exoneration, mode) the priced cases reach."""
    return len(
        {
            (
                _profession(c),
                tuple(m for m, holds in MAJORATIONS.items() if holds(c)),
                *(tuple(v for v, there in values.items() if there(c)) for values in SIDES.values()),
            )
            for c in CASES
            if "error" not in c.raw
        }
    )


def _cross_table() -> str:
    keys = [f"{side}/{value}" for side, values in SIDES.items() for value in values]
    head = "| profession | majoration | " + " | ".join(k.partition("/")[2] for k in keys) + " |\n"
    head += "|---|---|" + "---:|" * len(keys) + "\n"
    body, empty, reasons = "", "", {}
    for (profession, majoration), row in cross().items():
        cells, missing = [], []
        for key in keys:
            value = key.partition("/")[2]
            why = impossible(profession, majoration, value)
            if why:
                reasons.setdefault(why, None)
            elif not row[key]:
                missing.append(value)
            cells.append(str(row[key]) if row[key] else "–" if why else "·")
        body += f"| {profession} | {majoration} | " + " | ".join(cells) + " |\n"
        if missing:
            empty += f"* {profession}, {majoration} : {', '.join(missing)}\n"
    excluded = "".join(f"* {why}\n" for why in reasons)
    return f"{head}{body}\n### Empty cells (·)\n{empty}\n### Cells that no case can fill (–)\n{excluded}"


def render() -> str:
    """The page: counts by cell, then the empty cells in words."""
    rows: dict[str, dict[str, int]] = {}
    for case in CASES:
        row = rows.setdefault(_profession(case), dict.fromkeys(COLUMNS, 0))
        for column, holds in COLUMNS.items():
            row[column] += holds(case)
    head = "| | " + " | ".join(rows) + " |\n|---|" + "---:|" * len(rows) + "\n"
    body = "".join(f"| {c} | " + " | ".join(str(r[c] or "·") for r in rows.values()) + " |\n" for c in COLUMNS)
    refused = sum("error" in c.raw for c in CASES)
    return (
        "# Golden bills: what they cover\n\n"
        f"Generated by `python -m tests.tools.billing_coverage`: {len(CASES)} cases typed by hand, {refused} of them refusals.\n\n"
        f"## By situation\n\n{head}{body}\n"
        "## Profession × majoration × parcours × exoneration × mode\n\n"
        f"Priced cases in each cell; {whole_cells()} different combinations of all five.\n\n{_cross_table()}"
    )


def main() -> int:
    if "--check" in sys.argv[1:]:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == render()
        print("BILLING_COVERAGE.md: up to date" if same else "run python -m tests.tools.billing_coverage")
        return 0 if same else 1
    PAGE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
