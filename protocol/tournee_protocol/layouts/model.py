"""What a layout table says. Positions are 1-based as in the norms; lengths are in characters (= bytes, ASCII)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

RECORD_BYTES = 128


class LayoutError(ValueError):
    """A table contradicts itself; names the profile, record and field."""


class Kind(StrEnum):
    """How a field's bytes are made from a value and back."""

    N = "N"  # int >= 0, right-aligned, zero-filled
    D = "D"  # str of digits, right-aligned, zero-filled (identifiers, dates AAMMJJ)
    I = "I"  # noqa: E741  # as D with capital letters allowed (NIR of Corsica)
    A = "A"  # str of the profile's text characters, left-aligned, space-filled; trailing spaces are filling
    C = "C"  # constant, space-filled; holds no value


class Framing(StrEnum):
    FIXED = "fixed"  # every record has 128 bytes; told apart by byte 1 and, for a supplement, byte 39
    ENTITIES = "entities"  # three-digit code, own length, `@` at the end (000 and 999: 128 bytes, no `@`)


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # empty for a constant without meaning (filler)
    pos: int
    len: int
    kind: Kind
    meaning: str
    source: str
    confidence: str  # high | medium | weak
    const: str = ""  # kind C: the text before filling
    default: int | str | None = None
    blank: bool = False  # N, D, I: all spaces is allowed and reads as None
    personal: bool = False  # its value is never echoed in an error
    unit: str = ""  # cents | 1/100 | % | AAMMJJ | AAAAMMJJ
    values: tuple[tuple[str, str], ...] = ()  # permitted codes and what they mean; empty: any

    @property
    def end(self) -> int:
        """Last position, inclusive."""
        return self.pos + self.len - 1


@dataclass(frozen=True)
class Record:
    type: str  # "000", "2S", "210"
    name: str  # class name of the generated NamedTuple
    meaning: str
    fields: tuple[Field, ...]
    source: str
    confidence: str

    @cached_property
    def valued(self) -> tuple[Field, ...]:
        """Fields that hold a value: those of the NamedTuple, in order of position."""
        return tuple(f for f in self.fields if f.kind is not Kind.C)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.fields[-1].end


@dataclass(frozen=True, slots=True)
class Term:
    """One amount of a total."""

    type: str
    field: str
    sign: int  # +1 or -1
    sign_field: str = ""  # a field of the same record that holds N for a negative amount


@dataclass(frozen=True, slots=True)
class Check:
    """`at.field` must hold the number of records of `count`, or the sum of `terms`, since the last `since`, both ends included."""

    at: str
    field: str
    since: str
    exclusive: bool = False  # from behind `since` (or from the first record)
    sign_field: str = ""  # of `at`
    weak: bool = False  # the rule is deduced: a difference is told as such
    count: tuple[str, ...] = ()  # "*": every record
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Same:
    """The fields of records `at` repeat those of the last record `as_`."""

    at: tuple[str, ...]
    as_: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unique:
    """No two records `at` of a file hold the same values in these fields."""

    at: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    name: str  # "sv-sim-1"
    label: str
    status: str  # public | SV-SIM
    version: int
    framing: Framing
    text: str  # permitted characters of kind A, as one string
    records: tuple[Record, ...]
    follows: tuple[tuple[str, tuple[str, ...]], ...] = ()  # type -> types that may come next; empty: any
    pairs: tuple[tuple[str, str], ...] = ()  # opening and closing type, outermost first
    checks: tuple[Check, ...] = ()
    same: tuple[Same, ...] = ()
    unique: tuple[Unique, ...] = ()

    @cached_property
    def by_type(self) -> dict[str, Record]:
        return {r.type: r for r in self.records}
