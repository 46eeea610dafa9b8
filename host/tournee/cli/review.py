"""The answers of a bill, to look over and take back one by one: when a complete draft is taken up again, or a bill corrected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tournee.billing import Bill, answer
from tournee.billing.answers import act_text
from tournee.billing.tables import tables

if TYPE_CHECKING:
    from tournee.cli.prompts import Io

_PROMPT = "Changer une réponse ? Son numéro (Entrée : non) > "


def chosen(bill: Bill, io: Io) -> tuple[str, Bill] | None:
    """(question id, the bill without its answer), or None when all may stay. Reading may raise as `io.read` does."""
    rows = list(_rows(bill))
    for number, (_, text, value) in enumerate(rows, 1):
        io.show(f"  {number:>2}  {text} : {value}")
    while True:
        typed = io.read(_PROMPT).strip()
        if not typed:
            return None
        if typed.isdigit() and 1 <= int(typed) <= len(rows):
            question_id = rows[int(typed) - 1][0]
            return question_id, _without(bill, question_id)
        io.show(f"Un numéro de 1 à {len(rows)}, ou Entrée.", "yellow")


def words(bill: Bill) -> Iterator[tuple[str, str]]:
    """(question id, « question : answer ») of each answer."""
    return ((question_id, f"{text} : {value}") for question_id, text, value in _rows(bill))


def _without(bill: Bill, question_id: str) -> Bill:
    return replace(bill, acts=()) if question_id == "actes" else answer(bill, question_id, None)


def _rows(bill: Bill) -> Iterator[tuple[str, str, str]]:
    """Question id, its text, the answer in words."""
    questions = tables().questions
    if bill.beneficiaire is not None:
        yield "beneficiaire", questions["beneficiaire"].text, f"{bill.beneficiaire.prenom} {bill.beneficiaire.nom}"
    if bill.acts:
        yield "actes", questions["actes"].text, " + ".join(map(act_text, bill.acts))
    for question_id, given in bill.answers.items():
        question = questions.get(question_id.partition(".")[0])
        if question is None or question_id in ("beneficiaire", "actes"):
            continue
        value = given.value
        words = {c.value: c.text for c in (*question.choices, *tables().parcours_choices)}
        if isinstance(value, bool):
            yield question_id, question.text, "oui" if value else "non"
        else:
            yield question_id, question.text, words.get(str(value), str(value))
