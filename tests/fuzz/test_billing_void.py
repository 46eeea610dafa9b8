"""Questions of random bills: a void answer is told, what is not told counts; an answer may open the advanced view; prefilling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.fuzz.test_billing_answers import AT_MOST, TODAY, chains
from tournee.billing import Bill, Evaluation, Origin, Rights, answer, evaluate, prefill
from tournee.billing.tables import tables

Chain = tuple[Bill, Rights, list[str], Evaluation]
few = settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


def _void(result: Evaluation) -> set[str]:
    texts = [i.text for i in result.informations if i.code == "REPONSE_SANS_OBJET"]
    return {t.rpartition("[")[2].partition("]")[0] for t in texts}


def _told(result: Evaluation) -> tuple[Any, ...]:
    return (result.status, result.lines, result.totals, result.contexte, result.trace)


@few
@given(chains())
def test_an_answer_either_counts_or_is_told_to_be_void(chain: Chain) -> None:
    """Taken away, a void answer changes nothing; any other is asked again."""
    bill, card, _, result = chain
    if result.status != "valid":
        return
    void = _void(result)
    for question_id in bill.answers:
        without = evaluate(answer(bill, question_id, None), card, today=TODAY)
        asked = {q.id for q in without.questions}
        if question_id in void:
            assert _told(without) == _told(result) and question_id not in asked
        else:
            assert question_id in asked or question_id == "beneficiaire", question_id


@few
@given(chains())
def test_questions_are_complete_and_bounded(chain: Chain) -> None:
    _, _, asked, result = chain
    assert len(asked) == len(set(asked)) <= AT_MOST
    for question in result.questions:
        assert question.id.partition(".")[0] in tables().questions and question.text and question.why and question.group
        assert question.type != "choice" or question.choices
        if question.default is not None and question.type == "choice":
            assert question.default in {c.value for c in question.choices}


@few
@given(chains())
def test_some_answers_open_the_advanced_view_and_no_other(chain: Chain) -> None:
    bill, _, _, result = chain
    known = tables().questions
    opened = [
        q for q, a in bill.answers.items() if q in known and known[q].ouvre and a.value in known[q].ouvre
    ]  # an answer that is void opens nothing
    if result.view == "advanced":
        assert opened
    elif result.status == "valid":
        assert set(opened) <= _void(result)


@few
@given(chains())
def test_the_next_bill_takes_over_only_what_may_be(chain: Chain) -> None:
    bill, card, _, _ = chain
    fresh = replace(bill, id="next", answers={}, acts=(), forced=())
    made = prefill(fresh, bill)
    known = tables().questions
    assert all(known[q].prefill == "allowed" and a.origin is Origin.PREFILLED for q, a in made.answers.items())
    never = {q for q in bill.answers if q.partition(".")[0] in known and known[q.partition(".")[0]].prefill == "never"}
    assert never.isdisjoint(made.answers) and not made.acts and not made.forced
    waiting = evaluate(made, card, today=TODAY)
    assert any(q.id == "accident_tiers" for q in waiting.questions) or waiting.errors or made.situation.specialite == ""
