"""Return codes of a licensed engine's libraries, as its logs print them (`data/codes_retour.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class CodeRetour:
    code: int
    sens: str
    faire: str  # empty: no public advice
    source: str
    confidence: str


def code_retour(code: int) -> CodeRetour | None:
    """What a code means (0 … 0xFFFF), or None when no public source says."""
    for first, last, row in _rows():
        if first <= code <= last:
            return CodeRetour(code, row["sens"], row.get("faire", ""), row["source"], row["confidence"])
    return None


@cache
def _rows() -> tuple[tuple[int, int, dict[str, str]], ...]:
    table = tomllib.loads((resources.files("tournee_protocol") / "data" / "codes_retour.toml").read_text("utf-8"))
    common = {"source": table["source"], "confidence": table["confidence"]}
    return tuple((int(r["code"], 16), int(r.get("to", r["code"]), 16), common | r) for r in table["code"])
