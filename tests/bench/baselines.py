"""What the benchmarks compare with: plain Python as a careful person would write it, and one copy of the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from construct import Bytes, Const, ExprAdapter, Struct

from tournee_protocol.layouts import Field, Kind, Profile, Record


def tuned_encoder(record: Record) -> Callable[[Iterable[Sequence[Any]]], bytes]:
    """*tuned*: one `%` format per record, one check (its length) per record; `rows` hold the valued fields in order."""
    form = "".join(_form(field) for field in record.fields)
    size = sum(field.len for field in record.fields)
    blanks = [i for i, field in enumerate(record.valued) if field.blank]

    def encode(rows: Iterable[Sequence[Any]]) -> bytes:
        out = []
        for row in rows:
            values = row
            for i in blanks:
                if row[i] is None:
                    values = tuple("" if v is None else v for v in row)
                    break
            made = form % tuple(values)
            if len(made) != size:
                raise ValueError(f"a value of {record.type} does not fit its field")
            out.append(made)
        return "".join(out).encode("ascii")

    return encode


def tuned_decoder(record: Record) -> Callable[[bytes], list[tuple[Any, ...]]]:
    """*tuned*: slices, `int()` for counts, `rstrip` for texts, of records that all have the type of `record`."""
    size = sum(field.len for field in record.fields)
    cuts = [(slice(f.pos - 1, f.pos - 1 + f.len), f.kind) for f in record.valued]

    def decode(data: bytes) -> list[tuple[Any, ...]]:
        text = data.decode("ascii")
        out = []
        for start in range(0, len(text), size):
            part = text[start : start + size]
            out.append(tuple(int(part[cut]) if kind is Kind.N else part[cut].rstrip() for cut, kind in cuts))
        return out

    return decode


def tuned_object_encoder(record: Record) -> Callable[[Iterable[Any]], bytes]:
    """*tuned* for objects: the same, values fetched by one `attrgetter` per object."""
    encode, fetch = tuned_encoder(record), attrgetter(*(f.name for f in record.valued))
    return lambda objects: encode(map(fetch, objects))


def construct_encoder(record: Record) -> Callable[[Iterable[Any]], bytes]:
    """A compiled `construct.Struct` of the record, values in and out through an adapter per field, as one would declare it."""
    compiled = Struct(*map(_part, record.fields)).compile()
    return lambda rows: b"".join(compiled.build(row._asdict()) for row in rows)


def _part(field: Field) -> Any:
    if field.kind is Kind.C:
        return Const(field.const.ljust(field.len).encode("ascii"))
    form, number = _form(field), field.kind is Kind.N
    return field.name / ExprAdapter(
        Bytes(field.len),
        lambda made, _: int(made) if number else made.decode("ascii").rstrip() or None,
        lambda value, _: (form % ("" if value is None else value)).encode("ascii"),
    )


def plain_noemie(profile: Profile) -> Callable[[bytes], list[dict[str, Any]]]:
    """NOEMIE as a careful person would read it: three-digit code, fixed widths, a dict per entity."""
    cuts = {r.type: (r.size, [(f.name, f.pos - 1, f.end, f.kind is Kind.N) for f in r.valued]) for r in profile.records}

    def parse(data: bytes) -> list[dict[str, Any]]:
        text = data.decode("ascii")
        out, start = [], 0
        while start < len(text):
            size, fields = cuts[text[start : start + 3]]
            part = text[start : start + size]
            entity: dict[str, Any] = {"code": part[:3]}
            for name, first, last, number in fields:
                value = part[first:last].strip()
                entity[name] = int(value) if number and value else value
            out.append(entity)
            start += size
        return out

    return parse


def copy(output: bytearray) -> bytes:
    """*copy*: one `bytes(bytearray)` of the output, the least that any encoder must do."""
    return bytes(output)


def _form(field: Field) -> str:
    if field.kind is Kind.C:
        return field.const.ljust(field.len).replace("%", "%%")
    if field.kind is Kind.N:
        return f"%0{field.len}d"
    return f"%-{field.len}s" if field.kind is Kind.A else f"%{field.len}s"
