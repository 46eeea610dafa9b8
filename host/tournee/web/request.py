"""The one request body of the API; pydantic reads the JSON, `billing.codec` its bill and rights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tournee.billing import BadAnswer, BadBillFile, Bill, Rights, answer, bill_from_json, rights_from_json
from tournee.web.problem import Problem, bad_answer, bad_document, safe_path

T = TypeVar("T")

MAX_BODY_BYTES = 262_144
MAX_ACTS = 200
_LARGEST = 10**9


class Body(BaseModel):
    """`answers` are given to the bill, in order, before anything else: question id to value, as in docs/BILLING.md."""

    model_config = ConfigDict(extra="forbid")
    bill: dict[str, Any]
    rights: dict[str, Any] | None = None
    today: date | None = None
    answers: dict[str, Any] = {}


@dataclass(frozen=True)
class Demande:
    bill: Bill
    rights: Rights
    today: date


def read(raw: bytes, *, today: date) -> Demande:
    """The request; raises Problem with the path of the first field that is wrong."""
    try:
        body = Body.model_validate_json(raw)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "json_invalid":
            raise Problem(400, "bad_json", "corps illisible", "donnez un objet JSON {bill, rights, …}") from None
        raise Problem(
            422, "bad_request", "champ absent, inconnu ou d'un autre type", "voir /v1/openapi.json", safe_path(path)
        ) from None
    _sizes(body.bill, "bill")
    _sizes(body.rights, "rights")
    _sizes(body.answers, "answers")
    bill = _document("bill", body.bill, bill_from_json)
    rights = Rights.none() if body.rights is None else _document("rights", body.rights, rights_from_json)
    for question, value in body.answers.items():
        try:
            bill = answer(bill, question, value, rights)
        except BadAnswer as exc:
            raise bad_answer(exc) from None
    if len(bill.acts) > MAX_ACTS:
        raise Problem(422, "bad_request", f"plus de {MAX_ACTS} actes", "partagez la facture", "bill.acts")
    return Demande(bill, rights, body.today or today)


def _document(where: str, document: dict[str, Any], load: Callable[[Any], T]) -> T:
    try:
        return load(document)
    except BadBillFile as exc:
        raise bad_document(where, exc) from None


def _sizes(value: Any, path: str) -> None:
    """No number of more digits than a record could hold: arithmetic on it would have no end."""
    if isinstance(value, dict):
        for key, item in value.items():
            _sizes(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _sizes(item, f"{path}[{index}]")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise Problem(422, "bad_request", "nombre trop grand", "donnez un nombre d'au plus 9 chiffres", safe_path(path))
