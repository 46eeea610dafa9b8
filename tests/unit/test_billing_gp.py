"""The general practitioner's home visit: questions, price, split, errors."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, codes, gp, rights, situation, split
from tournee.billing import (
    Bill,
    BillNotValid,
    Origin,
    Rights,
    answer,
    completed,
    evaluate,
    require_valid,
    row,
    settle,
    why,
)

C2S = ("99999997", "", "1", "61", "20200101", "20401231")
MUTUELLE = ("99999997", "", "1", "33", "20200101", "20401231")


@pytest.mark.parametrize("day", [date(2024, 12, 22), DAY, date(2026, 11, 21), date(2028, 11, 21)])
def test_gp_home_visit_by_questions(day: date) -> None:
    """VG + MD, parcours T: 30.00 + 10.00 = 40.00; 40.00 * 70 % = 28.00; 40.00 - 28.00 = 12.00."""
    made, card, asked = Bill("b-1", day, situation()), rights(), []
    result = evaluate(made, card, today=day)
    while (question := result.next_question) is not None:
        assert result.status == "incomplete"
        with pytest.raises(BillNotValid):
            require_valid(made, card, today=day)
        asked.append(question.id)
        made = answer(made, question.id, GP_ANSWERS[question.id])
        result = evaluate(made, card, today=day)
    assert asked == [
        "nature_assurance",
        "accident_tiers",
        "lieu",
        "actes",
        "deplacement",
        "parcours",
        "tiers_payant",
    ]
    assert result.status == "valid" and result == require_valid(made, card, today=day)
    assert [(x.code, x.pu_cents, x.amo_cents, x.patient_cents) for x in result.lines] == [
        ("VG", 3000, 2100, 900),
        ("MD", 1000, 700, 300),
    ]
    assert split(result) == (4000, 2800, 0, 1200)


@pytest.mark.parametrize(
    ("day", "vg", "total", "amo"),
    [
        (date(2023, 10, 31), 2500, 3500, 2450),
        (date(2023, 11, 1), 2650, 3650, 2555),
        (date(2024, 12, 21), 2650, 3650, 2555),
        (date(2024, 12, 22), 3000, 4000, 2800),
    ],
)
def test_price_is_that_of_the_care_date(day: date, vg: int, total: int, amo: int) -> None:
    result = gp(day=day)
    assert result.lines[0].pu_cents == vg
    assert split(result)[:2] == (total, amo)


def test_old_care_date_is_not_priced_by_today() -> None:
    made = bill({**GP_ANSWERS, "actes": "VG le 21/12/2024"}, day=DAY)
    assert evaluate(made, rights(), today=DAY).lines[0].pu_cents == 2650


def test_third_party_accident_is_asked_and_never_prefilled() -> None:
    made = bill({k: v for k, v in GP_ANSWERS.items() if k != "accident_tiers"})
    result = evaluate(made, rights(), today=DAY)
    assert result.next_question is not None and result.next_question.id == "accident_tiers"
    assert result.next_question.prefill == "never" and result.next_question.default is None


@pytest.mark.parametrize(("tiers_payant", "a_regler"), [("aucun", 4000), ("amo", 1200), ("amo_amc", 0)])
def test_what_the_patient_pays_today(tiers_payant: str, a_regler: int) -> None:
    result = gp(tiers_payant=tiers_payant, card=rights(amc=MUTUELLE))
    assert result.status == "valid"
    assert result.totals.a_regler_cents == a_regler
    assert result.totals.amo_cents == 2800


def test_outside_the_parcours_is_30_percent() -> None:
    result = gp(parcours="S2")
    assert split(result) == (4000, 1200, 0, 2800) and result.contexte.parcours_statut == 2


def test_ald_related_is_100_percent_and_asked_per_act() -> None:
    card = rights(ald="1")
    waiting = gp(card=card)
    assert [q.id for q in waiting.questions if q.required] == ["ald.0"]
    related = gp({"ald.0": True}, card=card)
    assert split(related) == (4000, 4000, 0, 0) and {x.exoneration for x in related.lines} == {"4"}
    unrelated = gp({"ald.0": False}, card=card)
    assert split(unrelated) == (4000, 2800, 0, 1200)


def test_a_series_over_the_end_of_an_ald_is_asked_for_its_days_only() -> None:
    """Covered on the first day, not on the second: 40.00 + 28.00; the other way round as well."""
    for span, covered in ((("20200101", "20250115"), 0), (("20250116", "20401231"), 1)):
        card = Rights.from_groupes(
            [
                (101, ["0", "9", "20401231", "", "", "", "", "2800299999990", "01", "01", "991", "0001", "10"]),
                (104, ["DUPONT", "", "ANNE", "", "", "", "", "", "", "", "", "19800202", "1", "0", "00"]),
                (106, [*span, "1", "0100"]),
            ]
        )
        made = bill({**GP_ANSWERS, "actes": "VG + VG le 2025-01-16"})
        waiting = evaluate(made, card, today=date(2025, 1, 16))
        assert [q.id for q in waiting.questions if q.required] == [f"ald.{covered}"]
        result = evaluate(answer(made, f"ald.{covered}", True), card, today=date(2025, 1, 16))
        assert result.status == "valid" and result.totals.amo_cents == 6800


@pytest.mark.parametrize("card", [rights(amc=C2S), rights(service_amo="01")])
def test_c2s_pays_everything(card: Rights) -> None:
    result = gp(tiers_payant="c2s", card=card)
    assert split(result) == (4000, 2800, 1200, 0) and result.totals.a_regler_cents == 0
    assert result.contexte.c2s and not [i for i in result.informations if i.code == "PARTICIPATION_FORFAITAIRE"]


def test_c2s_refuses_another_payment() -> None:
    assert codes(gp(tiers_payant="aucun", card=rights(amc=C2S))) == ["REPONSE_HORS_CHOIX"]


def test_patient_of_the_agricultural_fund() -> None:
    card = rights(regime="02", caisse="992")
    assert gp(card=card).status == "valid" and split(gp(card=card)) == (4000, 2800, 0, 1200)


def test_alsace_moselle_is_90_percent() -> None:
    assert split(gp(alsace_moselle=True)) == (4000, 3600, 0, 400)


@pytest.mark.parametrize(
    ("birth", "expected", "asked_parcours"),
    [
        ("20190116", (4500, 3150, 0, 1350), False),
        ("20190115", (4000, 2800, 0, 1200), False),
        ("20090115", (4000, 2800, 0, 1200), True),
    ],
)
def test_child_majoration_and_parcours_age(birth: str, expected: tuple[int, ...], asked_parcours: bool) -> None:
    result = gp(parcours=None, card=rights(naissance=birth))
    assert split(result) == expected
    assert ("parcours" in [q.id for q in result.questions]) == asked_parcours


@pytest.mark.parametrize(("km", "ik_cents"), [(0, 0), (4, 0), (5, 61), (20, 976)])
def test_kilometres_after_abatement(km: int, ik_cents: int) -> None:
    """20 km there and back: (20 - 4) * 0.61 = 9.76."""
    result = gp(km=km)
    assert sum(x.montant_cents for x in result.lines if x.code == "IK") == ik_cents


def test_mountain_majoration_from_2026() -> None:
    made = bill({**GP_ANSWERS, "deplacement": "MDM"}, day=date(2026, 1, 1))
    assert evaluate(made, rights(), today=date(2026, 1, 1)).totals.montant_cents == 4500
    before = bill({**GP_ANSWERS, "deplacement": "MDM"}, day=date(2025, 12, 31))
    assert codes(evaluate(before, rights(), today=date(2025, 12, 31))) == ["REPONSE_HORS_CHOIX"]


@pytest.mark.parametrize(
    ("answers", "code", "path"),
    [
        ({"actes": "ZZZ"}, "ACTE_INCONNU", "acts[0].code"),
        ({"actes": "VGS"}, "ACTE_HORS_PERIODE", "acts[0].code"),
        ({"actes": "VG le 2025-01-16"}, "DATE_IMPOSSIBLE", "acts[0].date"),
        ({"actes": "G"}, "ACTE_LIEU", "acts[0].code"),
        ({"actes": "VG + MD + MN"}, "ACTES_INCOMPATIBLES", "acts[2].code"),
        ({"actes": "MD + VG"}, "ORDRE_ACTES", "acts[1]"),
        ({"actes": "MD"}, "MAJORATION_SEULE", "acts[0].code"),
        ({"actes": "VG + F"}, "HORAIRE", "acts[1].code"),
        ({"actes": [{"code": "VG", "depassement_cents": 500}]}, "QUALIFICATIF", "acts[0].depassement_cents"),
        ({"actes": [{"code": "VG", "depassement_cents": 500, "qualificatif": "A"}]}, "DEPASSEMENT_INTERDIT", None),
        ({"actes": [{"code": "VG", "heure": "25:00"}]}, "HEURE", "acts[0].heure"),
        ({"actes": [{"code": "VG", "quantite": 0}]}, "QUANTITE", "acts[0].quantite"),
        ({"rang_domicile": 2}, "VISITE_FAMILLE", "acts[0].code"),
        ({"rang_domicile": 4, "actes": "G"}, "MAXIMUM_LEGAL", "answers.rang_domicile"),
        ({"nature_assurance": "smg"}, "REGLE_SANS_SOURCE", "answers.nature_assurance"),
        ({"exoneration": "9"}, "REGLE_SANS_SOURCE", "answers.exoneration"),
        ({"accident_tiers": True, "accident_date": "2025-02-01"}, "DATE_IMPOSSIBLE", "answers.accident_date"),
        ({"tiers_payant": "c2s"}, "REPONSE_HORS_CHOIX", "answers.tiers_payant"),
        (
            {"tiers_payant": "amo_amc", "amc_numero": "99999996", "amc_adherent": "1"},
            "CLE_FAUSSE",
            "answers.amc_numero",
        ),
    ],
)
def test_bad_input_is_one_typed_error(answers: dict[str, Any], code: str, path: str | None) -> None:
    result = gp(answers)
    assert result.status == "invalid"
    assert code in codes(result)
    assert all(e.remedy and e.text and e.path for e in result.errors)
    if path is not None:
        assert next(e for e in result.errors if e.code == code).path == path


def test_closed_rights_can_be_forced_with_a_reason() -> None:
    from dataclasses import replace

    from tournee.billing import ForcedRule

    card = rights(periodes=(("20200101", "20241231"),))
    assert codes(gp(card=card)) == ["DROITS_FERMES"]
    forced = replace(bill(), forced=(ForcedRule("droits_ouverts", "attestation papier vue"),))
    result = evaluate(forced, card, today=DAY)
    assert result.status == "valid"
    assert next(i.text for i in result.informations if i.code == "REGLE_FORCEE").endswith("attestation papier vue")


TYPED = {
    "patient_nir": "2 80 02 99 999 999 06",
    "patient_nom": "DUPONT",
    "patient_prenom": "ANNE",
    "patient_naissance": "19800230",
    "patient_organisme": "01 991 0001",
}


def test_without_a_card_the_rights_are_typed_and_the_bill_is_degraded() -> None:
    waiting = evaluate(bill(), Rights.none(), today=DAY)
    assert [q.id for q in waiting.questions if q.required] == list(TYPED)
    made = bill({**GP_ANSWERS, **TYPED})
    result = evaluate(made, Rights.none(), today=DAY)
    assert result.status == "valid", result.errors
    assert result.contexte.mode == "degrade" and "A_FOURNIR" in [i.code for i in result.informations]
    kept = completed(made, Rights.none())
    assert (kept.regime, kept.caisse, kept.centre, kept.origin_of("regime")) == ("01", "991", "0001", Origin.TYPED)
    patient = settle(made, Rights.none()).beneficiaire
    assert patient is not None and patient.nir_assure == "2800299999999"
    again = evaluate(settle(made, Rights.none()), kept, today=DAY)
    assert again.status == "valid" and again.totals == result.totals


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"patient_nir": "280029999999907"}, "CLE_FAUSSE"),
        ({"patient_naissance": "1980"}, "DATE_IMPOSSIBLE"),
        ({"patient_organisme": "01991"}, "ORGANISME"),
        ({"mode": "securise"}, "MODE_SANS_CARTE"),
    ],
)
def test_typed_rights_are_checked(changed: dict[str, str], code: str) -> None:
    made = bill({**GP_ANSWERS, **TYPED, **changed})
    assert code in codes(evaluate(made, Rights.none(), today=DAY))


def test_complementary_fund_from_the_card_or_typed() -> None:
    card = gp(tiers_payant="amo_amc", card=rights(amc=MUTUELLE))
    assert (card.contexte.amc_numero, card.contexte.amc_gestion, card.contexte.type_contrat) == (
        "99999997",
        "separee",
        "",
    )
    typed = gp(tiers_payant="amo_amc", amc_numero="99999997", amc_adherent="A1")
    assert typed.status == "valid" and typed.contexte.amc_adherent == "A1"
    split_by_oct = gp(tiers_payant="amo_amc", amc_gestion="oct", card=rights(amc=MUTUELLE))
    assert split_by_oct.contexte.type_contrat == "99"
    assert gp(tiers_payant="c2s", card=rights(service_amo="01")).contexte.amc_gestion == "unique"


def test_unknown_speciality_and_zone() -> None:
    assert codes(evaluate(Bill("b", DAY, situation("99")), rights(), today=DAY)) == ["SPECIALITE_INCONNUE"]
    assert codes(evaluate(Bill("b", DAY, situation(zone_tarifaire="77")), rights(), today=DAY)) == ["ZONE_INCONNUE"]


def test_family_picks_the_beneficiary() -> None:
    twin = (104, ["DUPONT", "", "LÉA", "", "", "", "", "", "", "", "", "20150101", "2", "6"])
    card = rights(extra=(twin, (105, ["20200101", "20401231"])))
    result = gp(card=card)
    first = result.questions[0]
    assert first.id == "beneficiaire" and [c.value for c in first.choices] == ["1", "2"]
    chosen = answer(bill(), "beneficiaire", "2", card)
    assert chosen.beneficiaire is not None and chosen.beneficiaire.prenom == "LÉA"
    assert "BENEFICIAIRE_ABSENT" in codes(evaluate(chosen, rights(), today=DAY))
    assert evaluate(chosen, card, today=DAY).status == "valid"


def test_why_names_rule_and_table_row() -> None:
    result = gp()
    told = [t for t in why(result, 0) if t.line == 0]
    assert [t.rule for t in told] == ["TARIF", "TAUX"]
    assert "30,00 €" in told[0].text and "21,00 €" in told[1].text
    assert row(told[0].rows[0])["cents"] == 3000 and row(told[0].rows[0])["source"]


def test_answer_without_object_is_told() -> None:
    result = gp({"at_date": "2025-01-01"})
    assert result.status == "valid"
    assert [i.code for i in result.informations if i.code == "REPONSE_SANS_OBJET"] == ["REPONSE_SANS_OBJET"]


def test_participation_forfaitaire_doubles() -> None:
    def told(day: date) -> list[int]:
        return [i.cents for i in gp(day=day).informations if i.code == "PARTICIPATION_FORFAITAIRE"]

    assert told(date(2024, 5, 14)) == [100] and told(date(2024, 5, 15)) == [200]


@pytest.mark.parametrize(
    ("due", "expected"),
    [("2025-05-15", 4000), ("2025-05-16", 2800), ("2025-01-03", 4000), ("2025-01-02", 2800)],
)
def test_maternity_window(due: str, expected: int) -> None:
    """Four months before the birth … twelve days after it, care on 15/01/2025."""
    result = gp({"nature_assurance": "maternite", "maternite_date": due, "maternite_examen": False})
    assert result.totals.amo_cents == expected


def test_work_accident_is_100_percent_and_wants_its_date() -> None:
    waiting = gp(nature_assurance="at", parcours=None)
    assert [q.id for q in waiting.questions if q.required] == ["at_date"]
    assert split(gp(nature_assurance="at", at_date="2025-01-10", parcours=None)) == (4000, 4000, 0, 0)


def test_transmission_clock_depends_on_the_payment() -> None:
    """15/01/2025 is a Wednesday: + 3 working days = Monday 20/01; + 8 = Monday 27/01."""
    assert gp(tiers_payant="aucun").clocks[0].due == date(2025, 1, 20)
    assert gp(tiers_payant="amo").clocks[0].due == date(2025, 1, 27)
