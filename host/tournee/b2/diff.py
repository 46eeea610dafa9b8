"""What differs between two files: records added, removed, and fields changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from tournee.b2.read import Lu
from tournee_protocol.layouts import Field


@dataclass(frozen=True, slots=True)
class Ecart:
    """`avant` or `apres` is None for a record that only one file has; `champs` names what changed in a record that both have."""

    avant: Lu | None
    apres: Lu | None
    champs: tuple[Field, ...] = ()


def comparer(avant: Sequence[Lu], apres: Sequence[Lu]) -> Iterator[Ecart]:
    """Differences in order. Records are matched by their text; inside a stretch that differs, by type and order."""
    matcher = SequenceMatcher(None, [lu.text for lu in avant], [lu.text for lu in apres], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield from _stretch(list(avant[a:b]), list(apres[c:d]))


def _stretch(old: list[Lu], new: list[Lu]) -> Iterator[Ecart]:
    types = SequenceMatcher(None, [_type(lu) for lu in old], [_type(lu) for lu in new], autojunk=False)
    for tag, a, b, c, d in types.get_opcodes():
        if tag == "equal":
            yield from (_changed(x, y) for x, y in zip(old[a:b], new[c:d], strict=True))
        else:
            yield from (Ecart(x, None) for x in old[a:b])
            yield from (Ecart(None, y) for y in new[c:d])


def _changed(old: Lu, new: Lu) -> Ecart:
    fields = old.made.record.fields if old.made else ()
    return Ecart(old, new, tuple(f for f in fields if old.text[f.pos - 1 : f.end] != new.text[f.pos - 1 : f.end]))


def _type(lu: Lu) -> str:
    return lu.made.record.type if lu.made else "?"
