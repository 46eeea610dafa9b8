"""Bad input: one typed error with its path and its remedy, the same from the engine, `bill check` and the HTTP API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, rights
from tournee.billing import (
    Bill,
    BillNotValid,
    Rights,
    bill_to_json,
    evaluate,
    require_valid,
    rights_to_json,
    settle,
)
from tournee.cli.bill import app
from tournee.web.app import create_app

GP, NURSE, KINE, PODIATRIST, SPEECH, ORTHOPTIST, MIDWIFE = "01", "24", "26", "27", "28", "29", "21"
_AUXILIARY = {
    "nature_assurance": "maladie",
    "accident_tiers": False,
    "lieu": "domicile",
    "tiers_payant": "amo",
    "prescripteur": "991129768",
    "prescription_date": "2025-01-02",
    "deplacement_type": "IFD",
}
_TYPED = {
    "patient_nir": "280029999999906",
    "patient_nom": "SIMU",
    "patient_prenom": "ANNE",
    "patient_naissance": "19800202",
    "patient_organisme": "019910001",
}


@dataclass(frozen=True)
class Bad:
    id: str
    specialite: str
    answers: dict[str, Any]
    code: str
    path: str
    card: dict[str, Any] = field(default_factory=dict)
    typed: bool = False

    def made(self) -> tuple[Bill, Rights]:
        base = dict(GP_ANSWERS) if self.specialite == GP else dict(_AUXILIARY)
        card = Rights.none() if self.typed else rights(**self.card)
        wanted = {**base, **(_TYPED if self.typed else {}), **self.answers}
        made = bill({k: v for k, v in wanted.items() if v is not None}, specialite=self.specialite)
        return settle(made, card), card


CASES = [
    # unknown act
    Bad("unknown-gp", GP, {"actes": "ZZ9"}, "ACTE_INCONNU", "acts[0].code"),
    Bad("unknown-second", NURSE, {"actes": "AMI#injection + QQQ"}, "ACTE_INCONNU", "acts[1].code"),
    Bad("unknown-coefficient", KINE, {"actes": "RAM 7,77"}, "COEFFICIENT_INCONNU", "acts[0].coefficient_centiemes"),
    Bad("no-coefficient", NURSE, {"actes": "AMI"}, "COEFFICIENT_ABSENT", "acts[0].coefficient_centiemes"),
    Bad("unknown-reference", NURSE, {"actes": "AMI#vol-plane"}, "REFERENCE", "acts[0].reference"),
    Bad("ended-act", GP, {"actes": "VGS"}, "ACTE_HORS_PERIODE", "acts[0].code"),
    # forbidden for the profession
    Bad("nurse-act-of-gp", GP, {"actes": "BSA"}, "ACTE_INTERDIT", "acts[0].code"),
    Bad("gp-act-of-nurse", NURSE, {"actes": "VG"}, "ACTE_INTERDIT", "acts[0].code"),
    Bad("kine-act-of-podiatrist", PODIATRIST, {"actes": "RAM 7,49"}, "ACTE_INTERDIT", "acts[0].code"),
    Bad("speech-act-of-orthoptist", ORTHOPTIST, {"actes": "AMO 12,1"}, "ACTE_INTERDIT", "acts[0].code"),
    Bad("nurse-act-of-midwife", MIDWIFE, {"actes": "AMI 1"}, "ACTE_INTERDIT", "acts[0].code"),
    # wrong order
    Bad("displacement-first", GP, {"actes": "MD + VG", "deplacement": None}, "ORDRE_ACTES", "acts[1]"),
    Bad("kilometres-first", GP, {"actes": "IK + VG", "deplacement": None}, "ORDRE_ACTES", "acts[1]"),
    Bad("alone", GP, {"actes": "MD", "deplacement": None}, "MAJORATION_SEULE", "acts[0].code"),
    # impossible date
    Bad("care-tomorrow", GP, {"actes": "VG le 2025-01-16"}, "DATE_IMPOSSIBLE", "acts[0].date"),
    Bad("care-before-birth", GP, {"parcours": None}, "DATE_IMPOSSIBLE", "acts[0].date", card={"naissance": "20250116"}),
    Bad("accident-tomorrow", GP, {"accident_tiers": True, "accident_date": "2025-01-16"}, "DATE_IMPOSSIBLE", "answers.accident_date"),
    Bad("work-accident-tomorrow", GP, {"nature_assurance": "at", "at_date": "2025-01-16", "parcours": None}, "DATE_IMPOSSIBLE", "answers.at_date"),
    Bad("prescribed-tomorrow", NURSE, {"actes": "BSA", "prescription_date": "2025-01-16"}, "DATE_IMPOSSIBLE", "answers.prescription_date"),
    Bad("installed-tomorrow", GP, {"parcours": "J", "parcours_declaration": True, "parcours_installation": "2025-02-01"},
        "DATE_IMPOSSIBLE", "answers.parcours_installation"),
    Bad("hour-25", GP, {"actes": [{"code": "VG", "heure": "25:00"}]}, "HEURE", "acts[0].heure"),
    # wrong key
    Bad("prescriber-key", NURSE, {"actes": "BSA", "prescripteur": "991129767"}, "CLE_FAUSSE", "answers.prescripteur"),
    Bad("prescriber-rpps-key", KINE, {"actes": "RAM 7,49", "prescripteur": "99900065278"}, "CLE_FAUSSE", "answers.prescripteur"),
    Bad("fund-key", GP, {"tiers_payant": "amo_amc", "amc_numero": "99999996", "amc_adherent": "1"}, "CLE_FAUSSE", "answers.amc_numero"),
    Bad("nir-key", GP, {"patient_nir": "280029999999907"}, "CLE_FAUSSE", "answers.patient_nir", typed=True),
    Bad("fund-code", GP, {"patient_organisme": "0199"}, "ORGANISME", "answers.patient_organisme", typed=True),
    # incompatible acts
    Bad("md-and-night", GP, {"actes": ["VG à 22:00", "MD à 22:00", "MN à 22:00"], "deplacement": None}, "ACTES_INCOMPATIBLES", "acts[2].code"),
    Bad("two-packages", NURSE, {"actes": "BSA + BSB"}, "ACTES_INCOMPATIBLES", "acts[1].code"),
    Bad("ami-with-package", NURSE, {"actes": "BSA + AMI#injection"}, "ACTES_INCOMPATIBLES", "acts[0].code"),
    Bad("two-speech-acts", SPEECH, {"actes": "AMO 9,7 + AMO 14"}, "ACTES_INCOMPATIBLES", "acts[1].code"),
    Bad("two-prevention", PODIATRIST, {"actes": "POD 1 + POD 1"}, "ACTES_INCOMPATIBLES", "acts[1].code"),
    Bad("visit-and-session", MIDWIFE, {"actes": "V + SF#perineale", "deplacement": "non"}, "ACTES_INCOMPATIBLES", "acts[0].code"),
    # over the legal maximum
    Bad("fourth-of-a-family", GP, {"actes": "G", "rang_domicile": 4}, "MAXIMUM_LEGAL", "answers.rang_domicile"),
    Bad("overrun-sector-1", GP, {"actes": "VG dépassement 5,00 A"}, "DEPASSEMENT_INTERDIT", "acts[0].depassement_cents"),
    Bad("overrun-c2s", GP, {"actes": "VG dépassement 5,00 D", "tiers_payant": "c2s"}, "DEPASSEMENT_C2S", "acts[0].depassement_cents",
        card={"service_amo": "01"}),
    Bad("hundred-times", GP, {"actes": [{"code": "VG", "quantite": 100}]}, "QUANTITE", "acts[0].quantite"),
    # who and where
    Bad("wrong-place", GP, {"actes": "G"}, "ACTE_LIEU", "acts[0].code"),
    Bad("wrong-age", GP, {"actes": "COB", "lieu": "cabinet", "deplacement": None}, "AGE", "acts[0].code"),
    Bad("closed-rights", GP, {}, "DROITS_FERMES", "rights.beneficiaires.periodes_amo", card={"periodes": (("20200101", "20241231"),)}),
    Bad("choice-not-offered", GP, {"tiers_payant": "c2s"}, "REPONSE_HORS_CHOIX", "answers.tiers_payant"),
    Bad("no-public-rule", GP, {"nature_assurance": "smg", "parcours": None}, "REGLE_SANS_SOURCE", "answers.nature_assurance"),
]  # fmt: skip
WEB = TestClient(create_app(today=lambda: DAY))


@pytest.mark.parametrize("bad", CASES, ids=lambda b: b.id)
def test_one_error_with_its_place_and_its_remedy(bad: Bad) -> None:
    made, card = bad.made()
    before = bill_to_json(made)
    result = evaluate(made, card, today=DAY)
    assert [(e.code, e.path) for e in result.errors] == [(bad.code, bad.path)], result.errors
    assert result.status == "invalid" and result.errors[0].text and result.errors[0].remedy
    assert bill_to_json(made) == before
    with pytest.raises(BillNotValid) as refused:
        require_valid(made, card, today=DAY)
    assert refused.value.remedy and refused.value.exit_code == 3


@pytest.mark.parametrize("bad", CASES, ids=lambda b: b.id)
def test_the_http_api_says_the_same(bad: Bad) -> None:
    made, card = bad.made()
    answer = WEB.post("/v1/evaluate", json={"bill": bill_to_json(made), "rights": rights_to_json(card)})
    assert answer.status_code == 200
    assert [(e["code"], e["path"]) for e in answer.json()["errors"]] == [(bad.code, bad.path)]


def test_bill_check_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOURNEE_DATE", DAY.isoformat())
    files = []
    for bad in CASES:
        made, card = bad.made()
        files.append(tmp_path / f"{bad.id}.json")
        files[-1].write_text(json.dumps({"content": bill_to_json(made), "rights": rights_to_json(card)}), "utf-8")
    done = CliRunner().invoke(app, ["check", *map(str, files), "--json"], standalone_mode=False)
    assert done.exception is None and done.return_value == 3
    told = json.loads(done.output)["bills"]
    assert [[(e["code"], e["path"]) for e in b["errors"] if e["code"] != "REPONSE_ATTENDUE"] for b in told] == [
        [(bad.code, bad.path)] for bad in CASES
    ]


@pytest.mark.parametrize("specialite", [NURSE, KINE, PODIATRIST, SPEECH, ORTHOPTIST])
def test_a_missing_prescriber_is_asked_and_named(specialite: str) -> None:
    acts = {NURSE: "BSA", KINE: "RAM 7,49", PODIATRIST: "AMP 48", SPEECH: "AMO 12,1", ORTHOPTIST: "AMY 7"}
    answers = {**_AUXILIARY, "actes": acts[specialite]}
    made = bill(
        {k: v for k, v in answers.items() if k not in ("prescripteur", "prescription_date")}, specialite=specialite
    )
    result = evaluate(made, rights(), today=DAY)
    assert result.status == "incomplete" and not result.errors
    assert [q.id for q in result.questions if q.required] == ["prescripteur", "prescription_date"]
    with pytest.raises(BillNotValid, match="prescripteur"):
        require_valid(made, rights(), today=DAY)


def test_several_faults_are_told_together() -> None:
    answers = {**GP_ANSWERS, "actes": "VG + ZZ9 + BSA", "accident_tiers": True, "accident_date": "2025-03-01"}
    found = {(e.code, e.path) for e in evaluate(bill(answers), rights(), today=date(2025, 1, 15)).errors}
    assert {
        ("ACTE_INCONNU", "acts[1].code"),
        ("ACTE_INTERDIT", "acts[2].code"),
        ("DATE_IMPOSSIBLE", "answers.accident_date"),
    } <= found


def test_a_majoration_at_another_hour_than_its_act_says_how_to_write_it() -> None:
    answers = {**GP_ANSWERS, "lieu": "cabinet", "actes": "G + CRN à 21:00", "deplacement": None}
    made = bill({k: v for k, v in answers.items() if v is not None})
    (fault,) = evaluate(made, rights(), today=DAY).errors
    assert (fault.code, fault.path) == ("MAJORATION_SEULE", "acts[1].code") and "« G à 21:00 »" in fault.remedy
