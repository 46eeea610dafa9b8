"""Cards as JSON documents: docs/schemas/cps.json and vitale.json, usable by software that never bills (*lecture Vitale*)."""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from tournee.cards.model import VERSION, CpsCard, VitaleCard


def cps_document(card: CpsCard) -> dict[str, Any]:
    """`besoin_code` names what the PIN would add."""
    needs = [] if card.situations is not None else ["situations"]
    return {"version": VERSION, "carte": "cps", **_plain(card), "besoin_code": needs}


def vitale_document(card: VitaleCard) -> dict[str, Any]:
    """`besoin_cps` names what a CPS would add."""
    needs = [] if card.droits is not None else ["droits"]
    return {"version": VERSION, "carte": "vitale", **_plain(card), "besoin_cps": needs}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex().upper() if len(value) <= 33 else base64.b64encode(value).decode("ascii")
    return value
