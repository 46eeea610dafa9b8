"""A layout table made ready for the twins: record classes, dispatch, constants in place, fields in order."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from tournee.b2.errors import B2Error, Problem
from tournee_protocol.layouts import Field, Framing, Kind, Profile, Record, load

_SHOWN = 40  # characters of a value in an error
SUPPLEMENT_INDEX = 38
"""0-based place of a supplement's letter in a fixed record."""


@dataclass(frozen=True)
class RecordPlan:
    index: int
    record: Record
    cls: type[Any]
    template: str  # constants in place, spaces elsewhere

    @property
    def size(self) -> int:
        return len(self.template)


@dataclass(frozen=True)
class Plan:
    profile: Profile
    records: tuple[RecordPlan, ...]
    by_class: dict[type[Any], RecordPlan]
    by_key: dict[str, RecordPlan]
    """Fixed: first byte, or first byte + letter of the supplement. Entities: three-digit code."""

    def find(self, text: str, start: int) -> RecordPlan | None:
        """The record that begins at `start` (0-based) of `text`, or None if its type is unknown."""
        if self.profile.framing is Framing.ENTITIES:
            return self.by_key.get(text[start : start + 3])
        first = text[start]
        return self.by_key.get(
            first + text[start + SUPPLEMENT_INDEX : start + SUPPLEMENT_INDEX + 1]
        ) or self.by_key.get(first)

    def fail(
        self,
        problem: str,
        number: int,
        record_index: int = -1,
        field_index: int = -1,
        detail: str = "",
        value: object = None,
    ) -> B2Error:
        """The one place where a twin's finding becomes an error; `field_index` counts all fields of the table's record."""
        if record_index < 0:
            return B2Error(Problem(problem), number)
        record = self.records[record_index].record
        if field_index < 0:
            return B2Error(Problem(problem), number, record.type)
        field = record.fields[field_index]
        name = field.name or _constant_name(field)
        shown = None if field.personal else _shown(value)
        doubt = self.doubt(detail, record.type, name)
        return B2Error(Problem(problem), number, record.type, name, field.pos, detail + doubt, shown)

    def doubt(self, detail: str, record_type: str, field: str) -> str:
        """What to add to the detail of a counter or total whose rule is only deduced."""
        weak = detail and any(c.weak and (c.at, c.field) == (record_type, field) for c in self.profile.checks)
        return "; règle déduite, à vérifier" if weak else ""


def exact(value: Any) -> Any:
    """The text, number or row alone, whatever a subclass made of its methods; anything else as it is."""
    if issubclass(type(value), str):
        return str.__str__(value)
    if issubclass(type(value), int) and type(value) is not bool:
        return int.__int__(value)
    if issubclass(type(value), tuple):
        return tuple.__getitem__(value, slice(None))
    return value


def _shown(value: object) -> str | None:
    alone = exact(value)
    if type(alone) is str:
        return alone[:_SHOWN]
    if type(alone) in (int, bool) and abs(alone) < 10**_SHOWN:
        return str(alone)
    return None


def _constant_name(field: Field) -> str:
    return repr(field.const) if field.const else "blanc"


@cache
def plan(profile_name: str) -> Plan:
    """The plan of a committed profile, with its generated record classes."""
    classes = importlib.import_module(f"tournee.b2.records.{profile_name.replace('-', '_')}").RECORDS
    return make_plan(load(profile_name), classes)


def make_plan(profile: Profile, classes: tuple[type[Any], ...]) -> Plan:
    """`classes[i]` holds the values of `profile.records[i]`; raises TypeError when their fields differ."""
    records = []
    by_key: dict[str, RecordPlan] = {}
    for index, (record, cls) in enumerate(zip(profile.records, classes, strict=True)):
        if tuple(f.name for f in record.valued) != cls._fields:
            raise TypeError(f"{profile.name} {record.type}: {cls.__name__} is not made from this table")
        template = "".join(f.const.ljust(f.len) if f.kind is Kind.C else " " * f.len for f in record.fields)
        made = RecordPlan(index, record, cls, template)
        records.append(made)
        key = (
            record.type
            if profile.framing is Framing.ENTITIES
            else record.type[0] + record.type[1:2].strip("0123456789")
        )
        by_key[key] = made
    return Plan(profile, tuple(records), {r.cls: r for r in records}, by_key)
