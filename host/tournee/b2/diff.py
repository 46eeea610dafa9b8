"""What differs between two files: records added, removed, moved, and fields changed; lots and bills are matched by their numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from tournee.b2.read import Lu
from tournee.b2.sections import Sections
from tournee_protocol.layouts import Field


@dataclass(frozen=True, slots=True)
class Ecart:
    """`avant` or `apres` is None for a record that only one file has; `champs` names what changed in a record that both have.

    `deplaces` > 0: so many records, from this one on, stand elsewhere among those that both files have.
    """

    avant: Lu | None
    apres: Lu | None
    champs: tuple[Field, ...] = ()
    lot: str = ""
    facture: str = ""
    deplaces: int = 0


def comparer(avant: Sections, apres: Sections) -> Iterator[Ecart]:
    """Differences in order; none if and only if both files have the same records in the same order.

    Inside a bill (or another stretch that has a name) what is alike at both ends is left out, the rest matched by type and order.
    """
    for a, b, moved in _apparier(avant.cles, apres.cles):
        section = apres[b] if b is not None else avant[a or 0]
        old = avant.octets(a) if a is not None else b""
        new = apres.octets(b) if b is not None else b""
        if old == new and not moved:
            continue
        olds = avant.lus(a) if a is not None else []
        news = apres.lus(b) if b is not None else []
        if moved:
            yield Ecart(olds[0], news[0], (), section.lot, section.facture, len(news))
        for x, y, elsewhere in _records(olds, news) if old != new else ():
            changed = _changed(x, y) if x and y and x.text != y.text else ()
            if not x or not y or elsewhere or x.text != y.text:
                yield Ecart(x, y, changed, section.lot, section.facture, int(elsewhere))


def _records(old: list[Lu], new: list[Lu]) -> Iterator[tuple[Lu | None, Lu | None, bool]]:
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and old[start].text == new[start].text:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end].text == new[-1 - end].text:
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    for a, b, moved in _apparier(_types(old), _types(new)):
        yield (old[a] if a is not None else None), (new[b] if b is not None else None), moved


def _types(lus: list[Lu]) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    made = []
    for lu in lus:
        type_ = lu.made.record.type if lu.made else "?"
        made.append((type_, seen[type_]))
        seen[type_] += 1
    return made


def _apparier(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int | None, int | None, bool]]:
    """Places of equal keys, in order of `new`, what only `old` has at its place between; True: moved. No key comes twice in one list."""
    places = {key: i for i, key in enumerate(old)}
    pairs = [places.get(key) for key in new]
    common = {i for i in pairs if i is not None}
    stayed = _longest_rise([i for i in pairs if i is not None])
    at = 0
    for b, a in enumerate(pairs):
        if a in stayed:
            assert a is not None
            yield from ((i, None, False) for i in range(at, a) if i not in common)
            at = a + 1
        yield a, b, a is not None and a not in stayed
    yield from ((i, None, False) for i in range(at, len(old)) if i not in common)


def _longest_rise(numbers: list[int]) -> set[int]:
    """A longest selection that only rises; what is not in it has moved."""
    ends: list[int] = []  # ends[n]: the smallest end of a rise of n + 1 numbers
    before: dict[int, int | None] = {}
    for number in numbers:
        place = bisect_left(ends, number)
        before[number] = ends[place - 1] if place else None
        ends[place : place + 1] = [number]
    rise: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        rise.add(last)
        last = before[last]
    return rise


def _changed(old: Lu, new: Lu) -> tuple[Field, ...]:
    fields = old.made.record.fields if old.made else ()
    return tuple(f for f in fields if old.text[f.pos - 1 : f.end] != new.text[f.pos - 1 : f.end])
