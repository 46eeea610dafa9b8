"""How the C twin gets at the attributes of foreign objects: taken where they lie, or read by a loop compiled for a record.

Taken only where `getattr` would find the same without running a program's code. What a class holds is looked up in the dictionaries
of its line of ancestors: asking the class itself would let descriptors and metaclasses answer.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from types import MemberDescriptorType
from typing import Any
from weakref import ref

ASKED, SLOTS, ITEMS, DICT = range(4)
_mro, _dict, _dictoffset = (type.__dict__[name].__get__ for name in ("__mro__", "__dict__", "__dictoffset__"))
_Place: type = type(namedtuple("_Pair", "a b").a)  # type: ignore[attr-defined]

_REMEMBERED = 256  # classes
_AT_ONCE = 30  # arguments that CPython passes without making a list of them

Loop = Callable[[Callable[..., None], Iterable[Any]], None]


class Attributes:
    """`names[index]` are the valued fields of record `index`."""

    def __init__(self, names: Sequence[tuple[str, ...]]) -> None:
        self._names = names
        self._sets = [frozenset(n) for n in names]
        self._loops: dict[int, Loop] = {}
        self._asked: dict[tuple[int, int], ref[type]] = {}

    def way(self, index: int, cls: type) -> tuple[int, tuple[Any, ...], type]:
        """(way, a slot or a place in a tuple for each field, the class), for a class that looks attributes up as `object` does."""
        asked = self._asked.get((index, id(cls)))
        if asked is not None and asked() is cls:
            return ASKED, (), cls  # right whatever became of the class since
        found = _held(cls, self._sets[index], self._names[index])
        kinds = set(map(type, found))
        if kinds == {MemberDescriptorType}:
            return SLOTS, found, cls
        if kinds == {_Place} and tuple in _mro(cls):
            return ITEMS, tuple(place.__reduce__()[1][0] for place in found), cls
        # A dictionary of its own is there anyway; one that the interpreter would have to make first costs more than asking.
        if _dictoffset(cls) > 0 and not any(map(_sets, kinds)):
            return DICT, (), cls
        if len(self._asked) >= _REMEMBERED:
            self._asked.clear()
        self._asked[index, id(cls)] = ref(cls)
        return ASKED, (), cls

    def loop(self, index: int) -> Loop:
        """Calls `put` with the values of each object; attributes written out are what the interpreter reads quickest."""
        if index not in self._loops:
            values = [f"o.{name}" for name in self._names[index]]
            puts = [f"put({', '.join(values[i : i + _AT_ONCE])})" for i in range(0, len(values), _AT_ONCE)]
            scope: dict[str, Any] = {}
            exec(
                "\n".join(
                    ["def loop(put, objects):", " for o in objects:", *(f"  {put}" for put in puts or ["put()"])]
                ),
                scope,
            )
            self._loops[index] = scope["loop"]
        return self._loops[index]


def _held(cls: type, names: frozenset[str], order: tuple[str, ...]) -> tuple[Any, ...]:
    """What stands under each name in the class, untouched; nothing when it holds none of them."""
    lines = list(map(_dict, _mro(cls)))
    try:
        return tuple(map(lines[0].__getitem__, order))  # as a rule a class holds all of them or none
    except KeyError:
        held = [h for h in lines if not names.isdisjoint(h)]
        return tuple(next((h[name] for h in held if name in h), None) for name in order) if held else ()


def _sets(cls: type) -> bool:
    """Descriptors of this class come before the object's own dictionary."""
    return any(name in _dict(c) for c in _mro(cls) for name in ("__set__", "__delete__"))
