"""The question loop in French: price line, back, why, drafts, forced rules, answers from a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.billing_cases import DAY, GP_ANSWERS, rights, situation
from tournee.billing import Act, BadAnswer, Bill, evaluate, prefill, settle
from tournee.billing.answers import act_text, acts
from tournee.cli.questions import Interrupted, apply_answers, ask
from tournee.cli.review import words


class Script:
    """Types the given lines; keeps what was shown."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.shown = list(lines), []  # type: ignore[var-annotated]

    def show(self, text: str, style: str = "") -> None:
        self.shown.append(text)

    def read(self, prompt: str) -> str:
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        if line == "^C":
            raise KeyboardInterrupt
        return line


NEW = Bill("b-1", DAY, situation())


def test_a_visit_by_the_keyboard() -> None:
    io = Script("", "non", "", "vg", "1", "T", "amo")
    made = ask(NEW, rights(), DAY, io=io)
    assert evaluate(made, rights(), today=DAY).status == "valid"
    assert io.shown[-1] == "VG + MD  40,00 € = 28,00 € AMO + 12,00 € patient"
    prices = [line for line in io.shown if "€ AMO" in line]
    assert prices[0].startswith("VG  30,00 € =") and len(prices) == 4


def test_back_why_and_bad_words() -> None:
    io = Script("", "peut-être", "oui", "b", "?", "non", "", "VG", "1", "T", "2")
    made = ask(NEW, rights(), DAY, io=io)
    assert made.value("accident_tiers") is False
    assert any("oui ou non" in line for line in io.shown)
    assert any("jamais préremplie" in line for line in io.shown)


def test_back_at_the_first_question_says_so() -> None:
    io = Script("b", "", "non", "", "VG", "1", "T", "2")
    assert evaluate(ask(NEW, rights(), DAY, io=io), rights(), today=DAY).status == "valid"
    assert "C'est la première question." in io.shown


def test_third_party_accident_has_no_default() -> None:
    io = Script("", "", "non", "", "VG", "1", "T", "2")
    ask(NEW, rights(), DAY, io=io)
    assert "Une réponse est nécessaire ici (Entrée ne suffit pas)." in io.shown


def test_interrupt_keeps_the_draft_and_every_answer_was_saved() -> None:
    saved: list[Bill] = []
    with pytest.raises(Interrupted) as caught:
        ask(NEW, rights(), DAY, io=Script("", "non", "^C"), save=saved.append)
    assert caught.value.bill.value("accident_tiers") is False
    assert saved[-1] == caught.value.bill


def test_an_answer_that_makes_an_error_is_asked_again() -> None:
    io = Script("", "non", "", "G", "VG", "1", "T", "2")
    made = ask(NEW, rights(), DAY, io=io)
    assert [a.code for a in made.acts] == ["VG"]
    assert any("se fait au cabinet" in line for line in io.shown)


def test_a_rule_is_forced_with_a_reason_or_the_loop_ends() -> None:
    closed = rights(periodes=(("20200101", "20241231"),))
    io = Script("attestation vue", "", "non", "", "VG", "1", "T", "2")
    made = ask(NEW, closed, DAY, io=io)
    assert made.forced[0].reason == "attestation vue"
    assert evaluate(made, closed, today=DAY).status == "valid"
    stopped = ask(NEW, closed, DAY, io=Script(""))
    assert evaluate(stopped, closed, today=DAY).status == "invalid"


def test_advanced_view_adds_kilometres() -> None:
    defaults = [""] * 30
    io = Script("a", "", "non", "", "VG", "1", "T", "2", *defaults)
    made = ask(NEW, rights(), DAY, io=io)
    assert made.value("km") == 0 and evaluate(made, rights(), today=DAY).status == "valid"


def test_prefill_starts_when_the_patient_is_known() -> None:
    twin = (104, ["DUPONT", "", "LÉA", "", "", "", "", "", "", "", "", "20000101", "1", "6"])
    card = rights(extra=(twin, (105, ["20200101", "20401231"])))
    calls: list[str] = []

    def prefilled(bill: Bill) -> Bill:
        calls.append(bill.beneficiaire.prenom if bill.beneficiaire else "")
        return replace(bill, answers={**bill.answers})

    ask(NEW, card, DAY, io=Script("2", "", "non", "", "VG", "1", "T", "2"), prefilled=prefilled)
    assert calls == ["LÉA", "LÉA"]  # once for the patient, once for the dates of the acts


def test_what_was_taken_over_is_told_and_taken_back_by_b() -> None:
    last = ask(NEW, rights(), DAY, io=Script("", "non", "", "VG", "1", "T", "amo"))
    listed = [question_id for question_id, _ in words(prefill(settle(NEW, rights()), last))]
    io = Script("b", "99", str(listed.index("tiers_payant") + 1), "aucun", "non", "VG")
    made = ask(NEW, rights(), DAY, io=io, prefilled=lambda known: prefill(known, last))
    told = next(line for line in io.shown if line.startswith("Repris de sa dernière facture"))
    assert "Tiers payant : Part obligatoire (AMO)" in told and "tiers ?" not in told
    assert (made.value("tiers_payant"), made.value("parcours")) == ("aucun", "T")
    assert evaluate(made, rights(), today=DAY).status == "valid"


def test_a_choice_that_is_none_names_the_numbers_there_are() -> None:
    io = Script("", "non", "", "VG", "1", "T", "c2s", "4", "2")
    ask(NEW, rights(), DAY, io=io)
    assert io.shown.count("« c2s » n'est pas un choix → un numéro de 1 à 3") == 1


def test_answers_from_a_file() -> None:
    made = apply_answers(NEW, rights(), DAY, GP_ANSWERS)
    assert made.beneficiaire is not None and evaluate(made, rights(), today=DAY).status == "valid"
    with pytest.raises(BadAnswer) as caught:
        apply_answers(NEW, rights(), DAY, {"couleur": "bleu"})
    assert caught.value.question_id == "couleur"
    with pytest.raises(BadAnswer):
        apply_answers(NEW, rights(), DAY, {"forcer": {"droits_ouverts": ""}})


def test_a_number_of_a_yaml_file_is_the_text_it_stands_for() -> None:
    twin = (104, ["DUPONT", "", "LÉA", "", "", "", "", "", "", "", "", "20000101", "1", "6"])
    made = apply_answers(NEW, rights(extra=(twin,)), DAY, {"beneficiaire": 2, "prescripteur": 991129768})
    assert made.beneficiaire is not None and made.beneficiaire.prenom == "LÉA"
    assert made.value("prescripteur") == "991129768"


def test_every_answer_of_a_file_that_does_not_fit_is_named() -> None:
    wrong = {
        "lieu": "lune",
        "accident_tiers": "non",
        "actes": [{"code": "VG", "km": "dix", "heure": 8}],
        "forcer": {"x": ""},
    }
    with pytest.raises(BadAnswer) as caught:
        apply_answers(NEW, rights(), DAY, wrong)
    assert [e.place for e in caught.value.every] == ["lieu", "actes[0].km", "actes[0].heure", "forcer"]
    assert all(e.what and e.remedy for e in caught.value.every)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("VG 12 km", Act("VG", km=12)),
        ("vg à 7h05", Act("VG", heure="07:05")),
        ("AMI 1,5 x2 30 km le 14/01/2025 à 08:30", Act("AMI", 2, 150, km=30, date=date(2025, 1, 14), heure="08:30")),
        ("AMI#insuline le 2025-01-14", Act("AMI", reference="insuline", date=date(2025, 1, 14))),
        ("VG dépassement 12,50 E", Act("VG", depassement_cents=1250, qualificatif="E")),
        ("C dep 20 D", Act("C", depassement_cents=2000, qualificatif="D")),
        ("VG dépassement 5", Act("VG", depassement_cents=500)),
        ("IFD qualificatif F", Act("IFD", qualificatif="F")),
    ],
)
def test_an_act_as_text(text: str, act: Act) -> None:
    assert acts(text) == (act,)
    assert acts(act_text(act)) == (act,)


def test_settle_copies_the_only_beneficiary() -> None:
    assert settle(NEW, rights()).beneficiaire == rights().beneficiaires[0].identite


def test_acts_are_found_by_number_or_by_word() -> None:
    nurse = Bill("b-2", DAY, situation("24"))
    rest = ("991129768", "01/01/2025", "amo")
    by_word = ask(nurse, rights(), DAY, io=Script("", "non", "", "insuline", "ami insuline", *rest))
    assert [(a.code, a.reference) for a in by_word.acts] == [("AMI", "insuline")]
    io = Script("", "non", "", "perfusion", "longue surveillée", "AMI 14", *rest)
    by_code = ask(nurse, rights(), DAY, io=io)
    assert [a.coefficient_centiemes for a in by_code.acts] == [1400]
    assert len([line for line in io.shown if "Perfusion" in line]) > 3


def test_acts_offered_fit_age_and_agreement() -> None:
    waiting = evaluate(Bill("b-1", DAY, situation()), rights(), today=DAY)
    offered = [c.value for q in waiting.questions if q.id == "actes" for c in q.choices]
    assert "VG" in offered and not {"V", "COD", "GL1", "G", "TCG"} & set(offered)


def test_a_complete_bill_is_looked_over_and_changed() -> None:
    made = ask(NEW, rights(), DAY, io=Script("", "non", "", "VG", "1", "T", "amo"))
    io = Script("99", "x", _number(made, "Tiers payant"), "1", "")
    changed = ask(made, rights(), DAY, io=io, review=True)
    assert (made.answers["tiers_payant"].value, changed.answers["tiers_payant"].value) == ("amo", "aucun")
    assert changed.acts == made.acts
    assert evaluate(changed, rights(), today=DAY).status == "valid"


def test_an_answer_taken_back_by_mistake_is_there_again_after_b() -> None:
    made = ask(NEW, rights(), DAY, io=Script("", "non", "", "VG", "1", "T", "amo"))
    io = Script(_number(made, "Acte"), "b", "")
    assert ask(made, rights(), DAY, io=io, review=True) == made


def test_without_review_a_complete_bill_asks_nothing() -> None:
    made = ask(NEW, rights(), DAY, io=Script("", "non", "", "VG", "1", "T", "amo"))
    assert ask(made, rights(), DAY, io=Script()) == made


def _number(bill: Bill, text: str) -> str:
    """Under which number the review shows the answer to a question that begins with `text`."""
    io = Script("")
    ask(bill, rights(), DAY, io=io, review=True)
    row = next(line for line in io.shown if f"  {text}" in line)
    return str(row.split()[0])
