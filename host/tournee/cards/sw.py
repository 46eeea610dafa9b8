"""Status words in words (`data/sw.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


def explain(sw: int) -> str:
    """In English, for hardware and QA; « unknown » for a word that is in no row."""
    text = f"{sw:04X}"
    for pattern, meaning in _rows():
        if all(p in ("X", c) for p, c in zip(pattern, text, strict=True)):
            return meaning
    return "unknown status word"


@cache
def _rows() -> tuple[tuple[str, str], ...]:
    rows = tomllib.loads(files("tournee.cards").joinpath("data/sw.toml").read_text("utf-8"))["sw"]
    return tuple((row["sw"], row["text"]) for row in rows)
