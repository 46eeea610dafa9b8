"""Rules of nights, homes for the elderly, opposable tariffs, maxima, conventions; rows of each zone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, codes, gp, rights
from tests.unit.test_billing_auxiliaires import COMMON, ORTHOPHONISTE
from tournee.billing import Act, Evaluation, evaluate
from tournee.billing.tables import tables

SUNDAY = date(2025, 1, 12)
PEDICURE, SAGE_FEMME = "27", "21"


def lines(result: Evaluation) -> list[tuple[str, int]]:
    return [(x.code, x.montant_cents) for x in result.lines]


def auxiliary(specialite: str, actes: Any, *, day: date = DAY, zone: str = "30", **more: Any) -> Evaluation:
    made = bill(
        {**COMMON, "lieu": "cabinet", "actes": actes, **more}, day=day, specialite=specialite, zone_tarifaire=zone
    )
    return evaluate(made, rights(), today=day)


@pytest.mark.parametrize(
    ("zone", "heure", "day", "cents"),
    [
        ("30", "21:00", DAY, 3000 + 76),
        ("30", "", SUNDAY, 3000 + 61),
        ("40", "21:00", DAY, 3150 + 79),
        ("41", "", SUNDAY, 3150 + 64),
        ("30", "19:59", DAY, 3000),
    ],
)
def test_podiatrist_at_night_and_on_sunday(zone: str, heure: str, day: date, cents: int) -> None:
    result = auxiliary(
        PEDICURE, [Act("POD", reference="prevention", heure=heure)], day=day, zone=zone, majoration_imperative=True
    )
    assert result.status == "valid" and lines(result) == [("POD", cents)]


def test_a_moment_without_a_known_amount_is_asked_and_only_then_refused() -> None:
    acts = [Act("AMO", reference="voix", heure="07:59")]
    assert [q.id for q in auxiliary(ORTHOPHONISTE, acts).questions if q.required] == ["majoration_imperative"]
    assert auxiliary(ORTHOPHONISTE, acts, majoration_imperative=False).status == "valid"
    assert codes(auxiliary(ORTHOPHONISTE, acts, majoration_imperative=True)) == ["REGLE_SANS_SOURCE"]
    assert auxiliary(ORTHOPHONISTE, [Act("AMO", reference="voix", heure="08:00")]).status == "valid"


def test_a_midwife_says_herself_that_a_majoration_is_due() -> None:
    answers = {"actes": "V", "lieu": "domicile", "deplacement": "non"}
    made = {**GP_ANSWERS, **answers}
    made.pop("parcours")
    plain = evaluate(bill(made, day=SUNDAY, specialite=SAGE_FEMME), rights(), today=SUNDAY)
    assert plain.status == "valid"
    due = evaluate(
        bill({**made, "majoration_imperative": True}, day=SUNDAY, specialite=SAGE_FEMME), rights(), today=SUNDAY
    )
    assert codes(due) == ["REGLE_SANS_SOURCE"]


@pytest.mark.parametrize(
    ("zone", "day", "alsace", "name"),
    [
        ("30", date(2025, 4, 18), True, "Vendredi saint"),
        ("30", date(2024, 12, 26), True, "Saint-Étienne"),
        ("42", date(2024, 12, 20), False, "Abolition"),
        ("30", date(2025, 4, 18), False, ""),
    ],
)
def test_a_holiday_of_the_region_is_told_and_opens_nothing(zone: str, day: date, alsace: bool, name: str) -> None:
    result = auxiliary("26", "AMK 10,7", day=day, zone=zone, alsace_moselle=alsace)
    told = [i.text for i in result.informations if i.code == "FERIE_LOCAL"]
    assert result.status == "valid" and bool(told) is bool(name) and all(name in t for t in told)


@pytest.mark.parametrize(
    ("rang", "acts", "wanted"),
    [
        (1, "VG", ["VG", "MD", "IK"]),
        (2, "VG", ["VG", "MD"]),
        (3, "VG", ["VG", "MD"]),
        (4, "VG", ["VG"]),
        (4, "VG + MD", ["MAXIMUM_LEGAL"]),
    ],
)
def test_a_home_for_the_elderly_three_md_a_trip(rang: int, acts: str, wanted: list[str]) -> None:
    more = {"actes": acts, "rang_domicile": rang, "hebergement_collectif": True, "km": 14}
    result = gp(more if "MD" not in acts else {**more, "deplacement": None})
    assert (codes(result) or [x.code for x in result.lines]) == wanted


def test_a_family_at_home_is_another_rule() -> None:
    assert codes(gp(rang_domicile=2)) == ["VISITE_FAMILLE"]
    assert codes(gp(rang_domicile=4, actes="G", deplacement=None)) == ["MAXIMUM_LEGAL"]


def test_a_regulated_majoration_once_a_trip() -> None:
    at_night = [Act("VG", heure="21:00"), Act("VRN", heure="21:00")]
    assert gp(actes=at_night, deplacement=None).status == "valid"
    second = gp(actes=at_night, deplacement=None, rang_domicile=2, hebergement_collectif=True)
    assert codes(second) == ["MAXIMUM_LEGAL"]


def test_night_codes_warn_since_22_12_2024() -> None:
    acts = [Act("VG", heure="21:00"), Act("MN", heure="21:00")]
    for day, warned in ((date(2024, 12, 21), False), (date(2024, 12, 22), True)):
        result = gp(actes=acts, deplacement=None, day=day)
        assert result.status == "valid"
        assert ("URGENCE_VITALE" in [i.code for i in result.informations]) is warned


def test_some_majorations_go_with_the_opposable_tariff_only() -> None:
    acts = [Act("C", depassement_cents=1000, qualificatif="A"), Act("SNP")]
    answers = {**GP_ANSWERS, "lieu": "cabinet", "actes": acts}
    result = evaluate(bill(answers, code_conventionnel="3"), rights(), today=DAY)
    assert [(e.code, e.path) for e in result.errors] == [("TARIF_OPPOSABLE", "acts[1].code")]


def test_a_code_of_another_convention_is_refused_with_its_counterpart() -> None:
    for code, instead in (("C", "G"), ("COV", "")):
        result = evaluate(
            bill({**GP_ANSWERS, "lieu": "cabinet", "actes": code}), rights(naissance="20210101"), today=DAY
        )
        fault = next(e for e in result.errors if e.code == "ACTE_INTERDIT")
        assert instead in fault.remedy


def test_the_coordination_of_a_gp_is_for_adults_at_the_practice() -> None:
    """30.00 + 5.00 = 35.00."""
    answers = {
        **GP_ANSWERS,
        "lieu": "cabinet",
        "actes": "G + MCG",
        "parcours": "O",
        "parcours_nom": "M",
        "parcours_prenom": "L",
    }
    answers.pop("deplacement")
    assert evaluate(bill(answers), rights(), today=DAY).totals.montant_cents == 3500
    child = {k: v for k, v in answers.items() if not k.startswith("parcours")}
    assert codes(evaluate(bill(child), rights(naissance="20120101"), today=DAY)) == ["ACTES_INCOMPATIBLES"]
    assert "ACTE_LIEU" in codes(gp(actes="VG + MCG"))


@pytest.mark.parametrize("row", [r for rows in tables().maxima.values() for r in rows], ids=lambda r: r.id)
def test_each_maximum_is_told_and_kept(row: Any) -> None:
    from tournee.billing.maxima import key

    most, ref = int(row.data["nombre"]), (row.data.get("refs") or [""])[0]
    profession = row.data["profession"]
    specialite = "01" if profession == "medecin" else PEDICURE
    principal = [Act("G")] if row.data["code"] == "SNP" else []
    made = {**GP_ANSWERS, **COMMON, "lieu": "cabinet" if row.data["code"] != "VL" else "domicile"}
    made["actes"] = [*principal, Act(row.data["code"], reference=ref)]
    for past, wanted in ((most - 1, []), (most, ["MAXIMUM_LEGAL"])):
        result = evaluate(
            bill({**made, f"deja.{key(row)}": past}, day=date(2026, 3, 2), specialite=specialite),
            rights(naissance="19400101"),
            today=date(2026, 3, 2),
        )
        assert codes(result) == wanted, result.errors
        assert any(row.data["texte"] in i.text for i in result.informations)


def test_a_maximum_counts_the_acts_of_the_bill() -> None:
    acts = [Act("VL", date=date(2025, m, 6), heure="10:00") for m in range(1, 6)]
    result = gp(actes=acts, day=date(2025, 6, 1))
    assert [(e.code, e.path) for e in result.errors] == [("MAXIMUM_LEGAL", "acts[4].code")]


@pytest.mark.parametrize(
    ("zone", "day", "cents"),
    [
        ("41", date(2026, 1, 1), 75),
        ("42", date(2026, 1, 1), 80),
        ("43", date(2026, 1, 1), 80),
        ("40", date(2026, 1, 1), None),
    ],
)
def test_a_narrow_zone_has_its_rows_and_those_of_the_wider_one(zone: str, day: date, cents: int | None) -> None:
    t = tables()
    name = t.zones[zone]
    found = t.tarif("medecin", name, "IK", day)
    assert (found.cents if found else None) == cents
    g = t.tarif("medecin", name, "G", day)
    assert g is not None and g.cents == 3600


@pytest.mark.parametrize(
    ("specialite", "actes", "day", "cents"),
    [
        ("33", "CNPSY + MPC + MCS", date(2023, 10, 31), 3900 + 270 + 500),
        ("33", "CNPSY + MPC + MCS", date(2024, 12, 21), 4250 + 270 + 500),
        ("32", "CNP + MCS", date(2024, 12, 22), 5500),
        ("32", "CNP + MCS", date(2026, 1, 1), 5700),
        ("12", "COG", date(2025, 1, 15), 3150),
    ],
)
def test_specialists(specialite: str, actes: str, day: date, cents: int) -> None:
    answers = {
        **GP_ANSWERS,
        "lieu": "cabinet",
        "actes": actes,
        "parcours": "O",
        "parcours_nom": "M",
        "parcours_prenom": "L",
    }
    answers.pop("deplacement")
    born = "20150101" if specialite == "12" else "19800202"
    result = evaluate(bill(answers, day=day, specialite=specialite), rights(naissance=born), today=day)
    assert result.status == "valid" and result.totals.montant_cents == cents


def test_a_paediatrician_visits_at_the_price_of_the_consultation() -> None:
    answers = {k: v for k, v in GP_ANSWERS.items() if k not in ("parcours", "deplacement")}
    made = bill({**answers, "actes": "CEH"}, specialite="12")
    result = evaluate(made, rights(naissance="20240501"), today=DAY)
    assert result.status == "valid" and lines(result) == [("CEH", 3900)]


@pytest.mark.parametrize(
    ("references", "cents"),
    [
        (("perfusion-courte", "perfusion-heure"), [2835, 1890]),
        (("perfusion-courte", "perfusion-longue"), [2835, 4410]),
        (("perfusion-longue", "perfusion-retrait"), [4410, 788]),
        (("perfusion-longue", "perfusion-courte", "prelevement-veineux"), [4410, 2835, 473]),
        (("perfusion-longue", "stomie", "injection"), [4410, 473]),
        (("perfusion-longue", "perfusion-courte", "injection"), [4410, 2835, 158]),
    ],
)
def test_perfusions_derogate_from_11b(references: tuple[str, ...], cents: list[int]) -> None:
    """9 * 3.15 = 28.35; 6 * 3.15 = 18.90; 14 * 3.15 = 44.10; 2.5 * 3.15 = 7.88; 1.5 * 3.15 = 4.73, half of 3 too."""
    result = auxiliary("24", [Act("AMI", reference=r) for r in references])
    assert result.status == "valid" and [x.montant_cents for x in result.lines] == cents
