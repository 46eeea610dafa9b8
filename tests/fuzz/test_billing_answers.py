"""Properties of the engine: random chains of answers end, parts add up, order does not matter, nothing is changed or raised."""

from __future__ import annotations

import copy
import json
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.billing_cases import rights, situation
from tournee.billing import (
    Act,
    BadAnswer,
    BadBillFile,
    Bill,
    Evaluation,
    Question,
    Rights,
    answer,
    bill_from_json,
    bill_to_json,
    evaluate,
    evaluation_to_json,
    rights_from_json,
)
from tournee.billing.tables import tables

AT_MOST = 40  # questions of one bill, advanced view included
PROFESSIONS = ("01", "21", "24", "26", "27", "28", "29", "03", "12")
ZONES = st.sampled_from(["30", *sorted(tables().zones)])
C2S = ("99999997", "", "1", "61", "20200101", "20401231")
MUTUELLE = ("99999997", "", "1", "33", "20200101", "20401231")
TODAY = date(2026, 11, 21)

days = st.dates(date(2023, 1, 1), TODAY)
cards = st.builds(
    rights,
    naissance=st.sampled_from(["19400101", "19800230", "20210615", "20090610"]),
    ald=st.sampled_from(["0", "1"]),
    amc=st.sampled_from([None, C2S, MUTUELLE]),
    service_amo=st.sampled_from(["00", "01"]),
    periodes=st.sampled_from([(("20200101", "20401231"),), (("20200101", "20241231"),), ()]),
)


@st.composite
def some_acts(draw: st.DrawFn, specialite: str, zone: str, day: date) -> list[Act]:
    profession = str(tables().professions[specialite]["profession"])
    codes = [t.code for t in tables().codes(profession, tables().zones[zone], day)] or ["VG"]
    found = []
    for code in draw(st.lists(st.sampled_from([*codes, "ZZZ"]), min_size=1, max_size=4)):
        known = [r for r in tables().actes.get((profession, code), ()) if r.on(day)]
        reference = draw(st.sampled_from([r.data["ref"] for r in known])) if known else ""
        hour, km = draw(st.sampled_from(["", "10:00", "21:30", "03:00"])), draw(st.sampled_from([None, None, 3, 40]))
        over = draw(st.sampled_from([(0, ""), (0, ""), (1250, "E"), (300, "D"), (0, "F"), (0, "N"), (0, "G")]))
        moved = draw(st.sampled_from([None, None, day - timedelta(days=1)]))
        found.append(Act(code, 1, None, reference, hour, over[0], over[1], km, date=moved))
    return found


def value_for(question: Question, draw: st.DrawFn, day: date) -> Any:
    if question.type == "bool":
        return draw(st.booleans())
    if question.type == "int":
        return draw(st.integers(0, 500))
    if question.type == "date":
        return (day + timedelta(days=draw(st.integers(-300, 30)))).isoformat()
    if question.type == "choice":
        return draw(st.sampled_from([c.value for c in question.choices]))
    return draw(st.sampled_from(["991129768", "10000000007", "DUPONT"]))


@st.composite
def chains(draw: st.DrawFn) -> tuple[Bill, Rights, list[str], Evaluation]:
    """Answers whatever is asked, in the order of a drawn choice, until nothing is asked or something is wrong."""
    specialite, day, card, zone = draw(st.sampled_from(PROFESSIONS)), draw(days), draw(cards), draw(ZONES)
    convention = draw(st.sampled_from(["1", "1", "2", "3"]))
    bill, asked = Bill("b", day, situation(specialite, zone_tarifaire=zone, code_conventionnel=convention)), []
    advanced = draw(st.booleans())
    while True:
        result = evaluate(bill, card, today=TODAY)
        open_questions = [q for q in result.questions if q.required or advanced]
        if not open_questions:
            return bill, card, asked, result
        question = open_questions[draw(st.integers(0, len(open_questions) - 1))]
        assert question.id not in asked, f"{question.id} asked twice"
        asked.append(question.id)
        assert len(asked) <= AT_MOST
        if question.type == "acts":
            bill = answer(bill, "actes", draw(some_acts(specialite, zone, day)))
        else:
            bill = answer(bill, question.id, value_for(question, draw, day), card)


@settings(max_examples=150)
@given(chains())
def test_every_chain_ends_valid_or_in_a_named_dead_end(chain: tuple[Bill, Rights, list[str], Evaluation]) -> None:
    _, _, _, result = chain
    assert result.status in ("valid", "invalid")
    if result.status == "invalid":
        assert result.errors and all(e.code and e.path and e.text and e.remedy for e in result.errors)


@settings(max_examples=150)
@given(chains())
def test_parts_add_up_and_nothing_is_negative(chain: tuple[Bill, Rights, list[str], Evaluation]) -> None:
    _, _, _, result = chain
    t = result.totals
    for line in result.lines:
        cents = (line.montant_cents, line.base_cents, line.amo_cents, line.amc_cents, line.patient_cents)
        assert all(isinstance(c, int) and c >= 0 for c in cents), line
        assert line.montant_cents == line.amo_cents + line.amc_cents + line.patient_cents
        assert line.amo_cents + line.amc_cents <= line.base_cents <= line.montant_cents or not line.base_cents
    assert t.montant_cents == sum(x.montant_cents for x in result.lines) == t.amo_cents + t.amc_cents + t.patient_cents
    assert 0 <= t.a_regler_cents <= t.montant_cents
    known = tables().rows
    assert all(row in known for trace in result.trace for row in trace.rows)


@settings(max_examples=100)
@given(chains(), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(chain: tuple[Bill, Rights, list[str], Evaluation], rnd: Any) -> None:
    bill, card, _, result = chain
    shuffled = list(bill.answers.items())
    rnd.shuffle(shuffled)
    other = Bill(bill.id, bill.created, bill.situation, beneficiaire=bill.beneficiaire, acts=bill.acts)
    for question_id, given_answer in shuffled:
        other = answer(other, question_id, given_answer.value)
    assert _told(evaluate(other, card, today=TODAY)) == _told(result)


def _told(result: Evaluation) -> tuple[Any, ...]:
    return (result.status, result.questions, result.errors, result.lines, result.totals, result.trace, result.contexte)


@settings(max_examples=100)
@given(chains())
def test_evaluating_changes_nothing_and_json_comes_back(chain: tuple[Bill, Rights, list[str], Evaluation]) -> None:
    bill, card, _, result = chain
    before = copy.deepcopy(bill_to_json(bill))
    assert evaluate(bill, card, today=TODAY) == result
    assert bill_to_json(bill) == before
    assert bill_from_json(json.loads(json.dumps(before))) == bill
    json.dumps(evaluation_to_json(result))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*sorted(tables().questions), "inconnue", "ald.0"]), junk)
def test_any_answer_is_taken_or_refused_with_a_remedy(question_id: str, value: Any) -> None:
    bill = Bill("b", TODAY, situation())
    try:
        made = answer(bill, question_id, value, rights())
    except BadAnswer as exc:
        assert exc.remedy and exc.question_id
    else:
        evaluate(made, rights(), today=TODAY)


@given(junk, st.sampled_from(["created", "situation", "acts", "answers", "beneficiaire", "version", "forced", "id"]))
def test_any_document_is_read_or_refused_by_path(value: Any, key: str) -> None:
    document = bill_to_json(Bill("b", TODAY, situation())) | {key: value}
    for read in (bill_from_json, rights_from_json):
        try:
            made = read(document)
        except BadBillFile as exc:
            assert exc.remedy
        else:
            assert isinstance(made, Bill)
            evaluate(made, rights(), today=TODAY)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([101, 103, 104, 105, 106, 107, 108, 109, 111, 7]),
            st.lists(st.text(max_size=12), max_size=20),
        ),
        max_size=12,
    )
)
def test_any_zone_gives_rights(groups: list[tuple[int, list[str]]]) -> None:
    evaluate(Bill("b", TODAY, situation()), Rights.from_groupes(groups), today=TODAY)
