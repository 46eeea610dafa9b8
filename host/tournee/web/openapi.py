"""The OpenAPI 3.1 document, made from the engine's types; published as docs/schemas/openapi.json.

Run: python -m tournee.web.openapi docs/schemas/openapi.json
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tournee.billing.schema import bill_schema, evaluation_schema, rights_schema
from tournee.web.problem import MEDIA_TYPE
from tournee.web.views import PRICE_MEMBERS, QUESTIONS_MEMBERS

_VERSION = {"const": 1}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    schemas: dict[str, Any] = {}
    for name, schema in (("Bill", bill_schema()), ("Rights", rights_schema()), ("Evaluation", evaluation_schema())):
        schemas |= schema.pop("$defs")
        del schema["$schema"]
        schemas[name] = schema
    members = schemas["Evaluation"]["properties"]
    schemas["Request"] = {
        "type": "object",
        "properties": {
            "bill": _ref("Bill"),
            "rights": {"anyOf": [_ref("Rights"), {"type": "null"}], "description": "absent: no card, all is asked"},
            "today": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "answers": {
                "type": "object",
                "additionalProperties": True,
                "description": "question id to value, given to the bill in order; null takes an answer back",
            },
        },
        "required": ["bill"],
        "additionalProperties": False,
    }
    schemas["Questions"] = _object(
        {
            **{name: members[name] for name in QUESTIONS_MEMBERS},
            "next": {"type": "string", "description": "id of the first required question, empty when none is left"},
            "bill": _ref("Bill"),
        }
    )
    schemas["Price"] = _object({name: members[name] for name in PRICE_MEMBERS})
    text = {"type": "string"}
    schemas["Row"] = {
        "type": "object",
        "properties": {
            "version": _VERSION,
            "id": text,
            "valid_from": {"type": "string", "format": "date"},
            "valid_to": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "source": text,
            "confidence": {"enum": ["H", "M", "L"]},
        },
        "required": ["version", "id", "valid_from", "valid_to", "source", "confidence"],
    }
    place = {"title": text, "code": text, "path": text, "remedy": text}
    every = {"type": "array", "items": _object(place), "minItems": 1, "description": "all that one pass has found"}
    schemas["Problem"] = _object({"type": text, "status": {"type": "integer"}, **place, "errors": every})
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tournée: billing",
            "version": "1",
            "description": "Evaluate, question and price French home-visit bills. Nothing is kept. Money is integer cents.",
        },
        "paths": {
            "/v1/evaluate": _post("evaluate", "Status, questions, errors, lines, totals and why", "Evaluation"),
            "/v1/questions": _post("questions", "Give answers; what is still to ask", "Questions"),
            "/v1/price": _post("price", "Lines, totals, and the rows of the tables behind them", "Price"),
            "/v1/tables/{row_id}": {
                "get": {
                    "operationId": "table_row",
                    "summary": "A row of the tables by the id that a trace names",
                    "parameters": [{"name": "row_id", "in": "path", "required": True, "schema": text}],
                    "responses": {"200": _content("Row"), "404": _content("Problem", MEDIA_TYPE)},
                }
            },
            "/v1/openapi.json": {
                "get": {
                    "operationId": "described",
                    "summary": "This document",
                    "responses": {
                        "200": {
                            "description": "OpenAPI",
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                    },
                }
            },
        },
        "components": {"schemas": schemas},
    }
    found: dict[str, Any] = json.loads(json.dumps(whole).replace("#/$defs/", "#/components/schemas/"))
    return found


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _content(name: str, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": name, "content": {media_type: {"schema": _ref(name)}}}


def _post(name: str, summary: str, answer: str) -> dict[str, Any]:
    refused = {status: _content("Problem", MEDIA_TYPE) for status in ("400", "413", "415", "422", "500")}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Request")}}},
            "responses": {"200": _content(answer), **refused},
        }
    }


def text() -> str:
    """The file's text."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
