"""Objects that a program may hand over by mistake or by malice: the twins give the same bytes or raise the same."""

from __future__ import annotations

import ctypes
import enum
import functools
import weakref
from collections import namedtuple
from types import MethodType, ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from tests.unit.test_b2_objects import LINE, WIDE, values_of
from tests.unit.test_b2_twins_inputs import outcome
from tournee.b2.plan import RecordPlan, plan
from tournee.b2.pytwin import PyCodec
from tournee_sim.pytest_plugin import need


class _Refusing(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("the class was asked")


class _WithMeta(SimpleNamespace, metaclass=_Refusing):
    pass


class _Evil(str):
    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = str.__hash__


class _Color(enum.Enum):
    RED = 1


def _descriptor(*names: str) -> Any:
    """With these methods beside `__get__`."""
    return type("Descriptor", (), {"__get__": lambda self, o, t: "7", **dict.fromkeys(names, lambda *_: None)})()


def _with(made: Any, values: dict[str, Any]) -> Any:
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _keyed(*pairs: tuple[Any, Any]) -> SimpleNamespace:
    made = SimpleNamespace()
    for key, value in pairs:
        made.__dict__[key] = value
    return made


def strange(values: dict[str, Any]) -> dict[str, Any]:
    """By name, each made anew."""
    first, *others = values
    rest = {n: values[n] for n in others}
    other: Any = namedtuple("other", list(values))  # type: ignore[misc]
    slots: Any = type("Slots", (), {"__slots__": list(values)})
    fields = [(n, ctypes.py_object) for n in values]
    struct: Any = type("Struct", (ctypes.Structure,), {"_fields_": fields})

    def space(**held: Any) -> Any:
        return type("Space", (SimpleNamespace,), held)(**values)

    def of(base: type, *args: Any) -> Any:
        return _with(type("Sub", (base,), {})(*args), values)

    liar = type(
        "Liar", (SimpleNamespace,), {"__class__": property(lambda self: int), "__dict__": property(lambda self: {})}
    )
    owner = _with(type("Owner", (), {})(), values)
    return {
        "a metaclass that refuses": _WithMeta(**values),
        "a function": _with(lambda: None, values),
        "a module": _with(ModuleType("m"), values),
        "an exception": _with(Exception(), values),
        "a member of an enum": _with(_Color.RED, values),
        "a class": _with(type("T", (), {}), values),
        "a class with slots": slots,
        "a mock": _with(Mock(), values),
        "a mock that answers anything": Mock(),
        "a method in the class": space(**{first: MethodType(lambda self: "x", 3)}),
        "a descriptor that does not set": space(**{first: _descriptor()}),
        "a descriptor that sets": type("S", (SimpleNamespace,), {first: _descriptor("__set__")})(**rest),
        "a descriptor that deletes": type("S", (SimpleNamespace,), {first: _descriptor("__delete__")})(**rest),
        "an object that has __set__ for itself": space(**{first: _with(_descriptor(), {"__set__": lambda *_: None})}),
        "places of another class in a tuple": type("Tup", (tuple,), {n: getattr(other, n) for n in values})(
            values.values()
        ),
        "the same, too short": type("Tup", (tuple,), {n: getattr(other, n) for n in values})((1, 2)),
        "places in no tuple": type("No", (), {n: getattr(other, n) for n in values})(),
        "a NamedTuple that answers itself": type("Own", (other,), {"__getattribute__": object.__getattribute__})(
            *values.values()
        ),
        "slots of another class": type("No", (), {n: getattr(slots, n) for n in values})(),
        "slots and a dictionary": _with(type("Sub", (slots,), {})(), values),
        "a slot hidden by a value": _with(type("Sub", (slots,), {first: values[first]})(), rest),
        "empty slots": slots(),
        "a structure of C": _with(struct(), values),
        "an empty structure of C": struct(),
        "one that lies about class and dictionary": liar(**values),
        "a proxy": weakref.proxy(owner),
        "its owner": owner,
        "a partial": _with(functools.partial(int), values),
        "a dict": of(dict),
        "a list": of(list),
        "a tuple": of(tuple, (1, 2, 3)),
        "an int": of(int, 5),
        "a long int": of(int, 5**90),
        "bytes": of(bytes, b"abcdef"),
        "a text": of(str, "abc"),
        "keys that are no texts": _keyed((5, 6), *values.items()),
        "a key that refuses to compare": _keyed((_Evil(first), 1), *rest.items()),
        "the same, last": _keyed(*rest.items(), (_Evil(first), 1)),
        "None": None,
        "a number": 3,
        "a text alone": "x",
        "a generator": (x for x in ()),
    }


@pytest.mark.parametrize("made", [LINE, WIDE], ids=["line", "wide"])
def test_strange_objects(made: RecordPlan) -> None:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    python = PyCodec(plan("sv-sim-1"))
    twins = [CCodec(python.plan), CCodec(python.plan, quick=False)]
    good = SimpleNamespace(**values_of(made))
    for name, one in strange(values_of(made, 3)).items():
        for objects in ([one], [one, one], [good, one, good], [one, good]):
            expected = outcome(python.encode_objects, made.index, objects)
            for twin in twins:
                for _ in range(12):  # the interpreter learns
                    assert outcome(twin.encode_objects, made.index, objects) == expected, name
