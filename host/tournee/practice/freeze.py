"""The neutral invoice as JSON and back: what was signed is kept as it was, whatever the tables say later."""

from __future__ import annotations

import base64
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from tournee.b2.model import Complementaire, Destination, Facture, Ligne


def to_json(facture: Facture) -> dict[str, Any]:
    """Dates as ISO texts."""
    return {k: _plain(v) for k, v in asdict(facture).items()}


def from_json(document: dict[str, Any]) -> Facture:
    """Inverse of `to_json`."""
    data = _dated(Facture, document)
    data["lignes"] = tuple(Ligne(**_dated(Ligne, x)) for x in document["lignes"])
    data["destination"] = Destination(**document["destination"])
    amc = document["complementaire"]
    data["complementaire"] = None if amc is None else Complementaire(**_dated(Complementaire, amc))
    return Facture(**data)


def b64(data: bytes) -> str:
    """Bytes as the journal's JSON keeps them."""
    return base64.b64encode(data).decode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def _dated(kind: type, document: dict[str, Any]) -> dict[str, Any]:
    dates = {f.name for f in fields(kind) if str(f.type).startswith("date")}
    return {k: date.fromisoformat(v) if k in dates and v else v for k, v in document.items()}
