"""Zones: the "groupe / champ" encoding of the health cards' and the SSV interface's data [IMPL MDT, decoded from a public dump].

A zone is a list of groups: identifier 2 bytes big-endian, length (1 byte below 128, `81 LL` below 256, else `82 HH LL` [DED]),
fields. A field is a 1-byte length and ASCII text; an empty field is one `00`. Fields are positional from 1, trailing empty ones may be
left out; a group repeats, its occurrence number is its order. The dictionary of groups is data: `data/groups.toml`.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

MAX_FIELD_CHARS: Final = 255
MAX_GROUP_BYTES: Final = 0xFFFF


class ZoneError(ValueError):
    """Bytes that are no zone, or values that fit in none. `place` names the byte or the group and field, `remedy` the one thing to do."""

    def __init__(self, place: str, reason: str, remedy: str) -> None:
        super().__init__(f"zone, {place}: {reason}; {remedy}")
        self.place = place
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Group:
    """One group; `fields[0]` is field number 1."""

    id: int
    fields: tuple[str, ...]

    def field(self, number: int) -> str:
        """Text of the field, empty when it was left out."""
        return self.fields[number - 1] if 0 < number <= len(self.fields) else ""

    def get(self, name: str) -> str:
        """Text by the dictionary's field name; KeyError when the dictionary has no such field."""
        return self.field(spec(self.id).number(name))

    def named(self) -> dict[str, str]:
        """Fields by the dictionary's names; `champ_n` where it knows none."""
        known = {f.number: f.name for f in groups_by_id()[self.id].fields} if self.id in groups_by_id() else {}
        last = max([len(self.fields), *known])
        return {known.get(n, f"champ_{n}"): self.field(n) for n in range(1, last + 1)}


@dataclass(frozen=True)
class FieldSpec:
    number: int
    name: str  # French identifier
    label: str


@dataclass(frozen=True)
class GroupSpec:
    """A row of the dictionary; `max_occurrences` None: unbounded or not public."""

    id: int
    name: str
    label: str
    min_occurrences: int
    max_occurrences: int | None
    fields: tuple[FieldSpec, ...]
    source: str
    confidence: str

    def number(self, name: str) -> int:
        for field in self.fields:
            if field.name == name:
                return field.number
        raise KeyError(f"group {self.id} ({self.name}) has no field {name!r}")


@cache
def groups_by_id() -> Mapping[int, GroupSpec]:
    """The dictionary (ssv-mp-003 v4.03 as quoted by IMPL MDT), by group id."""
    rows = tomllib.loads(files("tournee_protocol").joinpath("data/groups.toml").read_text("utf-8"))["group"]
    return {
        row["id"]: GroupSpec(
            row["id"],
            row["name"],
            row["label"],
            row["min"],
            row.get("max"),
            tuple(FieldSpec(n, name, label) for n, name, label in row["fields"]),
            row["source"],
            row["confidence"],
        )
        for row in rows
    }


def spec(group_id: int) -> GroupSpec:
    """Dictionary row; KeyError when unknown."""
    try:
        return groups_by_id()[group_id]
    except KeyError:
        raise KeyError(f"group {group_id} is not in the dictionary") from None


def make(group_id: int, **values: str) -> Group:
    """A group from dictionary field names; the fields not named are empty, trailing ones are left out."""
    row = spec(group_id)
    numbered = {row.number(name): value for name, value in values.items()}
    last = max((n for n, value in numbered.items() if value), default=0)
    return Group(group_id, tuple(numbered.get(n, "") for n in range(1, last + 1)))


def encode(groups: Iterable[Group]) -> bytes:
    """The zone's bytes, lengths in their shortest form; raises ZoneError."""
    return b"".join(_encode_group(group) for group in groups)


def decode(data: bytes, *, padded: bool = False) -> tuple[Group, ...]:
    """The groups of a zone; `padded` accepts 00 bytes to the end of the file after the last group. Raises ZoneError."""
    groups: list[Group] = []
    at = 0
    while at < len(data):
        if padded and not any(data[at:]):
            break
        group, at = _decode_group(data, at)
        groups.append(group)
    return tuple(groups)


def check(groups: Iterable[Group]) -> tuple[ZoneError, ...]:
    """What the dictionary does not allow: unknown groups, too many fields or occurrences. A group that is missing is not an error here."""
    found: list[ZoneError] = []
    groups = tuple(groups)
    seen = Counter(group.id for group in groups)
    for group_id, count in seen.items():
        if group_id not in groups_by_id():
            found.append(
                ZoneError(f"group {group_id}", "not in the dictionary", "check the card's or the engine's version")
            )
            continue
        row = groups_by_id()[group_id]
        if row.max_occurrences is not None and count > row.max_occurrences:
            found.append(ZoneError(f"group {group_id}", f"{count} times", f"at most {row.max_occurrences} are allowed"))
    for group in groups:
        known = groups_by_id()[group.id].fields if group.id in groups_by_id() else ()
        if known and len(group.fields) > known[-1].number:
            place = f"group {group.id}, field {known[-1].number + 1}"
            found.append(ZoneError(place, "beyond the last known field", "check the version of the zone"))
    return tuple(found)


def _encode_group(group: Group) -> bytes:
    place = f"group {group.id}"
    if not 1 <= group.id <= 0xFFFF:
        raise ZoneError(place, "identifier outside 1 … 65535", "use an identifier of the dictionary")
    body = bytearray()
    for number, text in enumerate(group.fields, 1):
        try:
            raw = text.encode("ascii")
        except UnicodeEncodeError:
            reason, remedy = "not ASCII", "write it without accents"
            raise ZoneError(f"{place}, field {number}", reason, remedy) from None
        if len(raw) > MAX_FIELD_CHARS:
            raise ZoneError(f"{place}, field {number}", f"{len(raw)} characters", f"at most {MAX_FIELD_CHARS} fit")
        body += bytes([len(raw)]) + raw
    if len(body) > MAX_GROUP_BYTES:
        raise ZoneError(place, f"{len(body)} bytes", f"at most {MAX_GROUP_BYTES} fit")
    return group.id.to_bytes(2, "big") + _encode_length(len(body)) + bytes(body)


def _encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    if length < 0x100:
        return bytes([0x81, length])
    return b"\x82" + length.to_bytes(2, "big")


def _decode_group(data: bytes, at: int) -> tuple[Group, int]:
    start = at
    if len(data) - at < 3:
        raise ZoneError(f"byte {start}", "ends inside a group header", "read the file again to its end")
    group_id = int.from_bytes(data[at : at + 2], "big")
    if group_id == 0:
        raise ZoneError(f"byte {start}", "group identifier 0", "the card or the file is not what was expected")
    length, at = _decode_length(data, at + 2, group_id)
    end = at + length
    if end > len(data):
        reason = f"group {group_id} says {length} bytes, {len(data) - at} are left"
        raise ZoneError(f"byte {start}", reason, "read the file again to its end")
    fields: list[str] = []
    while at < end:
        size = data[at]
        raw = data[at + 1 : at + 1 + size]
        if at + 1 + size > end:
            reason = f"{size} characters, {end - at - 1} are left in the group"
            raise ZoneError(f"byte {at}, group {group_id}, field {len(fields) + 1}", reason, "read the file again")
        try:
            fields.append(raw.decode("ascii"))
        except UnicodeDecodeError:
            place = f"byte {at}, group {group_id}, field {len(fields) + 1}"
            raise ZoneError(place, "not ASCII", "the card or the file is not what was expected") from None
        at += 1 + size
    return Group(group_id, tuple(fields)), end


def _decode_length(data: bytes, at: int, group_id: int) -> tuple[int, int]:
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first - 0x80
    if size not in (1, 2):
        raise ZoneError(f"byte {at}, group {group_id}", f"length byte {first:02X}", "the file is not what was expected")
    if len(data) < at + 1 + size:
        raise ZoneError(f"byte {at}, group {group_id}", "ends inside a length", "read the file again to its end")
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
