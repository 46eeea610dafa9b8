"""The Python twin: encodes and decodes records by the plan of a table. Defines what the C twin must do byte for byte.

Two ways through: a quick one (one `%` format and one regular expression per record) and, when that one finds anything unusual, an
exact one, field by field, which either gives the same bytes or raises the typed error.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from operator import index as whole
from typing import Any

from tournee.b2.errors import B2Error, Problem
from tournee.b2.plan import Plan, RecordPlan, exact
from tournee_protocol.layouts import Field, Framing, Kind, Record

_WIDEST = 4096  # bytes per value of a text column
_BLOCK = 1 << 16  # bytes that are text at a time
_DIGITS = frozenset("0123456789")
_CAPITALS = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class PyCodec:
    """One profile. `first` numbers the first record of a call in errors (1 at the head of a file)."""

    name = "python"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._text = frozenset(plan.profile.text)
        self._encoders = [_quick_encoder(r, plan.profile.text) for r in plan.records]
        self._decoders = [_quick_decoder(r, plan.profile.text) for r in plan.records]
        self._longest = max((r.size for r in plan.records), default=0)

    def encode(self, records: Iterable[Any], first: int = 1) -> bytes:
        """Bytes of NamedTuples of this profile; raises B2Error."""
        by_class, encoders = self.plan.by_class, self._encoders
        out: list[str] = []
        for number, record in enumerate(records, first):
            made = by_class.get(type(record))
            if made is None:
                raise self.plan.fail(Problem.UNKNOWN_RECORD, number)
            if len(record) != len(made.record.valued):
                raise self.plan.fail(Problem.ARITY, number, made.index)
            out.append(encoders[made.index](record) or self._exact(made, record, number))
        return "".join(out).encode("ascii")

    def encode_rows(self, index: int, rows: Iterable[Sequence[Any]], first: int = 1) -> bytes:
        """Bytes of rows, all of record `index` of the table, values in order of the valued fields."""
        made = self._made(index)
        encoder, arity = self._encoders[made.index], len(made.record.valued)
        out: list[str] = []
        for number, row in enumerate(rows, first):
            if not issubclass(type(row), tuple):
                raise self.plan.fail(Problem.TYPE, number, made.index)
            values = row if type(row) is tuple else exact(row)
            if len(values) != arity:
                raise self.plan.fail(Problem.ARITY, number, made.index)
            out.append(encoder(values) or self._exact(made, values, number))
        return "".join(out).encode("ascii")

    def encode_objects(self, index: int, objects: Iterable[Any], first: int = 1) -> bytes:
        """As `encode_rows`, values read from the attributes named as the fields; AttributeError passes."""
        names = [f.name for f in self._made(index).record.valued]
        return self.encode_rows(index, (tuple(getattr(o, n) for n in names) for o in objects), first)

    def encode_columns(self, index: int, columns: Sequence[Any], count: int, first: int = 1) -> bytes:
        """Bytes of `count` records whose values stand in columns, one per valued field.

        A column is a buffer of int64 (kind N), a buffer of `count` values of equal width in which NUL ends a shorter value (other
        kinds), or one int, str or None that every row gets. A buffer lies in one piece.
        """
        made = self._made(index)
        if count < 0:
            raise ValueError("count is negative")
        fields = made.record.valued
        given = tuple(columns)
        if len(given) != len(fields):
            raise self.plan.fail(Problem.ARITY, first, made.index)
        read = [self._column(made, f, c, count, first) for f, c in zip(fields, given, strict=True)]
        return self.encode_rows(index, zip(*read, strict=True) if read else [()] * count, first)

    def _made(self, index: int) -> RecordPlan:
        at = whole(index)
        if not 0 <= at < len(self.plan.records):
            raise IndexError("no such record in the table")
        return self.plan.records[at]

    def _column(self, made: RecordPlan, field: Field, column: Any, count: int, first: int) -> Sequence[Any]:
        place = made.record.fields.index(field)
        if column is None or issubclass(type(column), int | str):
            if (problem := self._write(field, column)[1]) is not None:
                raise self.plan.fail(problem, first, made.index, place, value=column)
            return [column] * count
        try:
            view = memoryview(column)
        except TypeError:
            raise self.plan.fail(Problem.TYPE, first, made.index, place) from None
        if not view.c_contiguous:
            raise self.plan.fail(Problem.TYPE, first, made.index, place)
        if field.kind is Kind.N:
            if view.itemsize != 8 or view.format not in ("q", "l") or view.nbytes != count * 8:
                raise self.plan.fail(Problem.TYPE, first, made.index, place)
            return array("q", view.tobytes())
        if view.nbytes if count == 0 else view.nbytes % count or view.nbytes // count > _WIDEST:
            raise self.plan.fail(Problem.TYPE, first, made.index, place)
        width, text = view.nbytes // max(count, 1), view.tobytes().decode("latin-1")
        return [text[i * width : (i + 1) * width].rstrip("\0") for i in range(count)]

    def decode(self, data: bytes | bytearray | memoryview, first: int = 1) -> list[Any]:
        """All records of `data`; raises B2Error at the first fault."""
        return [record for _, _, record in self.records(data, first)]

    def records(
        self, data: bytes | bytearray | memoryview, first: int = 1
    ) -> Generator[tuple[RecordPlan, str, Any], None, None]:
        """(plan, text, record) one by one; raises B2Error at the first fault."""
        at, number = 0, first
        with _octets(data) as view:
            while at < len(view):
                text, start = str(view[at : at + max(_BLOCK, self._longest)], "latin-1"), 0
                enough = 1 if at + len(text) == len(view) else self._longest
                while len(text) - start >= enough:
                    made = self._at(text, start, number)
                    stop = start + made.size
                    record = self._decoders[made.index](text, start, stop)
                    if record is None:
                        raise next(self.faults(made, text[start:stop], number))
                    yield made, text[start:stop], record
                    start, number = stop, number + 1
                at += start

    def _at(self, text: str, start: int, number: int) -> RecordPlan:
        fixed = self.plan.profile.framing is Framing.FIXED
        if fixed and len(text) - start < self.plan.records[0].size:
            raise self.plan.fail(Problem.TRUNCATED, number)
        made = self.plan.find(text, start)
        if made is None:
            raise self.plan.fail(Problem.UNKNOWN_RECORD, number)
        if len(text) - start < made.size:
            raise self.plan.fail(Problem.TRUNCATED, number, made.index)
        return made

    def _exact(self, made: RecordPlan, values: Sequence[Any], number: int) -> str:
        out: list[str] = []
        taken = iter(values)
        for index, field in enumerate(made.record.fields):
            if field.kind is Kind.C:
                out.append(field.const.ljust(field.len))
                continue
            value = next(taken)
            text, problem = self._write(field, value)
            if problem:
                raise self.plan.fail(problem, number, made.index, index, value=value)
            out.append(text)
        return "".join(out)

    def _write(self, field: Field, value: Any) -> tuple[str, Problem | None]:
        """Order of checks, the same in C: missing, type, negative, overflow, characters."""
        value = exact(value)
        if value is None:
            return (" " * field.len, None) if field.blank else ("", Problem.MISSING)
        if field.kind is Kind.N:
            if type(value) is not int:
                return "", Problem.TYPE
            if value < 0:
                return "", Problem.NEGATIVE
            return (f"{value:0{field.len}d}", None) if value < 10**field.len else ("", Problem.OVERFLOW)
        if type(value) is not str:
            return "", Problem.TYPE
        if len(value) > field.len:
            return "", Problem.OVERFLOW
        if field.kind is Kind.A:
            return (f"{value:<{field.len}}", None) if self._text.issuperset(value) else ("", Problem.CHARACTERS)
        if not value.strip(" "):
            return (" " * field.len, None) if field.blank else ("", Problem.MISSING)
        allowed = _DIGITS if field.kind is Kind.D else _CAPITALS
        return (f"{value:0>{field.len}}", None) if allowed.issuperset(value) else ("", Problem.CHARACTERS)

    def faults(self, made: RecordPlan, text: str, number: int) -> Iterator[B2Error]:
        """Every fault of a record that does not decode, in order of position."""
        for index, field in enumerate(made.record.fields):
            part = text[field.pos - 1 : field.end]
            if field.kind is Kind.C:
                if part != field.const.ljust(field.len):
                    problem = Problem.TERMINATOR if field.const == "@" else Problem.CONSTANT
                    yield self.plan.fail(problem, number, made.index, index, value=part)
                continue
            allowed = {Kind.N: _DIGITS, Kind.D: _DIGITS, Kind.I: _CAPITALS, Kind.A: self._text}[field.kind]
            if not allowed.issuperset(part) and not (field.blank and not part.strip(" ")):
                yield self.plan.fail(Problem.CHARACTERS, number, made.index, index, value=part)

    def try_decode(self, made: RecordPlan, text: str) -> Any | None:
        """The record of a text of its size, or None when it has a fault."""
        return self._decoders[made.index](text, 0, len(text))


def _octets(data: bytes | bytearray | memoryview) -> memoryview:
    view = memoryview(data)
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view if view.format == "B" and view.ndim == 1 else memoryview(view.tobytes())


def _pattern(record: Record, text: str, *, groups: bool) -> str:
    """The regular expression of a record's bytes; without groups, neighbours of one kind are one stretch."""
    out: list[str] = []
    stretch: tuple[str, int] = ("", 0)
    for field in record.fields:
        if field.kind is Kind.C:
            letters = ""
        else:
            letters = {Kind.N: "0-9", Kind.D: "0-9", Kind.I: "0-9A-Z", Kind.A: re.escape(text)}[field.kind]
        if stretch[1] and (groups or field.blank or letters != stretch[0]):
            out.append(_letters(*stretch, groups=groups))
            stretch = ("", 0)
        if field.kind is Kind.C:
            out.append(re.escape(field.const.ljust(field.len)))
        elif field.blank:
            out.append(f"({'' if groups else '?:'}[{letters}]{{{field.len}}}| {{{field.len}}})")
        else:
            stretch = (letters, stretch[1] + field.len)
    return "".join(out) + (_letters(*stretch, groups=groups) if stretch[1] else "")


def _letters(letters: str, count: int, *, groups: bool) -> str:
    return f"([{letters}]{{{count}}})" if groups else f"[{letters}]{{{count}}}"


def _quick_encoder(made: RecordPlan, text: str) -> Callable[[Sequence[Any]], str | None]:
    """Made as source text because one unpacking and one chain of `is` costs half of a loop over the fields."""
    fields = made.record.valued
    names = [f"v{i}" for i in range(len(fields))]
    checks, values, form = [], [], []
    for name, field in zip(names, fields, strict=True):
        kind = "int" if field.kind is Kind.N else "str"
        checks.append(f"type({name}) is {kind}")
        values.append(name)
    for field in made.record.fields:
        if field.kind is Kind.C:
            form.append(field.const.ljust(field.len).replace("%", "%%"))
        elif field.kind is Kind.N:
            form.append(f"%0{field.len}d")
        else:
            form.append(f"%{'-' if field.kind is Kind.A else ''}{field.len}s")
    for i, field in enumerate(fields):
        if field.blank and field.kind is not Kind.N:
            checks[i] = f"(v{i} is None or {checks[i]})"
            values[i] = f"('' if v{i} is None else v{i})"
    source = (
        f"def encode(row):\n    {', '.join(names)}, = row\n    if {' and '.join(checks)}:\n"
        f"        made = form % ({', '.join(values)},)\n        if match(made): return made\n    return None\n"
    )
    pattern = re.compile(_pattern(made.record, text, groups=False))
    scope: dict[str, Any] = {"form": "".join(form), "match": pattern.fullmatch}
    exec(source, scope)
    encode: Callable[[Sequence[Any]], str | None] = scope["encode"]
    return encode


def _quick_decoder(made: RecordPlan, text: str) -> Callable[[str, int, int], Any]:
    names, values = [], []
    for i, field in enumerate(made.record.valued):
        name = f"v{i}"
        value = {Kind.N: f"int({name})", Kind.A: f"{name}.rstrip(' ')"}.get(field.kind, name)
        names.append(name)
        values.append(f"None if {name}.isspace() else {value}" if field.blank else value)
    source = (
        "def decode(text, start, stop):\n    found = match(text, start, stop)\n    if found is None: return None\n"
        f"    {', '.join(names)}, = found.groups()\n    return new(cls, ({', '.join(values)},))\n"
    )
    pattern = re.compile(_pattern(made.record, text, groups=True))
    scope: dict[str, Any] = {"match": pattern.fullmatch, "new": tuple.__new__, "cls": made.cls}
    exec(source, scope)
    decode: Callable[[str, int, int], Any] = scope["decode"]
    return decode
