"""Both twins give the same bytes and the same typed errors, on good, hostile and mutated records."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import make_dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.errors import B2Error
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.scan import scan, scan_python, scan_quick
from tournee_protocol.layouts import Field, Kind, profile_names
from tournee_sim.pytest_plugin import need

_TIMES = float(os.environ.get("TOURNEE_FUZZ", "1"))
_PROFILES = ("b2-cp", "noemie", "sv-sim-1")
_LETTERS = {Kind.D: "0123456789", Kind.I: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def times(examples: int) -> int:
    return max(1, round(examples * _TIMES))


class _Both:
    """The C twin twice, once asking the interpreter for every value: they agree, or the test has failed."""

    def __init__(self, profile: str) -> None:
        from tournee.b2.ctwin import CCodec

        self._quick, self._asking = CCodec(plan(profile)), CCodec(plan(profile), quick=False)

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            kept = [list(a) if isinstance(a, Iterator) else a for a in args]
            assert outcome(getattr(self._asking, name), *kept) == outcome(getattr(self._quick, name), *kept)
            return getattr(self._quick, name)(
                *(iter(k) if isinstance(a, Iterator) else k for a, k in zip(args, kept, strict=True))
            )

        return call


@cache
def _twins(profile: str) -> tuple[PyCodec, Any]:
    need("ctwin")
    return PyCodec(plan(profile)), _Both(profile)


def outcome(call: Any, *args: Any) -> Any:
    try:
        return call(*args)
    except B2Error as error:
        return error.key, str(error), error.remedy, error.value


def good(rng: Random, field: Field, text: str) -> Any:
    if field.blank and rng.random() < 0.3:
        return None
    if field.kind is Kind.N:
        return rng.randrange(10 ** rng.randint(1, field.len))
    if field.kind is Kind.A:
        return "".join(rng.choices(text, k=rng.randint(0, field.len))).rstrip(" ")
    return "".join(rng.choices(_LETTERS[field.kind], k=field.len))


def _hostile(rng: Random) -> Any:
    return rng.choice(
        [
            None,
            True,
            -1,
            -(10**20),
            10**20,
            10**18,
            10**9,
            1.5,
            b"1",
            [],
            "",
            " ",
            "      ",
            "\x00",
            "\ud800",
            "é",
            "0123456789",
            "0" * rng.randint(1, 50),
            " 12",
            "1 ",
            "a",
            "Z",
            "@",
            "x" * rng.randint(1, 50),
            "é" * rng.randint(1, 50),
            "\x7f",
            "１",
        ]
    )


def _record(rng: Random, profile: str, *, hostile: bool = False) -> Any:
    made = rng.choice(plan(profile).records)
    fields = made.record.valued
    values = [good(rng, f, plan(profile).profile.text) for f in fields]
    for _ in range(rng.randint(1, 3) if hostile else 0):
        values[rng.randrange(len(values))] = _hostile(rng)
    return made.cls(*values)


@pytest.mark.parametrize("profile", _PROFILES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(100), deadline=None)
def test_good_records(profile: str, seed: int) -> None:
    python, c = _twins(profile)
    rng = Random(seed)
    records = [_record(rng, profile) for _ in range(rng.randint(0, 4))]
    encoded = python.encode(records)
    assert c.encode(records) == encoded
    assert c.encode(iter(records)) == encoded
    assert python.decode(encoded) == records == c.decode(encoded)
    assert [type(r) for r in c.decode(encoded)] == [type(r) for r in records]


@pytest.mark.parametrize("profile", _PROFILES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(150), deadline=None)
def test_hostile_records(profile: str, seed: int) -> None:
    python, c = _twins(profile)
    rng = Random(seed)
    records = [_record(rng, profile, hostile=True) for _ in range(3)]
    assert outcome(c.encode, records, 7) == outcome(python.encode, records, 7)
    for record in records:
        index = python.plan.by_class[type(record)].index
        assert outcome(c.encode_rows, index, [tuple(record)]) == outcome(python.encode_rows, index, [tuple(record)])
        assert outcome(c.encode_objects, index, [record]) == outcome(python.encode_objects, index, [record])


@pytest.mark.parametrize("profile", _PROFILES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(150), deadline=None)
def test_mutated_bytes(profile: str, seed: int) -> None:
    python, c = _twins(profile)
    rng = Random(seed)
    raw = bytearray(python.encode([_record(rng, profile) for _ in range(rng.randint(1, 3))]))
    for _ in range(rng.randint(0, 3)):
        raw[rng.randrange(len(raw))] = rng.choice([rng.randrange(256), *b"0 @AZS9"])
    cut = rng.choice([len(raw), rng.randint(0, len(raw))])
    assert outcome(c.decode, bytes(raw[:cut])) == outcome(python.decode, bytes(raw[:cut]))


@pytest.mark.parametrize("profile", _PROFILES)
@given(raw=st.binary(max_size=600))
@settings(max_examples=times(100), deadline=None)
def test_random_bytes(profile: str, raw: bytes) -> None:
    python, c = _twins(profile)
    assert outcome(c.decode, raw) == outcome(python.decode, raw)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(150), deadline=None)
def test_columns(seed: int) -> None:
    python, c = _twins("sv-sim-1")
    rng = Random(seed)
    made = rng.choice(python.plan.records)
    count = rng.randint(0, 4)
    columns: list[Any] = []
    for field in made.record.valued:
        if rng.random() < 0.2:
            columns.append(good(rng, field, python.plan.profile.text))
        elif rng.random() < 0.03:
            columns.append(_hostile(rng))
        elif field.kind is Kind.N:
            columns.append(
                array(
                    "q",
                    [
                        rng.randint(rng.choice([0, 0, 0, -1]), 10**field.len - rng.choice([1, 1, 1, 0]))
                        for _ in range(count)
                    ],
                )
            )
        else:
            width = rng.choice([field.len] * 8 + [field.len + 1, max(field.len - 1, 1)])
            values = [(good(rng, field, python.plan.profile.text) or "").encode("ascii")[:width] for _ in range(count)]
            columns.append(b"".join(v.ljust(width, b"\0") for v in values))
    if rng.random() < 0.05:
        columns.pop()
    arguments = (made.index, columns, count, 3)
    assert outcome(c.encode_columns, *arguments) == outcome(python.encode_columns, *arguments)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(100), deadline=None)
def test_objects_of_several_kinds(seed: int) -> None:
    """Slots, dictionaries, properties and NamedTuples in turn, some without an attribute."""
    python, c = _twins("sv-sim-1")
    rng = Random(seed)
    made = python.plan.records[4]
    names = [f.name for f in made.record.valued]
    slotted = make_dataclass("Slotted", names, slots=True)
    plain = make_dataclass("Plain", names)
    computed = type("Computed", (plain,), {names[3]: property(lambda self: 7, lambda self, value: None)})
    values = [[good(rng, f, python.plan.profile.text) for f in made.record.valued] for _ in range(2)]
    if rng.random() < 0.3:
        values[0][rng.randrange(len(names))] = _hostile(rng)
    objects = [rng.choice([slotted, plain, computed, made.cls])(*rng.choice(values)) for _ in range(6)]
    assert outcome(c.encode_objects, made.index, objects) == outcome(python.encode_objects, made.index, objects)
    unset = slotted(*values[1])
    del unset.numero_facture
    for codec in (python, c):
        with pytest.raises(AttributeError):
            codec.encode_objects(made.index, [unset])


def test_wrong_arity_and_foreign_objects() -> None:
    python, c = _twins("sv-sim-1")
    short = tuple.__new__(python.plan.records[0].cls, ())
    for call in ("encode",):
        for records in ([short], [object()], [()], [1], [None]):
            assert outcome(getattr(c, call), records) == outcome(getattr(python, call), records)
    for rows in ([()], [[1]], [None]):
        assert outcome(c.encode_rows, 0, rows) == outcome(python.encode_rows, 0, rows)
    with pytest.raises(IndexError):
        c.encode_rows(99, [])
    with pytest.raises(AttributeError):
        c.encode_objects(0, [object()])


def test_every_layout_is_fuzzed() -> None:
    assert set(_PROFILES) <= set(profile_names())


@pytest.mark.parametrize("profile", ["b2-cp", "noemie", "sv-sim-1"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=times(150), deadline=None)
def test_scan_of_mutated_files(profile: str, seed: int) -> None:
    """A digit changed, a record dropped, doubled, moved or cut: the same first fault, or the same counts."""
    python, _ = _twins(profile)
    from tournee.b2.ctwin import CCodec

    rng = Random(seed)
    raw = _file(profile)
    lines = [raw[i : i + 128] for i in range(0, len(raw), 128)] if profile != "noemie" else _entities(raw)
    for _ in range(rng.choice([0, 1, 1, 2])):
        at = rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                line = bytearray(lines[at])
                if line:  # a cut may have left nothing
                    line[rng.randrange(len(line))] = rng.choice(b"0123456789 ANPST")
                lines[at] = bytes(line)
            case 1:
                del lines[at]
            case 2:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 3:
                lines.append(lines.pop(at))
            case _:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    data = b"".join(lines)
    expected = outcome(scan_python, python, data)
    assert outcome(scan, data, profile) == expected
    for quick in (True, False):
        assert outcome(scan_quick, CCodec(plan(profile), quick=quick), data) == expected


def test_scan_of_good_files() -> None:
    for profile in ("b2-cp", "noemie", "sv-sim-1"):
        python, _ = _twins(profile)
        assert scan(_file(profile), profile) == scan_python(python, _file(profile))
        assert scan(b"", profile) == {}


def _file(profile: str) -> bytes:
    golden = Path(__file__).resolve().parents[1] / "golden"
    if profile == "sv-sim-1":
        lots = tuple(
            Lot(numero_lot=n, date_lot=JOUR, factures=(signee(2 * n), signee(2 * n + 1)), signatures=(signature(),))
            for n in (1, 2)
        )
        return fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots))
    name = "b2_cp_sample.txt" if profile == "b2-cp" else "noemie_580.txt"
    return (golden / name).read_text("ascii").replace("\n", "").encode("ascii")


def _entities(raw: bytes) -> list[bytes]:
    head, body, tail = raw[:128], raw[128:-128], raw[-128:]
    return [head, *(part + b"@" for part in body.split(b"@")[:-1]), tail]
