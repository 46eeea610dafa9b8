"""The context of a bill: modes and what must follow, work accident, prescriber, parcours, replacement, who pays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.billing_cases import DAY, GP_ANSWERS, bill, codes, gp, rights
from tests.unit.test_billing_auxiliaires import COMMON, NURSE
from tournee.billing import MODE_CODES, Act, Evaluation, Mode, Origin, Rights, answer, bill_to_json, evaluate
from tournee.billing.jour import with_day
from tournee.billing.tables import tables
from tournee.practice.facture import facture
from tournee.transmit.directory import Directory

AMC = ("99999997", "", "ADH-77", "33", "20200101", "20401231")


def follows(result: Evaluation) -> list[str]:
    return [i.text.partition(".")[0] for i in result.informations if i.code == "A_FOURNIR"]


@pytest.mark.parametrize("mode", [m for m in Mode if m is not Mode.NON_SECURISE])
def test_each_mode_says_its_cards_and_what_must_follow(mode: Mode) -> None:
    row = tables().modes[mode]
    result = gp(mode=mode.value)
    assert result.status == "valid" and result.contexte.mode == mode and MODE_CODES[mode] in range(1, 6)
    texts = [i.text for i in result.informations if i.code == "A_FOURNIR"]
    assert texts == [tables().suites[nom].data["texte"] for nom in row["suites"]]
    without = evaluate(
        bill({**GP_ANSWERS, "mode": mode.value, "patient_nir": "280029999999001"}), Rights.none(), today=DAY
    )
    assert ("MODE_SANS_CARTE" in codes(without)) is bool(row["vitale_lue"])


def test_the_degraded_bill_lists_the_sheet_and_the_prescription() -> None:
    result = evaluate(bill({**COMMON, "mode": "degrade", "actes": "BSA"}, specialite=NURSE), rights(), today=DAY)
    assert follows(result)[0].startswith("À faire suivre : la feuille de soins papier")
    assert any(t.startswith("À faire suivre : l'ordonnance") for t in follows(result))


def test_a_work_accident_has_its_number_its_sheet_its_organism() -> None:
    card = replace(rights(), at_organismes=(("CPAM FICTIVE", "991", "12"), ("", "", "")))
    at = {"nature_assurance": "at", "at_date": "2025-01-02", "parcours": None}
    bare = gp(at, card=card)
    assert bare.status == "valid" and "AT_SANS_REFERENCE" in [i.code for i in bare.informations]
    assert bare.contexte.organisme_at == "991" and bare.contexte.parcours_statut == 0
    shown = gp({**at, "at_feuillet": True}, card=card)
    assert shown.contexte.feuillet_at and "AT_SANS_REFERENCE" not in [i.code for i in shown.informations]
    numbered = gp({**at, "at_numero": "123456789"}, card=card)
    assert numbered.contexte.numero_at == "123456789" and numbered.view == "advanced" and gp().view == "simple"


@pytest.mark.parametrize("letter", sorted(tables().parcours))
def test_each_parcours_letter_asks_its_data_and_keeps_them(letter: str) -> None:
    row, asked = tables().parcours[letter], {q.id for q in gp(parcours=letter).questions if q.required}
    wanted = {"parcours_declaration"} if row.get("declaration") else set()
    wanted |= {"parcours_nom", "parcours_prenom"} if row.get("orienteur") else set()
    wanted |= {"parcours_installation"} if row.get("date_installation") else set()
    assert asked == wanted
    given = {"parcours_declaration": True, "parcours_nom": "MARTIN", "parcours_prenom": "LUC"}
    given["parcours_installation"] = "2024-01-01"
    known = gp({"parcours": letter, **{k: given[k] for k in wanted}})
    c = known.contexte
    assert known.status == "valid" and c.parcours == letter and c.parcours_statut == row["statut"]
    assert c.parcours_declaration is (True if row.get("declaration") or row.get("declare") else None)
    assert bool(c.parcours_nom and c.parcours_prenom) is bool(row.get("orienteur"))
    assert (c.parcours_installation == date(2024, 1, 1)) is bool(row.get("date_installation"))


def test_the_prescription_of_an_act_and_its_origin() -> None:
    acts = [Act("AMI", reference="injection", prescription_date=date(2025, 1, 3))]
    answers = {k: v for k, v in COMMON.items() if k != "prescription_date"}
    result = evaluate(
        bill({**answers, "actes": acts, "prescription_origine": "T"}, specialite=NURSE), rights(), today=DAY
    )
    assert result.status == "valid"
    assert (result.contexte.prescription_date, result.contexte.prescription_origine) == (date(2025, 1, 3), "T")
    late = [Act("AMI", reference="injection", prescription_date=date(2025, 1, 20))]
    wrong = evaluate(bill({**answers, "actes": late}, specialite=NURSE), rights(), today=DAY)
    assert ("DATE_IMPOSSIBLE", "acts[0].prescription_date") in [(e.code, e.path) for e in wrong.errors]


def test_a_replacing_doctor_is_named_as_the_one_who_did_the_acts() -> None:
    changes = {"mode_exercice": "4", "numero_remplace": "99100101", "cle_remplace": "0"}
    key = next(str(n) for n in range(10) if _replacing(str(n)).status == "valid")
    result = _replacing(key)
    assert result.contexte.remplacant and result.contexte.executant == "99100101" + key
    wrong = evaluate(bill(**changes | {"numero_remplace": ""}), rights(), today=DAY)
    assert "REMPLACANT" in codes(wrong)


def _replacing(key: str) -> Evaluation:
    made = bill(mode_exercice="4", numero_remplace="99100101", cle_remplace=key)
    return evaluate(made, rights(), today=DAY)


def test_the_invoice_carries_what_the_context_says() -> None:
    made = bill({**GP_ANSWERS, "lieu": "cabinet", "actes": "G", "parcours": "J", "parcours_declaration": True,
                 "parcours_installation": "2024-01-01", "tiers_payant": "amo_amc"})  # fmt: skip
    card = rights(amc=AMC)
    made = replace(made, beneficiaire=card.beneficiaires[0].identite)
    result = evaluate(made, card, today=DAY)
    invoice = facture(made, card, result, numero=1, day=DAY, directory=_Anywhere())
    assert (invoice.declaration_mt, invoice.date_installation) == (True, date(2024, 1, 1))
    assert [x.lieu_execution for x in invoice.lignes] == [0]
    assert invoice.complementaire is not None and invoice.complementaire.numero_adherent == "ADH-77"


class _Anywhere(Directory):
    def __init__(self) -> None:
        pass

    def lookup(self, regime: str, caisse: str, centre: str) -> Any:
        class Row:
            organisme_destinataire, centre_informatique = "999", "999"

        return Row()


@pytest.mark.parametrize("code", sorted(c for t, c in tables().indicateurs if t == "amc"))
def test_each_indicator_of_the_complementary_fund(code: str) -> None:
    row = tables().indicateurs["amc", code]
    card = rights(amc=(*AMC[:3], code, *AMC[4:]))
    paid = "c2s" if row.data.get("c2s") else "amo_amc"
    result = gp(tiers_payant=paid, card=card)
    may = row.data["dre"] in ("tp", "toujours")
    assert result.status == "valid" and result.contexte.c2s is bool(row.data.get("c2s"))
    assert result.contexte.dre is may and result.contexte.amc_gestion == ("separee" if may else "unique")
    assert ("C2S_SORTIE" in [i.code for i in result.informations]) is bool(row.data.get("sortie"))
    forced = gp(tiers_payant=paid, amc_gestion="separee", card=card)
    assert ("DRE_IMPOSSIBLE" in codes(forced)) is not may


def test_splitting_by_an_oct_excludes_a_dre() -> None:
    result = gp(tiers_payant="amo_amc", amc_gestion="oct", card=rights(amc=AMC))
    assert result.contexte.type_contrat == "99" and not result.contexte.dre
    assert any(t.rule == "ECLATEMENT" for t in result.trace)
    agreed = gp(tiers_payant="amo_amc", card=rights(amc=("99981234", *AMC[1:])))
    assert agreed.contexte.amc_gestion == "oct" and any("conventions:4.9998????" in t.rows[0:1] for t in agreed.trace)


def test_a_rule_forced_for_nothing_is_told() -> None:
    from tournee.billing import ForcedRule

    made = replace(bill(), forced=(ForcedRule("droits_ouverts", "attestation vue"),))
    told = evaluate(made, rights(), today=DAY)
    assert "FORCAGE_SANS_OBJET" in [i.code for i in told.informations]
    closed = evaluate(made, rights(periodes=(("20200101", "20241231"),)), today=DAY)
    forced = next(i for i in closed.informations if i.code == "REGLE_FORCEE")
    assert closed.status == "valid" and "attestation vue" in forced.text
    assert bill_to_json(made)["forced"] == [{"rule_id": "droits_ouverts", "reason": "attestation vue"}]


def test_an_answer_about_an_act_does_not_hold_for_another() -> None:
    card = rights(ald="1")
    made = answer(bill({**GP_ANSWERS}), "ald.0", True)
    assert evaluate(made, card, today=DAY).totals.amo_cents == 4000
    other = answer(answer(made, "actes", "VL"), "deplacement", "MD")
    asked = evaluate(other, card, today=DAY)
    assert [q.id for q in asked.questions if q.required] == ["ald.0"]
    done = evaluate(answer(other, "ald.0", False), card, today=DAY)
    assert done.status == "valid" and {x.exoneration for x in done.lines} == {""}
    back = evaluate(answer(other, "actes", "VG"), card, today=DAY)
    assert back.status == "valid" and back.totals.amo_cents == 4000
    practice = answer(answer(other, "ald.0", None), "nature_assurance", "maternite")
    assert practice.answers["nature_assurance"].acte == ""


def test_an_answer_about_another_act_is_told_when_nothing_asks_for_it() -> None:
    made = answer(bill({**GP_ANSWERS}), "ald.0", True)
    told = evaluate(answer(made, "actes", "VL"), rights(), today=DAY)
    assert any(i.code == "REPONSE_SANS_OBJET" and "[ald.0]" in i.text for i in told.informations)


def test_kilometres_of_two_seances_of_one_day_add_up() -> None:
    """196 + 196 = 392 km: 299 in full, 93 at half; 299 * 0.35 = 104.65; 93 * 0.35 / 2 = 16.28 (99 a line)."""
    acts = [Act("BSA", heure="08:30"), Act("AMX", reference="injection", heure="18:30")]
    result = evaluate(bill({**COMMON, "actes": acts, "km": 200}, specialite=NURSE), rights(), today=DAY)
    lines = [(x.quantite, x.coefficient_centiemes) for x in result.lines if x.code == "IK"]
    assert sum(q for q, c in lines if c == 100) == 299 and sum(q for q, c in lines if c == 50) == 93


def test_each_day_of_a_series_knows_its_own_kilometres() -> None:
    days = [date(2025, 1, 14), DAY]
    acts = [Act("BSA", date=d) for d in days]
    before = bill({**COMMON, "actes": [Act("BSA", date=days[0])], "km": 304}, specialite=NURSE)
    made = with_day(
        bill({**COMMON, "actes": acts, "km": 24}, specialite=NURSE), [evaluate(before, rights(), today=DAY)]
    )
    assert made.answers["km_jour.2025-01-14"].value == 300 and "km_jour" not in made.answers
    result = evaluate(made, rights(), today=DAY)
    per_day = {d: [x.coefficient_centiemes for x in result.lines if x.code == "IK" and x.date == d] for d in days}
    assert per_day == {days[0]: [50], days[1]: [100]}
    assert made.answers["km_jour.2025-01-14"].origin is Origin.DEFAULT
    assert "REPONSE_SANS_OBJET" not in [
        i.code for i in evaluate(answer(made, "km", 0), rights(), today=DAY).informations
    ]


@pytest.mark.parametrize(
    ("tiers_payant", "mode", "wanted"),
    [
        ("amo", "securise", ["CARTE_OPPOSEE"]),
        ("aucun", "securise", []),
        ("amo", "degrade", []),
        ("amo_amc", "visite", ["CARTE_OPPOSEE"]),
    ],
)
def test_an_opposed_card_secures_no_third_party_payment(tiers_payant: str, mode: str, wanted: list[str]) -> None:
    card = replace(rights(amc=AMC), opposee=True)
    assert codes(gp(tiers_payant=tiers_payant, mode=mode, card=card)) == wanted
    assert codes(gp(tiers_payant=tiers_payant, mode=mode, card=replace(card, opposee=False))) == []
