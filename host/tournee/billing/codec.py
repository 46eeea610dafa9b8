"""JSON of bills, rights and evaluations (docs/schemas/bill.json, evaluation.json); every document has a `version`."""

from __future__ import annotations

from typing import Any

from tournee.billing.model import Bill
from tournee.billing.result import Evaluation
from tournee.billing.rights import Rights


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """JSON-ready dict with `version`."""
    raise NotImplementedError


def bill_from_json(document: Any) -> Bill:
    """Inverse of `bill_to_json`; raises BadBillFile with the field's path."""
    raise NotImplementedError


def rights_to_json(rights: Rights) -> dict[str, Any]:
    raise NotImplementedError


def rights_from_json(document: Any) -> Rights:
    raise NotImplementedError


def evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    raise NotImplementedError
