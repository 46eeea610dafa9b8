"""Tables made at random: fields of every kind and length at every place, whatever the C twin's pass over them takes at once.

What `scan` and `decode` find must be what the Python twin finds, with and without the processor's wider registers.
"""

from __future__ import annotations

import string
from collections import Counter, namedtuple
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.test_b2_twins import good, outcome, times
from tournee.b2.errors import B2Error, Problem
from tournee.b2.plan import Plan, make_plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.scan import scan_python, scan_quick
from tournee_protocol.layouts import Check, Field, Framing, Kind, Profile, Record, Term
from tournee_protocol.layouts.model import Same
from tournee_sim.pytest_plugin import need

_ALL = "".join(chr(c) for c in range(32, 127))
_TEXTS = (
    _ALL,
    _ALL.replace("@", ""),
    _ALL.replace("~", ""),
    _ALL.replace("A", "").replace("z", ""),
    string.digits + " ",
)
_SPOILT = b"\x00 !/0159:;?@AMNZ[az~\x7f\x80\xa0\xff"
_SIZE = 512


def _field(name: str, pos: int, length: int, kind: Kind, *, const: str = "", blank: bool = False) -> Field:
    return Field(name, pos, length, kind, "", "", "high", const=const, blank=blank)


def _record(rng: Random, type_: str, size: int | None) -> Record:
    """Of `size` bytes, or of any that has room for its code and one field; the last byte of an entity is `@`."""
    key = type_ if size is None else type_[0]
    end = rng.choice([rng.randint(5, 40), rng.randint(5, _SIZE), 32 * rng.randint(1, 16) + rng.choice([-1, 0, 1])])
    end = size or min(max(end, len(key) + 2), _SIZE)
    fields = [_field("", 1, len(key), Kind.C, const=key)]
    last, signed = end - (size is None), rng.random() < 0.6
    while fields[-1].end < last:
        pos, room = fields[-1].end + 1, last - fields[-1].end
        kind = rng.choice([Kind.N, Kind.N, Kind.D, Kind.I, Kind.A, Kind.C])
        if len(fields) > 110 or (kind is Kind.C and room < 12):
            kind = Kind.A
        length = min(
            room,
            rng.choice([1, 2, 3, 4, 7, 8, 9, 13, 16, 17, 18] if kind is Kind.N else [1, 3, 8, 9, 16, 31, 32, 33, 70]),
        )
        if len(fields) > 110:
            length = room
        if len(fields) < 3 and signed and room > 20:  # a sign, then its amount
            kind, length = (Kind.A, 1) if len(fields) == 1 else (Kind.N, rng.randint(5, 18))
        const = rng.choice(["", "X"]) if kind is Kind.C else ""
        name = "" if kind is Kind.C else f"f{pos}"
        blank = kind in (Kind.N, Kind.D, Kind.I) and rng.random() < 0.4
        fields.append(_field(name, pos, length, kind, const=const, blank=blank))
    if size is None:
        fields.append(_field("", end, 1, Kind.C, const="@"))
    if not any(f.name for f in fields):
        fields[1] = replace(fields[1], name="f", kind=Kind.A)
    return Record(type_, f"R{type_}", "", tuple(fields), "", "high")


def _plan(rng: Random) -> Plan:
    """Two records; the second tells totals of the first and repeats what lies in both alike, or its identifiers of another width."""
    fixed = rng.random() < 0.5
    types = ("1", "2") if fixed else ("100", "200")
    one = _record(rng, types[0], 128 if fixed else None)
    two = _record(rng, types[1], 128 if fixed else None)
    if rng.random() < 0.5:  # the same fields behind the code
        two = replace(two, fields=(two.fields[0], *one.fields[1:]))
    numbers = [[f for f in r.valued if f.kind is Kind.N] for r in (one, two)]
    signs = [[f.name for f in r.valued if f.kind is Kind.A and f.len == 1] or [""] for r in (one, two)]
    checks = [
        Check(
            types[1],
            rng.choice(numbers[1]).name,
            types[0],
            exclusive=rng.random() < 0.5,
            sign_field=signs[1][0],
            terms=tuple(
                Term(types[0], f.name, rng.choice([1, -1]), signs[0][0])
                for f in rng.choices(numbers[0], k=rng.randint(1, 3))
            ),
        )
        for _ in range(rng.randint(0, 2) if all(numbers) else 0)
    ]
    if numbers[1] and rng.random() < 0.3:
        checks.append(
            Check(types[1], rng.choice(numbers[1]).name, types[0], count=rng.choice([("*",), types[:1], types]))
        )
    alike = [f.name for f in two.valued if f in one.valued or (f.kind is Kind.D and _has(one, f.name, Kind.D))]
    same = (Same((types[1],), types[0], tuple(rng.sample(alike, min(len(alike), rng.randint(1, 4))))),) if alike else ()
    framing = Framing.FIXED if fixed else Framing.ENTITIES
    text = rng.choice(_TEXTS)
    profile = Profile(
        "any", "", "public", 1, framing, text, (one, two), checks=tuple(checks), same=same if rng.random() < 0.7 else ()
    )
    return make_plan(profile, tuple(namedtuple(r.name, [f.name for f in r.valued]) for r in (one, two)))  # type: ignore[misc]


def _has(record: Record, name: str, kind: Kind) -> bool:
    return any(f.name == name and f.kind is kind for f in record.valued)


def _spoilt(rng: Random, raw: bytes) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.choice([0, 1, 1, 1, 2]) if raw else 0):
        data[rng.randrange(len(data))] = rng.choice(_SPOILT)
    return bytes(data[: rng.choice([len(data)] * 5 + [rng.randint(0, len(data))])])


def _summed(python: PyCodec, records: list[Any]) -> list[Any]:
    """Totals set to what they should say, as far as they fit, so that what comes behind them is looked at as well."""
    for _ in range(8):
        try:
            scan_python(python, python.encode(records))
        except B2Error as error:
            if error.problem not in (Problem.COUNT, Problem.TOTAL):
                break
            at, sum_ = error.record_number - 1, int(error.detail.split()[-1])
            righted = [*records[:at], records[at]._replace(**{error.field: abs(sum_)}), *records[at + 1 :]]
            if isinstance(outcome(python.encode, righted), bytes):
                records = righted
    return records


@given(seed=st.integers(0, 2**32))
@example(seed=495453481)  # an identifier that is blank in both records, but wider in one
@settings(max_examples=times(150), deadline=None)
def test_random_tables(seed: int) -> None:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    rng = Random(seed)
    made = _plan(rng)
    python, quick = PyCodec(made), [CCodec(made), CCodec(made, quick=False)]
    records: list[Any] = []
    for _ in range(rng.randint(1, 6)):
        which = rng.choice(made.records)
        values = {f.name: good(rng, f, made.profile.text) for f in which.record.valued}
        values |= {f.name: rng.choice("NP") for f in which.record.valued if f.kind is Kind.A and f.len == 1}
        if records and rng.random() < 0.7:  # repeats what it can of the one before
            before = records[-1]._asdict()
            values |= {name: before[name] for name in values if name in before and rng.random() < 0.9}
        record = which.cls(**values)
        if isinstance(outcome(python.encode, [record]), bytes):
            records.append(record)
    records = _summed(python, records)
    raw = python.encode(records)
    for codec in quick:
        assert codec.encode(records) == raw
    for _ in range(20):
        data = _spoilt(rng, raw)
        decoded, scanned = outcome(python.decode, data), outcome(scan_python, python, data)
        for codec in quick:
            assert outcome(codec.decode, data) == decoded
            assert outcome(scan_quick, codec, data) == scanned
            assert outcome(scan_quick, codec, memoryview(b"?" + data + b"?")[1:-1]) == scanned


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("kind", [Kind.N, Kind.D, Kind.I, Kind.A])
def test_every_character_at_every_place(kind: Kind, quick: bool) -> None:
    """A blank field of seven bytes that begins at each place of a record in turn, each byte in each of its places."""
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    for pos in range(2, 120):
        fields = (
            _field("", 1, pos - 1, Kind.C, const="1"),
            _field("f", pos, 7, kind, blank=kind is not Kind.A),
            _field("", pos + 7, 122 - pos, Kind.C),
        )
        record = Record("1", "R1", "", tuple(f for f in fields if f.len), "", "high")
        profile = Profile("any", "", "public", 1, Framing.FIXED, _ALL.replace("@", ""), (record,))
        made = make_plan(profile, (namedtuple("R1", ["f"]),))  # type: ignore[arg-type]
        python, twin = PyCodec(made), CCodec(made, quick=quick)
        for text in (b"0123456", b"       "):
            raw = b"1" + b" " * (pos - 2) + text + b" " * (122 - pos)
            assert scan_quick(twin, raw) == Counter({"1": 1})
            for k in (0, 3, 6):
                for c in _SPOILT:
                    data = raw[: pos - 1 + k] + bytes([c]) + raw[pos + k :]
                    assert outcome(scan_quick, twin, data) == outcome(scan_python, python, data)
