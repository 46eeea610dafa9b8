"""The JSON schemas of bills and evaluations, made from the types; published under docs/schemas/.

Run: python -m tournee.billing.schema DIRECTORY
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from tournee.billing.model import JSON_VERSION, Bill
from tournee.billing.result import Evaluation
from tournee.billing.rights import Rights

_SCALARS: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    type(None): {"type": "null"},
}


def bill_schema() -> dict[str, Any]:
    return _root(Bill, "A bill (facture) as Tournée stores it")


def rights_schema() -> dict[str, Any]:
    return _root(Rights, "The rights of a patient, as a card or an attestation says them")


def evaluation_schema() -> dict[str, Any]:
    return _root(Evaluation, "What Tournée's billing engine says of a bill")


def _root(kind: Any, title: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    body = _object(kind, definitions)
    body["properties"] = {"version": {"const": JSON_VERSION}, **body["properties"]}
    body["required"] = ["version", *body["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **body, "$defs": definitions}


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().splitlines()[0],
        "properties": {f.name: _of(hints[f.name], definitions) for f in fields(kind)},
        "required": required,
        "additionalProperties": False,
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(a, definitions) for a in args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": _of(args[0], definitions)}
        return {"type": "array", "prefixItems": [_of(a, definitions) for a in args], "minItems": len(args)}
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(args[1], definitions)}
    if is_dataclass(kind):
        name = typing.cast(type, kind).__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    return dict(_SCALARS[kind])


def main() -> None:
    import json

    target = Path(sys.argv[1])
    for name, schema in (("bill", bill_schema()), ("rights", rights_schema()), ("evaluation", evaluation_schema())):
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        (target / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
