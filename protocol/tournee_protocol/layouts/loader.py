"""Reads and checks a layout table: every position covered exactly once, every row with meaning, source and confidence."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from tournee_protocol.layouts.model import (
    RECORD_BYTES,
    Check,
    Field,
    Framing,
    Kind,
    LayoutError,
    Profile,
    Record,
    Same,
    Term,
    Unique,
)

_PROFILE_KEYS = {"profile", "label", "status", "version", "framing", "text", "record", "group", "follows", "pairs",
    "check", "same", "unique"}  # fmt: skip
_RECORD_KEYS = {"type", "name", "meaning", "source", "confidence", "field"}
_FIELD_KEYS = {
    "name", "pos", "len", "kind", "meaning", "source", "confidence", "const", "default", "blank", "personal", "unit", "values",
    "group",
}  # fmt: skip
_CONFIDENCES = ("high", "medium", "weak")


def profile_names() -> tuple[str, ...]:
    """Names that `load` knows: the TOML files of this package that hold a profile."""
    found = (p.name for p in resources.files(__package__).iterdir() if p.name.endswith(".toml"))
    return tuple(sorted(n[:-5].replace("_", "-") for n in found if not n.startswith("_")))


@cache
def load(name: str) -> Profile:
    """The profile `name`; raises LayoutError when the table contradicts itself or does not exist."""
    path = resources.files(__package__) / f"{name.replace('-', '_')}.toml"
    if not path.is_file():
        raise LayoutError(f"{name}: no such layout; known: {', '.join(profile_names())}")
    return parse(tomllib.loads(path.read_text("utf-8")), name)


def parse(table: Mapping[str, Any], name: str) -> Profile:
    """A checked profile from its table."""
    _known(table, _PROFILE_KEYS, name)
    groups = table.get("group", {})
    framing = Framing(table["framing"])
    records = tuple(_record(r, groups, f"{name} {r.get('type', '?')}") for r in table["record"])
    for record in records:
        if framing is Framing.FIXED and record.size != RECORD_BYTES:
            raise LayoutError(f"{name} {record.type}: {record.size} bytes instead of {RECORD_BYTES}")
    for attribute in ("type", "name"):
        seen = [getattr(r, attribute) for r in records]
        if len(set(seen)) != len(seen):
            raise LayoutError(f"{name}: two records with one {attribute}")
    profile = Profile(
        name=table["profile"],
        label=table["label"],
        status=table["status"],
        version=table["version"],
        framing=framing,
        text=_text(table["text"]),
        records=records,
        follows=tuple((k, tuple(v)) for k, v in table.get("follows", {}).items()),
        pairs=tuple((a, b) for a, b in table.get("pairs", [])),
        checks=tuple(_check(c) for c in table.get("check", [])),
        same=tuple(Same(tuple(c["at"]), c["as"], tuple(c["fields"])) for c in table.get("same", [])),
        unique=tuple(Unique(c["at"], tuple(c["fields"])) for c in table.get("unique", [])),
    )
    for type_, field in _named(profile):
        if type_ not in profile.by_type or field not in {f.name for f in profile.by_type[type_].valued} | {""}:
            raise LayoutError(f"{name}: the structure names {type_}.{field}, which is not in the table")
    return profile


def _check(row: Mapping[str, Any]) -> Check:
    _known(
        row,
        {"at", "field", "since", "after", "sign", "weak", "count", "sum"},
        f"check {row.get('at')}.{row.get('field')}",
    )
    return Check(
        at=row["at"],
        field=row["field"],
        since=row.get("since") or row["after"],
        exclusive="after" in row,
        sign_field=row.get("sign", ""),
        weak=row.get("weak", False),
        count=tuple(row.get("count", ())),
        terms=tuple(map(_term, row.get("sum", ()))),
    )


def _term(text: str) -> Term:
    """`-4.montant*signe`."""
    type_, _, fields = text.removeprefix("-").partition(".")
    field, _, sign_field = fields.partition("*")
    return Term(type_, field, -1 if text.startswith("-") else 1, sign_field)


def _named(profile: Profile) -> Iterator[tuple[str, str]]:
    """Every (type, field) that the structure speaks of; field "" for a type alone."""
    for before, after in profile.follows:
        yield from ((t, "") for t in (before, *after))
    yield from ((t, "") for pair in profile.pairs for t in pair)
    for check in profile.checks:
        yield check.at, check.field
        yield check.since, ""
        yield from ((t, "") for t in check.count if t != "*")
        yield from ((t.type, f) for t in check.terms for f in (t.field, t.sign_field))
        yield check.at, check.sign_field
    for same in profile.same:
        yield from ((t, f) for t in (*same.at, same.as_) for f in same.fields)
    yield from ((u.at, f) for u in profile.unique for f in u.fields)


def _text(ranges: str) -> str:
    """`"20-3F 41-7E"` -> the characters."""
    chars: list[str] = []
    for part in ranges.split():
        low, _, high = part.partition("-")
        chars += map(chr, range(int(low, 16), int(high or low, 16) + 1))
    return "".join(chars)


def _record(row: Mapping[str, Any], groups: Mapping[str, Any], where: str) -> Record:
    _known(row, _RECORD_KEYS, where)
    rows: list[Mapping[str, Any]] = []
    for field in row["field"]:
        rows += groups[field["group"]] if "group" in field else [field]
    fields = tuple(_field(f, row, f"{where} {f.get('name', '')}@{f.get('pos')}") for f in rows)
    expected = 1
    for field in fields:
        if field.pos != expected:
            raise LayoutError(f"{where} {field.name}: begins at {field.pos}, the field before ends at {expected - 1}")
        expected = field.end + 1
    names = [f.name for f in fields if f.kind is not Kind.C]
    if len(set(names)) != len(names):
        raise LayoutError(f"{where}: two fields with one name")
    return Record(
        row["type"], row["name"], row["meaning"], fields, row["source"], _confidence(row["confidence"], where)
    )


def _field(row: Mapping[str, Any], record: Mapping[str, Any], where: str) -> Field:
    _known(row, _FIELD_KEYS, where)
    kind = Kind(row["kind"])
    field = Field(
        name=row.get("name", ""),
        pos=row["pos"],
        len=row["len"],
        kind=kind,
        meaning=row.get("meaning", "filler" if kind is Kind.C else ""),
        source=row.get("source", record["source"]),
        confidence=_confidence(row.get("confidence", record["confidence"]), where),
        const=row.get("const", ""),
        default=row.get("default"),
        blank=row.get("blank", False),
        personal=row.get("personal", False),
        unit=row.get("unit", ""),
        values=tuple((str(k), str(v)) for k, v in row.get("values", {}).items()),
    )
    if not field.meaning or (kind is not Kind.C and not field.name.isidentifier()):
        raise LayoutError(f"{where}: a field needs a name and a meaning")
    if len(field.const) > field.len or (field.const and kind is not Kind.C):
        raise LayoutError(f"{where}: constant {field.const!r} does not fit")
    if kind is Kind.N and field.len > 18:
        raise LayoutError(f"{where}: a number of more than 18 digits does not fit 64 bits")
    if field.default is not None and isinstance(field.default, int) != (kind is Kind.N):
        raise LayoutError(f"{where}: default {field.default!r} is not of kind {kind}")
    return field


def _known(row: Mapping[str, Any], keys: set[str], where: str) -> None:
    if unknown := set(row) - keys:
        raise LayoutError(f"{where}: unknown key {', '.join(sorted(unknown))}")


def _confidence(value: str, where: str) -> str:
    if value not in _CONFIDENCES:
        raise LayoutError(f"{where}: confidence {value!r} is none of {', '.join(_CONFIDENCES)}")
    return value
