"""Nurse, physiotherapist, podiatrist, speech therapist, orthoptist, midwife: price, cumulation, displacement, errors."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.billing_cases import DAY, bill, codes, rights, split
from tournee.billing import Evaluation, evaluate

PRESCRIPTION = {"prescripteur": "991129768", "prescription_date": "2023-01-01"}
COMMON: dict[str, Any] = {
    "nature_assurance": "maladie",
    "accident_tiers": False,
    "lieu": "domicile",
    "tiers_payant": "amo",
    **PRESCRIPTION,
}
NURSE, KINE, SAGE_FEMME, PEDICURE, ORTHOPHONISTE, ORTHOPTISTE = "24", "26", "21", "27", "28", "29"


def visit(specialite: str, actes: Any, *, day: date = DAY, **more: Any) -> Evaluation:
    answers = {**COMMON, "actes": actes, **more}
    made = bill({k: v for k, v in answers.items() if v is not None}, day=day, specialite=specialite)
    return evaluate(made, rights(), today=day)


def prices(result: Evaluation) -> list[tuple[str, int]]:
    return [(x.code, x.montant_cents) for x in result.lines]


def test_nurse_single_blood_sample() -> None:
    """1.5 * 3.15 = 4.725 -> 4.73; MAU 1.35; IFD 2.75; 60 % of each: 2.84 + 0.81 + 1.65 = 5.30."""
    result = visit(NURSE, "AMI 1,5")
    assert result.status == "incomplete"  # two acts have this coefficient: which one is asked
    result = visit(NURSE, [{"code": "AMI", "reference": "prelevement-veineux"}])
    assert result.status == "valid", result.errors
    assert prices(result) == [("AMI", 473), ("MAU", 135), ("IFD", 275)]
    assert split(result) == (883, 530, 0, 353)


def test_nurse_coefficient_with_several_acts_asks_which() -> None:
    result = visit(NURSE, "AMI 1")
    assert [q.id for q in result.questions if q.required] == ["acte.0"]
    assert {c.value for c in result.questions[-1].choices} >= set() and result.lines == ()
    chosen = visit(NURSE, "AMI 1", **{"acte.0": "insuline"})
    assert chosen.status == "valid" and prices(chosen)[0] == ("AMI", 315)


def test_degression_11b_and_venous_puncture_outside() -> None:
    """4 full, second half, third nothing; puncture 1.5 full: 4 * 3.15 = 12.60; 1.5 (3/2) * 3.15 = 4.73; 1.5 * 3.15 = 4.73."""
    acts = [
        {"code": "AMI", "reference": "pansement-lourd"},
        {"code": "AMI", "reference": "lavement"},
        {"code": "AMI", "reference": "aerosol"},
        {"code": "AMI", "reference": "prelevement-veineux"},
    ]
    result = visit(NURSE, acts)
    assert prices(result) == [("AMI", 1260), ("AMI", 473), ("AMI", 473), ("MCI", 500), ("IFD", 275)]
    assert [x.coefficient_centiemes for x in result.lines[:3]] == [400, 150, 150]
    assert "NON_FACTURE_11B" in [i.code for i in result.informations]


def test_insulin_and_control_are_each_in_full() -> None:
    acts = [{"code": "AMI", "reference": "insuline"}, {"code": "AMI", "reference": "glycemie"}]
    assert prices(visit(NURSE, acts)) == [("AMI", 315), ("AMI", 315), ("IFD", 275)]


@pytest.mark.parametrize(
    ("reference", "cents"),
    [("injection", 158), ("pansement-simple", 315), ("perfusion-longue", 4410), ("prelevement-veineux", 473)],
)
def test_amx_beside_a_daily_package(reference: str, cents: int) -> None:
    """With BSx an AMX is at half (1 * 0.5 * 3.15 = 1.58), but perfusion, puncture in full; IFI instead of IFD."""
    result = visit(NURSE, [{"code": "BSB"}, {"code": "AMX", "reference": reference}])
    assert prices(result) == [("BSB", 1820), ("AMX", cents), ("IFI", 275)]


def test_ami_beside_a_daily_package_is_refused() -> None:
    assert codes(visit(NURSE, ["BSA", {"code": "AMI", "reference": "injection"}])) == ["ACTES_INCOMPATIBLES"]


@pytest.mark.parametrize(("others", "cents"), [(0, 275), (1, 278), (2, 281)])
def test_ifi_counts_the_other_dependent_patients(others: int, cents: int) -> None:
    assert prices(visit(NURSE, "BSC", patients_dependants=others))[-1] == ("IFI", cents)


def test_next_patient_of_the_home_has_no_displacement() -> None:
    assert prices(visit(NURSE, "BSC", rang_domicile=2, km=30)) == [("BSC", 2870)]


@pytest.mark.parametrize(
    ("day", "hour", "extra", "complement"),
    [
        (date(2025, 1, 15), "20:00", 915, "N"),
        (date(2025, 1, 15), "22:59", 915, "N"),
        (date(2025, 1, 15), "23:00", 1830, "N"),
        (date(2025, 1, 15), "04:59", 1830, "N"),
        (date(2025, 1, 15), "05:00", 915, "N"),
        (date(2025, 1, 15), "08:00", 0, ""),
        (date(2025, 1, 12), "10:00", 850, "F"),
        (date(2025, 5, 1), "10:00", 850, "F"),
    ],
)
def test_nurse_night_and_sunday(day: date, hour: str, extra: int, complement: str) -> None:
    acts = [{"code": "AMI", "reference": "perfusion-longue", "heure": hour}]
    due = visit(NURSE, acts, day=day, majoration_imperative=True)
    assert due.lines[0].montant_cents == 4410 + extra and due.lines[0].complement == complement
    assert due.lines[0].majoration_cents == extra
    if extra:
        waiting = visit(NURSE, acts, day=day)
        assert [q.id for q in waiting.questions if q.required] == ["majoration_imperative"]
        assert visit(NURSE, acts, day=day, majoration_imperative=False).lines[0].montant_cents == 4410


def test_kilometres_of_the_day_are_degressive() -> None:
    """340 km after abatement: 299 * 0.35 = 104.65; 41 * 0.35 / 2 = 7.18; beyond 399 nothing."""
    result = visit(NURSE, "BSC", km=344)
    assert [c for code, c in prices(result) if code == "IK"] == [3465, 3465, 3465, 70, 718]
    assert max(x.quantite for x in result.lines) == 99  # two digits in the record
    late = visit(NURSE, "BSC", km=24, km_jour=390)
    assert prices(late)[-1] == ("IK", 158) and "IK_DEGRESSION" in [i.code for i in late.informations]


def test_displacement_not_prescribed_is_paid_by_the_patient() -> None:
    result = visit(NURSE, "BSC", deplacement_prescrit=False)
    line = result.lines[-1]
    assert (line.code, line.qualificatif, line.amo_cents, line.patient_cents) == ("IFI", "F", 0, 275)


def test_auxiliary_franchise_is_told() -> None:
    told = [i.cents for i in visit(NURSE, "BSC").informations if i.code == "FRANCHISE_PARAMEDICALE"]
    assert told == [100]


def test_low_confidence_warns_once() -> None:
    day = date(2026, 11, 1)
    acts = [{"code": "AMI", "reference": "insuline"}, {"code": "AMI", "reference": "glycemie"}]
    result = visit(NURSE, acts, day=day)
    assert len([i for i in result.informations if i.code == "CONFIANCE_FAIBLE"]) == 1
    assert "CONFIANCE_FAIBLE" not in [i.code for i in visit(NURSE, acts, day=date(2026, 10, 31)).informations]


@pytest.mark.parametrize(
    ("day", "act", "cents"),
    [
        (date(2024, 2, 21), "AMS 7,5", 1613),
        (date(2024, 2, 22), "RAM 7,49", 1655),
        (date(2025, 7, 1), "RAM 7,49", 1655),
        (date(2025, 12, 31), "RAM 7,49", 1655),
        (date(2026, 1, 2), "RAM 8,09", 1788),
        (date(2026, 5, 27), "TER 9,49", 2097),
        (date(2026, 5, 28), "TER 9,79", 2164),
        (date(2025, 3, 3), "AMK 10,7", 2365),
        (date(2025, 3, 3), "AMK 10,8", 2387),
    ],
)
def test_physiotherapist_dates(day: date, act: str, cents: int) -> None:
    """7.5 * 2.15 = 16.125; 7.49 * 2.21 = 16.5529; 8.09 * 2.21 = 17.8789; 9.49 * 2.21 = 20.9729; 9.79 * 2.21 = 21.6359."""
    result = visit(KINE, act, day=day, deplacement_type="IFD")
    assert result.status == "valid", result.errors
    assert prices(result) == [("" + act.split()[0], cents), ("IFD", 250)]


def test_coefficient_of_another_period_is_named() -> None:
    result = visit(KINE, "RAM 8,09", deplacement_type="IFD")
    assert codes(result) == ["COEFFICIENT_INCONNU"] and "01/01/2026" in result.errors[0].text
    old = visit(KINE, "AMS 7,5")
    assert codes(old) == ["ACTE_HORS_PERIODE"] and "22/02/2024" in old.errors[0].text


@pytest.mark.parametrize(("day", "kind", "ok"), [(date(2025, 12, 31), "IFN", True), (date(2026, 1, 1), "IFN", False)])
def test_old_specific_displacements_end_in_2026(day: date, kind: str, ok: bool) -> None:
    result = visit(KINE, "NMI 9", day=day, deplacement_type=kind)
    assert (result.status == "valid") == ok
    if ok:
        assert prices(result)[-1] == (kind, 400)


def test_midwife_visit_and_kilometres_without_abatement() -> None:
    """23.00 + 3.50 + 10.00; 10 km * 0.61 = 6.10; 70 %: 16.10 + 2.45 + 7.00 + 4.27 = 29.82."""
    result = visit(SAGE_FEMME, "V", deplacement="MD", km=10, prescripteur=None, prescription_date=None)
    assert prices(result) == [("V", 2300), ("MSF", 350), ("MD", 1000), ("IK", 610)]
    assert result.status == "valid" and result.totals.amo_cents == 2982


@pytest.mark.parametrize(
    ("day", "cents"),
    [(date(2024, 2, 21), 3360), (date(2024, 2, 22), 3720), (date(2024, 12, 31), 3720), (date(2025, 1, 1), 3840)],
)
def test_midwife_letter_by_date(day: date, cents: int) -> None:
    """SF 12: 12 * 2.80 = 33.60; 12 * 3.10 = 37.20; 12 * 3.20 = 38.40."""
    result = visit(SAGE_FEMME, [{"code": "SF", "reference": "forfait-suivantes"}], day=day, lieu="domicile")
    assert prices(result) == [("SF", cents)]


def test_midwife_consultation_and_session_do_not_cumulate() -> None:
    acts = ["V", {"code": "SF", "reference": "perineale"}]
    assert "ACTES_INCOMPATIBLES" in codes(visit(SAGE_FEMME, acts, deplacement="non"))


@pytest.mark.parametrize(
    ("specialite", "act", "day", "cents"),
    [
        (PEDICURE, "POD 1", date(2024, 3, 6), 2700),
        (PEDICURE, "POD 1", date(2024, 3, 7), 3000),
        (PEDICURE, "POD 0,67", DAY, 2010),
        (PEDICURE, "POD 1,17", DAY, 3510),
        (PEDICURE, "AMP 31,7", DAY, 1997),
        (PEDICURE, "AMP 48", DAY, 3024),
        (ORTHOPHONISTE, "AMO 9,7", date(2024, 1, 25), 2425),
        (ORTHOPHONISTE, "AMO 9,7", date(2024, 1, 26), 2522),
        (ORTHOPHONISTE, "AMO 40", DAY, 10400),
        (ORTHOPTISTE, "AMY 8,5", date(2023, 8, 17), 2210),
        (ORTHOPTISTE, "AMY 8", date(2023, 8, 18), 2080),
    ],
)
def test_others(specialite: str, act: str, day: date, cents: int) -> None:
    result = visit(specialite, act, day=day, deplacement_type="IFD" if specialite == ORTHOPHONISTE else None)
    assert result.status == "valid", (result.errors, result.next_question)
    assert prices(result) == [(act.split()[0], cents), ("IFD", 250)]


def test_direct_access_needs_no_prescription() -> None:
    result = visit(PEDICURE, "POD 1", prescripteur=None, prescription_date=None)
    assert result.status == "valid"
    wanting = visit(PEDICURE, "AMP 48", prescripteur=None, prescription_date=None)
    assert [q.id for q in wanting.questions if q.required] == ["prescripteur", "prescription_date"]


@pytest.mark.parametrize(
    ("specialite", "acts", "more", "code"),
    [
        (NURSE, "AMI", {}, "COEFFICIENT_ABSENT"),
        (NURSE, "AMI 7,77", {}, "COEFFICIENT_INCONNU"),
        (NURSE, [{"code": "AMI", "reference": "vol-plane"}], {}, "REFERENCE"),
        (NURSE, "AMK 9", {}, "ACTE_INTERDIT"),
        (NURSE, [{"code": "AMI", "reference": "injection", "quantite": 2}], {}, "QUANTITE"),
        (NURSE, "BSA + BSB", {}, "ACTES_INCOMPATIBLES"),
        (NURSE, "BSA", {"prescripteur": "991129767"}, "CLE_FAUSSE"),
        (NURSE, "BSA", {"prescription_date": "2025-01-16"}, "DATE_IMPOSSIBLE"),
        (NURSE, "BSA", {"lieu": "cabinet"}, "ACTE_LIEU"),
        (KINE, "RAM 7,49 + RAM 7,51", {"deplacement_type": "IFD"}, "ACTES_INCOMPATIBLES"),
        (ORTHOPHONISTE, "AMO 9,7 + AMO 12", {"deplacement_type": "IFD"}, "ACTES_INCOMPATIBLES"),
        (PEDICURE, "POD 1 + AMP 31,7", {}, "ACTES_INCOMPATIBLES"),
        (NURSE, "AIS 3", {}, "REGLE_SANS_SOURCE"),
    ],
)
def test_bad_input(specialite: str, acts: Any, more: dict[str, Any], code: str) -> None:
    result = visit(specialite, acts, **more)
    assert code in codes(result), result
    assert all(e.remedy for e in result.errors)


def test_ais_is_closed_since_june_2026() -> None:
    assert codes(visit(NURSE, "AIS 3", day=date(2026, 6, 21))) == ["ACTE_HORS_PERIODE"]


@pytest.mark.parametrize(("day", "cents"), [(date(2026, 6, 20), 630), (date(2026, 6, 21), 636)])
def test_simple_dressing_june_2026(day: date, cents: int) -> None:
    """2 * 3.15 = 6.30; 2.02 * 3.15 = 6.363."""
    assert visit(NURSE, [{"code": "AMI", "reference": "pansement-simple"}], day=day).lines[0].montant_cents == cents


def test_missing_overseas_price_says_so() -> None:
    made = bill({**COMMON, "actes": "SF#perineale"}, specialite=SAGE_FEMME, zone_tarifaire="40")
    assert "REGLE_SANS_SOURCE" in codes(evaluate(made, rights(), today=DAY))


def test_second_visit_of_a_dependent_patient_has_ifi_but_no_second_package() -> None:
    """28.70 + 2.75, then 1.00 * 3.15 + 2.75 in the evening."""
    evening = {"code": "AMX", "reference": "insuline", "heure": "18:00"}
    result = visit(NURSE, [{"code": "BSC", "heure": "08:30"}, evening])
    assert prices(result) == [("BSC", 2870), ("IFI", 275), ("AMX", 315), ("IFI", 275)]
    twice = visit(NURSE, [{"code": "BSC", "heure": "08:30"}, {"code": "BSC", "heure": "18:00"}])
    assert codes(twice) == ["ACTES_INCOMPATIBLES"]


def test_at_most_four_ifi_a_day() -> None:
    acts = [{"code": "BSC", "heure": "08:30"}]
    acts += [{"code": "AMX", "reference": "insuline", "heure": f"{hour}:00"} for hour in ("10", "12", "15", "17")]
    result = visit(NURSE, acts)
    assert [c for c, _ in prices(result)].count("IFI") == 4 and "IFI_MAXIMUM" in [i.code for i in result.informations]
