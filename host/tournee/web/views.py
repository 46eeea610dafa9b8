"""What each address answers, as JSON-ready dicts."""

from __future__ import annotations

from datetime import date
from typing import Any

from tournee.billing import bill_to_json, evaluate, evaluation_to_json, row
from tournee.web.problem import Problem
from tournee.web.request import Demande

QUESTIONS_MEMBERS = ("version", "status", "questions", "errors")
PRICE_MEMBERS = ("version", "status", "lines", "totals", "trace", "errors")


def evaluation(demande: Demande) -> dict[str, Any]:
    return evaluation_to_json(evaluate(demande.bill, demande.rights, today=demande.today))


def questions(demande: Demande) -> dict[str, Any]:
    """What is still to ask, the id of the `next` required one ("" = none), and the bill with the answers given."""
    result = evaluate(demande.bill, demande.rights, today=demande.today)
    document = evaluation_to_json(result)
    following = result.next_question
    return {
        **{name: document[name] for name in QUESTIONS_MEMBERS},
        "next": "" if following is None else following.id,
        "bill": bill_to_json(demande.bill),
    }


def price(demande: Demande) -> dict[str, Any]:
    """Lines and totals in cents; each step of `trace` names the rows of the tables it read."""
    document = evaluation(demande)
    return {name: document[name] for name in PRICE_MEMBERS}


def table_row(row_id: str) -> dict[str, Any]:
    """A row by the id that a trace names; raises Problem 404."""
    try:
        found = row(row_id)
    except KeyError:
        raise Problem(
            404, "unknown_row", "aucune ligne de ce nom", "prenez un nom dans trace[].rows d'une évaluation", "row_id"
        ) from None
    return {"version": 1, **{key: v.isoformat() if isinstance(v, date) else v for key, v in found.items()}}
