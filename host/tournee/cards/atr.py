"""Which card is it? By the ATR table (`data/atr.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class CardKind:
    """One row: `card` is `cps`, `vitale` or `other`; `pattern` the ATR in hex, `.` for any nibble."""

    kind: str
    card: str
    label: str
    pattern: str
    source: str
    confidence: str

    def matches(self, atr: bytes) -> bool:
        text = atr.hex().upper()
        return len(text) == len(self.pattern) and all(p in (".", c) for p, c in zip(self.pattern, text, strict=True))


@cache
def table() -> tuple[CardKind, ...]:
    rows = tomllib.loads(files("tournee.cards").joinpath("data/atr.toml").read_text("utf-8"))["card"]
    return tuple(
        CardKind(r["kind"], r["card"], r["label"], r["atr"].replace(" ", ""), r["source"], r["confidence"])
        for r in rows
    )


def recognise(atr: bytes) -> CardKind | None:
    """The first row that matches, None for a card that is in no row."""
    return next((row for row in table() if row.matches(atr)), None)
