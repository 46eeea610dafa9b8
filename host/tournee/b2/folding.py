"""Makes a text fit for a field of kind A: accents, ligatures and typographic signs folded by rule, with a list of what was folded.

Nothing is cut and nothing is dropped: what has no rule stays, and the encoder then refuses it by name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from tournee.b2.model import Facture

_SIGNS = {
    "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-",
    "…": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "°": "o", "€": "EUR",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pli:
    """One character that was folded. Holds no more of the text than that character."""

    champ: str
    position: int  # 1-based in the text given
    avant: str
    apres: str


def plier(text: str, champ: str = "", *, capitales: bool = False) -> tuple[str, list[Pli]]:
    """The folded text and what was folded; a text may grow ("œ" → "oe"). `capitales` also gives upper case, which is not listed."""
    out: list[str] = []
    plis: list[Pli] = []
    for position, char in enumerate(unicodedata.normalize("NFC", text), 1):
        folded = char if char.isascii() else _fold(char)
        if folded != char:
            plis.append(Pli(champ, position, char, folded))
        out.append(folded)
    joined = "".join(out)
    return (joined.upper() if capitales else joined), plis


def plier_facture(facture: Facture) -> tuple[Facture, list[Pli]]:
    """The bill with its free texts folded."""
    changed: dict[str, Any] = {}
    plis: list[Pli] = []
    for name in _texts(facture):
        value, found = plier(getattr(facture, name), name)
        plis += found
        if found:
            changed[name] = value
    return (replace(facture, **changed) if changed else facture), plis


def _texts(facture: Facture) -> Iterable[str]:
    return (f.name for f in fields(facture) if isinstance(getattr(facture, f.name), str))


def _fold(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    # NFD only: compatibility forms (full-width digits, superscripts) are other characters, not accents.
    bare = "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))
    return bare if bare.isascii() and bare else char
