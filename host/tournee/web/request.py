"""The one request body of the API; pydantic reads the JSON, `billing.codec` its bill and rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tournee.billing import BadAnswer, BadBillFile, Bill, Rights, answer_all, bill_from_json, rights_from_json, settle
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
    """The bill with the answers given and with what the card decides (`settle`)."""

    bill: Bill
    rights: Rights
    today: date


def read(raw: bytes, *, today: date) -> Demande:
    """The request; raises Problem with the paths of all the fields that are wrong."""
    try:
        body = Body.model_validate_json(raw)
    except ValidationError as exc:
        raise _not_a_request(exc) from None
    whole = {"bill": body.bill, "rights": body.rights, "answers": body.answers}
    if found := [problem for name, value in whole.items() for problem in _too_large(value, name)]:
        raise Problem.together(found)
    bill, rights, wrong = None, Rights.none(), []
    try:
        bill = _document("bill", body.bill, bill_from_json)
    except Problem as exc:
        wrong.append(exc)
    try:
        rights = rights if body.rights is None else _document("rights", body.rights, rights_from_json)
    except Problem as exc:
        wrong.append(exc)
    if bill is None or wrong:
        raise Problem.together(wrong)
    try:
        bill = answer_all(settle(bill, rights), body.answers, rights)
    except BadAnswer as exc:
        raise bad_answer(exc) from None
    if len(bill.acts) > MAX_ACTS:
        raise Problem(422, "bad_request", f"plus de {MAX_ACTS} actes", "partagez la facture", "bill.acts")
    return Demande(settle(bill, rights), rights, body.today or today)


def _not_a_request(exc: ValidationError) -> Problem:
    found = exc.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return Problem(400, "bad_json", "corps illisible", "donnez un objet JSON {bill, rights, …}")
    what, remedy = "champ absent, inconnu ou d'un autre type", "voir /v1/openapi.json"
    paths = [safe_path(".".join(str(part) for part in one["loc"])) for one in found]
    return Problem.together([Problem(422, "bad_request", what, remedy, path) for path in paths])


def _document(where: str, document: dict[str, Any], load: Callable[[Any], T]) -> T:
    try:
        return load(document)
    except BadBillFile as exc:
        raise bad_document(where, exc) from None


def _too_large(value: Any, path: str) -> Iterator[Problem]:
    """Numbers of more digits than a record could hold: arithmetic on them would have no end."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _too_large(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _too_large(item, f"{path}[{index}]")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        yield Problem(422, "bad_request", "nombre trop grand", "donnez un nombre d'au plus 9 chiffres", safe_path(path))
