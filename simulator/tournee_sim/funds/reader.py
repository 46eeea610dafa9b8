"""The funds' own reader of fixed 128-byte records, over the tables of `tournee_protocol.layouts`. Second implementation: it judges."""

from __future__ import annotations

from dataclasses import dataclass, field

from tournee_protocol.layouts import Field, Kind, Profile, Record, load

RECORD_BYTES = 128
MAX_RECORDS = 200_000


class ReadError(ValueError):
    """What breaks the layout: record number (from 1), type, field, position. Holds no value."""

    def __init__(self, problem: str, number: int = 0, type_: str = "", name: str = "", pos: int = 0) -> None:
        place = f"record {number}" if number else "file"
        place += f" (type {type_})" if type_ else ""
        place += f", {name} at {pos}" if pos else ""
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True)
class Row:
    """One record: its place, bytes and values (N → int, the rest → str, blank → None)."""

    number: int
    type: str
    raw: bytes
    values: dict[str, int | str | None]

    def num(self, name: str) -> int:
        value = self.values[name]
        if not isinstance(value, int):
            raise ReadError("a number is needed", self.number, self.type, name, 1)
        return value

    def text(self, name: str) -> str:
        value = self.values[name]
        return "" if value is None else str(value)


@dataclass
class Facture:
    entete: Row
    supplements: list[Row] = field(default_factory=list)
    lignes: list[Row] = field(default_factory=list)
    fin: Row | None = None
    signatures: list[Row] = field(default_factory=list)

    @property
    def numero(self) -> int:
        return self.entete.num("numero_facture")

    def signed_bytes(self) -> bytes:
        """Records 2 to 5."""
        rows = [self.entete, *self.supplements, *self.lignes, *([self.fin] if self.fin else [])]
        return b"".join(r.raw for r in sorted(rows, key=lambda r: r.number))


@dataclass
class Lot:
    entete: Row
    factures: list[Facture] = field(default_factory=list)
    fin: Row | None = None
    signatures: list[Row] = field(default_factory=list)
    raw: bytes = b""  # records 1 to 6

    @property
    def numero(self) -> int:
        return self.entete.num("numero_lot")


@dataclass
class Fichier:
    debut: Row
    lots: list[Lot]
    fin: Row
    rows: list[Row]

    @property
    def factures(self) -> list[Facture]:
        return [facture for lot in self.lots for facture in lot.factures]


def rows(data: bytes, profile: str = "sv-sim-1") -> list[Row]:
    """Every record of `data`, its constants and characters checked; raises ReadError."""
    if not data or len(data) % RECORD_BYTES:
        raise ReadError("length is no multiple of 128 bytes")
    if len(data) // RECORD_BYTES > MAX_RECORDS:
        raise ReadError("too many records")
    table = load(profile)
    found = []
    for index in range(0, len(data), RECORD_BYTES):
        raw = data[index : index + RECORD_BYTES]
        number = index // RECORD_BYTES + 1
        record = _type_of(raw, table, number)
        values = {f.name: _value(raw, f, table, record, number) for f in record.fields if f.kind is not Kind.C}
        for constant in (f for f in record.fields if f.kind is Kind.C):
            expected = constant.const.ljust(constant.len).encode("ascii")
            if raw[constant.pos - 1 : constant.end] != expected:
                raise ReadError(
                    "differs from what is fixed", number, record.type, constant.name or "constant", constant.pos
                )
        found.append(Row(number, record.type, raw, values))
    return found


def structure(found: list[Row]) -> Fichier:
    """000 { 1 { 2 2S? 4+ 5 7* } 6 7* } 999; raises ReadError at the first record out of place."""
    if len(found) < 2 or found[0].type != "000" or found[-1].type != "999":
        raise ReadError("a file begins with 000 and ends with 999")
    lots: list[Lot] = []
    for row in found[1:-1]:
        lot = lots[-1] if lots else None
        facture = lot.factures[-1] if lot and lot.factures else None
        if not _place(row, lots, lot, facture):
            raise ReadError("out of place", row.number, row.type)
    if not lots or any(lot.fin is None for lot in lots):
        raise ReadError("a lot has no end (6)")
    return Fichier(found[0], lots, found[-1], found)


def _place(row: Row, lots: list[Lot], lot: Lot | None, facture: Facture | None) -> bool:
    open_lot = lot is not None and lot.fin is None
    open_facture = open_lot and facture is not None and facture.fin is None
    match row.type:
        case "1" if not open_lot:
            lots.append(Lot(row, raw=row.raw))
            return True
        case "7" if lot is not None and not open_lot:
            lot.signatures.append(row)
            return True
        case _ if lot is None or not open_lot:
            return False
        case "2" if not open_facture:
            lot.factures.append(Facture(row))
        case "2S" if open_facture and facture and not facture.lignes:
            facture.supplements.append(row)
        case "4" if open_facture and facture:
            facture.lignes.append(row)
        case "5" if open_facture and facture and facture.lignes:
            facture.fin = row
        case "7" if facture is not None and facture.fin is not None:
            facture.signatures.append(row)
        case "6" if not open_facture and lot.factures:
            lot.fin = row
        case _:
            return False
    lot.raw += row.raw
    return True


def _type_of(raw: bytes, table: Profile, number: int) -> Record:
    head = raw[:3].decode("latin-1")
    name = head if head in ("000", "999") else head[:1]
    supplement = name + raw[38:39].decode("latin-1")
    record = table.by_type.get(supplement) or table.by_type.get(name)
    if record is None:
        raise ReadError("unknown record", number)
    return record


def _value(raw: bytes, f: Field, table: Profile, record: Record, number: int) -> int | str | None:
    piece = raw[f.pos - 1 : f.end]
    if f.kind is not Kind.A and f.blank and piece == b" " * f.len:
        return None
    text = piece.decode("latin-1")
    allowed = {Kind.A: table.text, Kind.I: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}.get(f.kind, "0123456789")
    if any(c not in allowed for c in text):
        raise ReadError("a character that is not permitted", number, record.type, f.name, f.pos)
    if f.kind is Kind.N:
        return int(text)
    if f.kind is Kind.A:
        text = text.rstrip(" ")
    if f.values and text not in {str(k) for k, _ in f.values}:
        raise ReadError("a code that is not in the list", number, record.type, f.name, f.pos)
    return text
