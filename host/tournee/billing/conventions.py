"""The convention of a complementary fund: first row that matches its number and the secondary criterion."""

from __future__ import annotations

from tournee.billing.tables import Row, tables


def convention(numero: str, critere: str = "") -> Row | None:
    """Row of conventions.toml, or None when the fund has no convention."""
    for row in tables().conventions:
        wanted = row.data["critere"]
        if matches(row.data["numero"], numero) and (wanted == "*" or matches(wanted, critere)):
            return row
    return None


def matches(pattern: str, text: str) -> bool:
    """ "94???????" takes nine characters that begin with 94 [IMPL MDT]."""
    return len(pattern) == len(text) and all(p in ("?", c) for p, c in zip(pattern, text, strict=True))
