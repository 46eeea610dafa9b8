"""The funds' own writer of returns, over the tables of `tournee_protocol.layouts`. Second implementation."""

from __future__ import annotations

import unicodedata
from typing import Any

from tournee_protocol.layouts import Field, Kind, Profile, load


class WriteError(ValueError):
    """A value does not fit its field: a fault of the simulator."""


class Return:
    """A return under construction: `add` entities, then `close`. `begin` is record 000."""

    def __init__(self, profile: str, **begin: Any) -> None:
        self._profile = load(profile)
        self._begin = begin
        self._records = [_record(self._profile, "000", begin)]

    def add(self, type_: str, **values: Any) -> None:
        self._records.append(_record(self._profile, type_, values))

    def close(self, **values: Any) -> bytes:
        """Record 999: what it repeats of 000, the count of records, and `values`."""
        end = self._profile.by_type["999"]
        repeated = {f.name: self._begin[f.name] for f in end.valued if f.name in self._begin}
        counted = {**repeated, "nombre_enregistrements": len(self._records) + 1, **values}
        return "".join([*self._records, _record(self._profile, "999", counted)]).encode("ascii")


def plain(text: str, length: int) -> str:
    """Capitals without accents, cut to `length`: what a fund prints."""
    bare = unicodedata.normalize("NFKD", text.replace("’", "'").replace("œ", "oe")).encode("ascii", "ignore").decode()
    return bare.upper().replace("@", " ")[:length]


def _record(profile: Profile, type_: str, values: dict[str, Any]) -> str:
    record = profile.by_type[type_]
    if unknown := set(values) - {f.name for f in record.valued}:
        raise WriteError(f"{type_}: no field {', '.join(sorted(unknown))}")
    return "".join(_field(type_, f, values.get(f.name, f.default)) for f in record.fields)


def _field(type_: str, f: Field, value: Any) -> str:
    if f.kind is Kind.C:
        return f.const.ljust(f.len)
    if value is None:
        if f.kind is Kind.A or f.blank:
            return " " * f.len
        raise WriteError(f"{type_} {f.name}: a value is needed")
    text = f"{value:0{f.len}d}" if f.kind is Kind.N else str(value)
    text = text.ljust(f.len) if f.kind is Kind.A else text.rjust(f.len, "0")
    if len(text) != f.len or not text.isascii() or (f.kind is not Kind.A and not text.isalnum()):
        raise WriteError(f"{type_} {f.name}: does not fit")
    return text
