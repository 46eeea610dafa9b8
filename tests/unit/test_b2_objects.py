"""Objects of any class: the C twin takes or asks for attributes, and finds what `getattr` finds, in its order, once each."""

from __future__ import annotations

import gc
import sys
import weakref
from collections import namedtuple
from collections.abc import Callable
from dataclasses import make_dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.test_b2_twins_inputs import outcome
from tournee.b2.errors import B2Error
from tournee.b2.plan import RecordPlan, plan
from tournee.b2.pytwin import PyCodec
from tournee_protocol.layouts import Kind
from tournee_sim.pytest_plugin import need

_PROFILE = "sv-sim-1"
_MADE = {made.record.type: made for made in plan(_PROFILE).records}
LINE, WIDE = _MADE["4"], _MADE["2"]  # 25 values; 32, more than the interpreter passes at once

pytestmark = pytest.mark.parametrize("made", [LINE, WIDE], ids=["line", "wide"])


@pytest.fixture
def twins() -> tuple[PyCodec, Any, Any]:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    return PyCodec(plan(_PROFILE)), CCodec(plan(_PROFILE)), CCodec(plan(_PROFILE), quick=False)


def _names(made: RecordPlan) -> list[str]:
    return [sys.intern(f.name) for f in made.record.valued]


def values_of(made: RecordPlan, seed: int = 0) -> dict[str, Any]:
    """Values that no two objects share, other than those too short for it."""
    return {
        sys.intern(f.name): (10**f.len // 7 + seed) % 10**f.len if f.kind is Kind.N else f"{seed % 10**f.len:0{f.len}d}"
        for f in made.record.valued
    }


_Plain = type("Plain", (), {})


def _plain(values: dict[str, Any], cls: type = _Plain) -> Any:
    made = cls.__new__(cls)
    made.__dict__.update(values)
    return made


def _one_by_one(values: dict[str, Any]) -> Any:
    made = type("Plain", (), {})()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _turned(values: dict[str, Any]) -> Any:
    return namedtuple("Turned", ["more", *reversed(values)])(7, *reversed(values.values()))  # type: ignore[misc]


def _computed(values: dict[str, Any]) -> Any:
    """Each value is made anew: an address that comes twice is another value."""
    return type(
        "Computed",
        (),
        {
            n: property(lambda self, v=v: v + 10**9 - 10**9 if isinstance(v, int) else "".join(list(v)))
            for n, v in values.items()
        },
    )()


def _asked(values: dict[str, Any]) -> Any:
    return type("Asked", (), {"__getattr__": lambda self, name: values[name]})()


def _overruled(values: dict[str, Any]) -> Any:
    cls = type(
        "Overruled",
        (),
        {
            "__getattribute__": lambda self, name: (
                values[name] if name in values else object.__getattribute__(self, name)
            )
        },
    )
    return _plain(dict.fromkeys(values, "not this"), cls)


def _by_class(values: dict[str, Any]) -> Any:
    return type("ByClass", (), values)()


def _some_by_class(values: dict[str, Any]) -> Any:
    """The class has every second value, an object's own come first."""
    odd = dict(list(values.items())[1::2])
    return _plain(dict(list(values.items())[::2]), type("Some", (), odd))


def _shadowed(values: dict[str, Any]) -> Any:
    return _plain(values, type("Shadowed", (), dict.fromkeys(values, "not this")))


def _governed(values: dict[str, Any]) -> Any:
    """Data descriptors come before a dictionary of the object's own, here one that the interpreter does not manage."""
    cls = type("Governed", (SimpleNamespace,), {n: property(lambda self, v=v: v) for n, v in values.items()})
    made = cls()
    made.__dict__.update(dict.fromkeys(values, "not this"))
    return made


def _mixed_slots(values: dict[str, Any]) -> Any:
    names = list(values)
    base = type("Base", (), {"__slots__": names[:9]})
    made = type("Mixed", (base,), {})()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _longer_tuple(values: dict[str, Any]) -> Any:
    base = namedtuple("base", list(values))  # type: ignore[misc]
    return type("Longer", (base,), {"__slots__": ()})(*values.values())


def _tuple_overruled(values: dict[str, Any]) -> Any:
    base = namedtuple("base", list(values))  # type: ignore[misc]
    first = next(iter(values))
    return type("Longer", (base,), {first: property(lambda self: values[first])})(
        "not this", *list(values.values())[1:]
    )


def _read_before(values: dict[str, Any]) -> Any:
    """The interpreter has made the dictionary already."""
    made = _one_by_one(values)
    assert vars(made) == values
    return made


def _backwards(values: dict[str, Any]) -> Any:
    return SimpleNamespace(**dict(reversed(values.items())))


def _other_names(values: dict[str, Any]) -> Any:
    """The names in the dictionary are equal, not the same objects; one is of a subclass."""
    name = type("Name", (str,), {})
    made = SimpleNamespace()
    made.__dict__.update({name(n) if i == 3 else "".join(list(n)): v for i, (n, v) in enumerate(values.items())})
    return made


KINDS: list[Callable[[dict[str, Any]], Any]] = [
    lambda values: make_dataclass("Slots", values, slots=True)(**values),
    lambda values: make_dataclass("Data", values)(**values),
    lambda values: make_dataclass("Frozen", values, frozen=True)(**values),
    lambda values: SimpleNamespace(**values),
    _plain,
    _one_by_one,
    _turned,
    _computed,
    _asked,
    _overruled,
    _by_class,
    _some_by_class,
    _shadowed,
    _governed,
    _mixed_slots,
    _longer_tuple,
    _tuple_overruled,
    _read_before,
    _backwards,
    _other_names,
]


def test_every_kind_of_object(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    for kind in KINDS:
        objects = [kind(values_of(made, seed)) for seed in (1, 2, 3, 3)]
        expected = PyCodec(plan(_PROFILE)).encode_rows(
            made.index, [tuple(values_of(made, s).values()) for s in (1, 2, 3, 3)]
        )
        for codec in twins:
            for _ in range(20):  # the interpreter learns
                assert codec.encode_objects(made.index, objects) == expected, kind


def test_kinds_in_turn(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    objects = [kind(values_of(made, seed)) for seed in range(9) for kind in KINDS[seed:] + KINDS[:seed]]
    expected = twins[0].encode_objects(made.index, objects)
    assert len(expected) == 128 * len(objects)
    for codec in twins[1:]:
        assert codec.encode_objects(made.index, objects) == expected
        assert codec.encode_objects(made.index, iter(objects)) == expected
        assert codec.encode_objects(made.index, []) == b""


@pytest.mark.parametrize("kind", KINDS, ids=range(len(KINDS)))
@pytest.mark.parametrize("wrong", [-1, "é", 10**30, None, object()])
def test_the_first_fault_in_order_of_the_objects(
    made: RecordPlan, twins: tuple[Any, ...], kind: Any, wrong: Any
) -> None:
    """A wrong value in the second object, a missing one in the third: the wrong value is told, with its number."""
    last = _names(made)[-1]
    objects = [kind(values_of(made, 1)), kind(values_of(made, 2) | {last: wrong}), SimpleNamespace()]
    expected = outcome(twins[0].encode_objects, made.index, objects, 5)
    for codec in twins[1:]:
        assert outcome(codec.encode_objects, made.index, objects, 5) == expected
    if not isinstance(wrong, int | str):
        return
    with pytest.raises(B2Error) as caught:
        twins[1].encode_objects(made.index, objects, 5)
    assert "6" in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [SimpleNamespace, type("Plain", (), {}), type("Slots", (), {"__slots__": _names(LINE) + _names(WIDE)[:1]})],
)
def test_what_is_missing_is_said_by_the_object(made: RecordPlan, twins: tuple[Any, ...], kind: type) -> None:
    last = _names(made)[-1] if kind.__name__ != "Slots" or made is LINE else "civilite"
    first = SimpleNamespace(**values_of(made))
    for codec in twins:
        with pytest.raises(AttributeError) as caught:
            codec.encode_objects(made.index, [first, kind()])
        assert caught.value.name in (_names(made)[0], last)


def test_an_error_of_the_program_passes_and_nothing_is_asked_twice(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    class Mine(Exception):
        pass

    asked: list[tuple[int, str]] = []

    def reader(name: str) -> Any:
        def read(self: Any) -> Any:
            asked.append((self.number, name))
            if (self.number, name) == (2, _names(made)[-1]):
                raise Mine(name)
            return values_of(made, self.number)[name]

        return property(read)

    cls = type(
        "Asked",
        (),
        {n: reader(n) for n in _names(made)} | {"__init__": lambda self, number: setattr(self, "number", number)},
    )
    for codec in twins:
        asked.clear()
        with pytest.raises(Mine, match=_names(made)[-1]):
            codec.encode_objects(made.index, [SimpleNamespace(**values_of(made)), *map(cls, (0, 1, 2, 3))])
        assert asked == [(number, name) for number in (0, 1, 2) for name in _names(made)]


def test_a_list_that_changes_and_a_class_that_changes(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    name = _names(made)[0]

    class Plain(SimpleNamespace):
        pass

    objects: list[Any] = []

    def changes(self: Any) -> Any:
        objects.clear()
        setattr(Plain, name, property(lambda self: "2", lambda self, value: None))
        return values_of(made)[name]

    cls = type("Changes", (), {n: v for n, v in values_of(made).items() if n != name} | {name: property(changes)})
    got = []
    for codec in twins:
        if name in vars(Plain):
            delattr(Plain, name)
        objects[:] = [Plain(**values_of(made, 1)), cls(), Plain(**values_of(made, 1))]
        got.append(outcome(codec.encode_objects, made.index, tuple(objects)))
        objects[:] = [cls(), cls()]
        assert len(codec.encode_objects(made.index, list(objects))) == 256
    assert got[0] == got[1] == got[2]
    assert got[0][:128] != got[0][256:]


def test_a_class_that_was_known_gets_properties(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    name = _names(made)[0]
    for codec in twins:
        for base in (SimpleNamespace, object):
            cls = type("Later", (base,), {})
            objects = [_plain(values_of(made, 1), cls)]
            before = codec.encode_objects(made.index, objects)
            setattr(cls, name, property(lambda self: "2"))
            after = twins[0].encode_objects(made.index, objects)
            assert before != after == codec.encode_objects(made.index, objects)


def test_a_program_that_finds_the_writer_spoils_nothing(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    found: list[Any] = []
    row = tuple(values_of(made).values())

    def spy(self: Any) -> Any:
        put = sys._getframe(1).f_locals.get("put")
        if put is not None:
            found.append(put)
            for values in (row, (), row[:3], row * 2, row[:3]):
                try:
                    put(*values)
                except RuntimeError:
                    continue
        return row[0]

    cls = type("Spy", (), values_of(made) | {_names(made)[0]: property(spy)})
    for codec in twins[1:]:
        with pytest.raises(RuntimeError, match="the twin's own"):
            codec.encode_objects(made.index, [cls(), cls()])
    assert found
    for put in found:
        with pytest.raises(RuntimeError):
            put(*row)
            put(*row)
    gc.collect()


def test_nothing_is_kept(made: RecordPlan, twins: tuple[Any, ...]) -> None:
    """Neither values nor objects, after a good call and after a failed one; a class may go too."""
    marker = "".join(["9", "9"])
    for codec in twins[1:]:
        for kind in KINDS:
            names = [f.name for f in made.record.valued if f.kind is not Kind.N and f.len > 1]
            values = values_of(made) | dict.fromkeys(names, marker)
            objects = [kind(values), kind(values)]
            objects.append(kind(values | {_names(made)[-1]: object()}))
            outcome(codec.encode_objects, made.index, objects[:2])
            outcome(codec.encode_objects, made.index, objects)
            gc.collect()
            kept = sys.getrefcount(marker)
            for _ in range(20):
                outcome(codec.encode_objects, made.index, objects[:2])
                outcome(codec.encode_objects, made.index, objects)
            gc.collect()
            assert sys.getrefcount(marker) <= kept, kind
        cls = type("Gone", (), values_of(made))
        codec.encode_objects(made.index, [cls()])
        gone = weakref.ref(cls)
        del cls
        gc.collect()
        assert gone() is None
    assert codec.encode_objects(made.index, [type("Many", (), values_of(made))() for _ in range(300)])
