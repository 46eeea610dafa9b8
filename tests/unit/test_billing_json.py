"""JSON of bills, rights, evaluations: round trips, published schemas, errors with their path."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.billing_cases import bill, gp, rights
from tournee.billing import (
    BadBillFile,
    bill_from_json,
    bill_to_json,
    evaluation_from_json,
    evaluation_to_json,
    rights_from_json,
    rights_to_json,
    settle,
)
from tournee.billing.schema import bill_schema, evaluation_schema, rights_schema

MADE = settle(bill({"actes": [{"code": "VG", "date": "2025-01-14", "km": 12}], "accident_tiers": False}), rights())


def test_round_trips() -> None:
    assert bill_from_json(json.loads(json.dumps(bill_to_json(MADE)))) == MADE
    card = rights(amc=("99999997", "", "1", "61", "20200101", "20401231"))
    assert rights_from_json(json.loads(json.dumps(rights_to_json(card)))) == card
    result = gp(parcours=None)
    assert evaluation_from_json(json.loads(json.dumps(evaluation_to_json(result)))) == result


@pytest.mark.parametrize(
    ("name", "made"), [("bill", bill_schema()), ("rights", rights_schema()), ("evaluation", evaluation_schema())]
)
def test_published_schema_is_the_one_in_the_code(root: Path, name: str, made: dict[str, Any]) -> None:
    """To write it again: python -m tournee.billing.schema docs/schemas"""
    published = json.loads((root / f"docs/schemas/{name}.json").read_text(encoding="utf-8"))
    assert published == made


def test_documents_follow_their_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(bill_schema())
    jsonschema.validate(bill_to_json(MADE), bill_schema())
    jsonschema.validate(rights_to_json(rights()), rights_schema())
    for result in (gp(), gp(parcours=None), gp(actes="ZZZ")):
        jsonschema.validate(evaluation_to_json(result), evaluation_schema())


def test_schema_refuses_what_the_reader_refuses() -> None:
    wrong = bill_to_json(MADE) | {"numero_facture": "12"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, bill_schema())


@pytest.mark.parametrize(
    ("keys", "value", "path"),
    [
        (("version",), 99, "version"),
        (("created",), "2025-02-30", "created"),
        (("situation", "specialite"), 1, "situation.specialite"),
        (("acts", 0, "quantite"), True, "acts[0].quantite"),
        (("acts", 0, "couleur"), "x", "acts[0].couleur"),
        (("answers", "accident_tiers", "origin"), "rumeur", "answers.accident_tiers.origin"),
        (("beneficiaire", "adresse"), "rue", "beneficiaire.adresse"),
        (("numero_facture",), "12", "numero_facture"),
    ],
)
def test_bad_field_is_named_by_its_path(keys: tuple[Any, ...], value: Any, path: str) -> None:
    document = copy.deepcopy(bill_to_json(MADE))
    place: Any = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(BadBillFile) as caught:
        bill_from_json(document)
    assert caught.value.path == path and caught.value.remedy


def test_absent_field_is_named() -> None:
    document = bill_to_json(MADE)
    del document["created"]
    with pytest.raises(BadBillFile) as caught:
        bill_from_json(document)
    assert caught.value.path == "created"
    with pytest.raises(BadBillFile):
        bill_from_json([])


def test_evaluation_never_holds_the_identity() -> None:
    text = json.dumps(evaluation_to_json(gp()), ensure_ascii=False)
    identity = rights().beneficiaires[0].identite
    assert identity.nir_assure not in text and identity.nom not in text
