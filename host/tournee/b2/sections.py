"""A file in stretches that have a name of their own (a bill of a lot, a lot's head or end), found again in a temporary copy.

Only names and places stay in memory; the copy holds the records as read, so it does not matter how the file had to be read.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType

from tournee.b2.errors import Problem
from tournee.b2.plan import Plan
from tournee.b2.read import Lu, Ouvert
from tournee_protocol.layouts import Field, Profile

_IN_MEMORY_BYTES = 4_000_000
_MOST_RECORDS = 65_536  # of one section; a longer stretch is several, so that two of them fit in memory
_RECORD = struct.Struct("<ih")  # length of the text, index of the record in the table or -1

_UNSEEN = (Problem.SEPARATOR, Problem.ENCODING)

Cle = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Section:
    lot: str  # numbers as written, without leading zeros; empty outside
    facture: str
    premier: int  # number of its first record
    debut: int
    octets: int


class Sections:
    """`cles` names the sections in order of the file; no two are alike: what comes again with one number is counted."""

    def __init__(self, opened: Ouvert) -> None:
        self.plan: Plan = opened.plan
        self.faults = list(opened.faults)
        """Line ends and codes: what the records do not show. Each once, where it begins."""
        self.cles: list[Cle] = []
        self._sections: list[Section] = []
        self._copy = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # closed by __exit__
        self._fill(opened)

    def __enter__(self) -> Sections:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._copy.close()

    def __getitem__(self, index: int) -> Section:
        return self._sections[index]

    def octets(self, index: int) -> bytes:
        """What the copy holds of a section: alike if and only if its records are."""
        section = self._sections[index]
        self._copy.seek(section.debut)
        return self._copy.read(section.octets)

    def lus(self, index: int) -> list[Lu]:
        """The records of a section, text and type."""
        data, at = self.octets(index), 0
        made: list[Lu] = []
        while at < len(data):
            size, place = _RECORD.unpack_from(data, at)
            text = data[at + _RECORD.size : at + _RECORD.size + size].decode("latin-1")
            found = self.plan.records[place] if place >= 0 else None
            made.append(Lu(self._sections[index].premier + len(made), text, found, None))
            at += _RECORD.size + size
        return made

    def _note(self, lu: Lu) -> None:
        for fault in lu.faults:
            if fault.problem in _UNSEEN and all(f.problem is not fault.problem for f in self.faults):
                self.faults.append(fault)

    def _fill(self, opened: Ouvert) -> None:
        heads = _heads(self.plan.profile)
        seen: Counter[Cle] = Counter()
        pieces: list[bytes] = []
        lot: Cle = ()
        names = ("", "")
        key: Cle = ("",)
        start = first = number = 0

        def close() -> None:
            nonlocal start, first, pieces
            if pieces:
                data = b"".join(pieces)
                self._copy.write(data)
                self.cles.append((*key, seen[key]))
                self._sections.append(Section(*names, first + 1, start, len(data)))
                seen[key] += 1
                start, first, pieces = start + len(data), number, []

        for lu in opened:
            self._note(lu)
            if lu.made and (head := heads.get(lu.made.record.type)):
                close()
                values = tuple(lu.text[f.pos - 1 : f.end] for f in head.fields)
                if head.level in ("fichier", "lot"):
                    lot, names = (), ("", "")
                key = (lu.made.record.type, lot, values)
                if head.level == "lot":
                    lot, names = (*key, seen[key]), (_shown(values), "")
                else:
                    names = (names[0], _shown(values) if head.level == "facture" else "")
            elif len(pieces) == _MOST_RECORDS:
                close()
            pieces.append(_RECORD.pack(len(lu.text), lu.made.index if lu.made else -1) + lu.text.encode("latin-1"))
            number += 1
        close()


@dataclass(frozen=True, slots=True)
class _Head:
    level: str  # fichier | lot | facture | fin
    fields: tuple[Field, ...]  # that tell it from others; the last is its number


def _heads(profile: Profile) -> dict[str, _Head]:
    """Types that begin a section. A layout without pairs for lots (NOEMIE) has records that say of which lot and bill they speak."""
    repeated = {(at, name) for rule in profile.same for at in rule.at for name in rule.fields}
    unique = {u.at: tuple(f for f in u.fields if (u.at, f) not in repeated) for u in profile.unique}
    made = {type_: _Head("fichier", ()) for pair in profile.pairs[:1] for type_ in pair}
    if len(profile.pairs) > 2:
        (lot, lot_end), (bill, _) = profile.pairs[1:3]
        levels = {lot: ("lot", "numero_lot"), bill: ("facture", "numero_facture")}
        made[lot_end] = _Head("fin", ())
    else:
        levels = {}
        for record in profile.records:
            names = {f.name for f in record.valued}
            if level := "facture" if "numero_facture" in names else "lot" if "numero_lot" in names else "":
                levels[record.type] = (level, f"numero_{level}")
    for type_, (level, number) in levels.items():
        fields = {f.name: f for f in profile.by_type[type_].valued}
        made[type_] = _Head(level, tuple(fields[name] for name in unique.get(type_, (number,))))
    return made


def _shown(values: tuple[str, ...]) -> str:
    return values[-1].strip().lstrip("0") or values[-1].strip()
