"""Files of any size in constant memory: written lot by lot, found again by lot and bill, split and merged with totals made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from tournee.b2.errors import B2Error, Problem
from tournee.b2.plan import Plan, plan
from tournee.b2.read import RECORD_BYTES, Lu, ouvrir
from tournee.b2.twin import DEFAULT_PROFILE, codec
from tournee.b2.verify import justes
from tournee_protocol.layouts import Framing

_BLOCK_RECORDS = 512


class Ecrivain:
    """Writes one file: `debut` at once, records as they come, then 999 with its counters by `fermer`."""

    def __init__(self, stream: BinaryIO, debut: Any, profile: str = DEFAULT_PROFILE) -> None:
        self._stream = stream
        self._codec = codec(profile)
        self._plan = with_lots(profile)
        self._debut = debut
        self._fin = self._plan.records[-1]
        self._lot_end = self._plan.profile.pairs[1][1]
        self._count = 0
        self._lots = 0
        self.ecrire([debut])

    def ecrire(self, records: Iterable[Any]) -> None:
        """Appends records, block by block. Raises B2Error; what precedes the record at fault is then written."""
        taken = iter(records)
        while block := list(islice(taken, _BLOCK_RECORDS)):
            data = self._codec.encode(block, self._count + 1)
            self._stream.write(data)
            self._count += len(block)
            self._lots += sum(self._plan.by_class[type(r)].record.type == self._lot_end for r in block)

    def ecrire_octets(self, data: bytes, lots: int) -> None:
        """Appends records already encoded (whole lots of another file)."""
        self._stream.write(data)
        self._count += len(data) // RECORD_BYTES
        self._lots += lots

    def fermer(self) -> int:
        """Writes 999; returns the number of records. Raises B2Error (OVERFLOW) when a count does not fit its field."""
        repeated = {n: v for n, v in self._debut._asdict().items() if n in self._fin.cls._fields}
        fin = self._fin.cls(**repeated, nombre_enregistrements=self._count + 1, nombre_lots=self._lots)
        self.ecrire([fin])
        return self._count


@dataclass(frozen=True, slots=True)
class Entree:
    """Where a lot or bill lies: byte offset and length in the file."""

    numero_lot: int
    numero_facture: int | None  # None: the lot itself
    debut: int
    octets: int
    numero_emetteur: str = ""  # of the lot's head, if the layout has it there


def index(stream: BinaryIO, profile: str = DEFAULT_PROFILE) -> Iterator[Entree]:
    """Bills, then their lot, in order of the file; one pass, nothing kept but the open lot and bill. Raises B2Error at the first fault."""
    made = with_lots(profile)
    lot_open, lot_close = made.profile.pairs[1]
    bill_open, _ = made.profile.pairs[2]
    offset, number = 0, 1
    emetteur = ""
    lot: tuple[int, int] | None = None
    bill: tuple[int, int] | None = None
    behind = False  # after the lot's 6: its signatures still belong to it
    for block in _blocks(stream):
        for record in codec(profile).decode(block, number):
            type_ = made.by_class[type(record)].record.type
            if lot and (type_ in (lot_open, "999") or (behind and type_ == bill_open)):
                yield Entree(lot[0], None, lot[1], offset - lot[1], emetteur)
                lot, behind = None, False
            if lot and bill and type_ in (bill_open, lot_close):
                yield Entree(lot[0], bill[0], bill[1], offset - bill[1], emetteur)
                bill = None
            if type_ == lot_open:
                lot = (record.numero_lot, offset)
                emetteur = getattr(record, "numero_emetteur", "")
            elif type_ == bill_open:
                bill = (record.numero_facture, offset)
            behind = behind or type_ == lot_close
            offset += RECORD_BYTES
            number += 1
    if lot:
        raise B2Error(Problem.TRUNCATED, number - 1, "999")


def lire_a(stream: BinaryIO, entree: Entree, profile: str = DEFAULT_PROFILE) -> list[Any]:
    """The records of one lot or bill, signatures included."""
    stream.seek(entree.debut)
    return codec(profile).decode(stream.read(entree.octets), entree.debut // RECORD_BYTES + 1)


def lots(stream: BinaryIO, profile: str = DEFAULT_PROFILE) -> Iterator[tuple[Any, bytes]]:
    """(head record, bytes) of each lot, one in memory at a time. Raises B2Error at the first fault of any kind, the file's totals last."""
    return _lots(justes(ouvrir(stream, profile)), with_lots(profile))


def partager(
    source: BinaryIO,
    ouvrir_partie: Callable[[int], BinaryIO],
    identification: Callable[[int], str],
    max_lots: int,
    profile: str = DEFAULT_PROFILE,
) -> list[int]:
    """Splits a file into files of at most `max_lots` whole lots; signatures stay valid because lots are not touched.

    `ouvrir_partie(n)` gives the stream of part n (from 1) when part n-1 is complete, `identification(n)` its identification. Returns
    the records of each part. Raises B2Error at the first fault of the source, which may stand at its end: the parts are then for nothing.
    """
    debut, pieces = _debut(source, profile)
    counts: list[int] = []
    writer: Ecrivain | None = None
    held = 0
    for _, data in pieces:
        if writer is None or held >= max_lots:
            if writer is not None:
                counts.append(writer.fermer())
            part = len(counts) + 1
            writer = Ecrivain(ouvrir_partie(part), debut._replace(identification_fichier=identification(part)), profile)
            held = 0
        writer.ecrire_octets(data, 1)
        held += 1
    if writer is None:
        raise B2Error(Problem.ORDER, 0, "1", detail="fichier sans lot")
    return [*counts, writer.fermer()]


def reunir(sources: Iterable[BinaryIO], cible: BinaryIO, identification: str, profile: str = DEFAULT_PROFILE) -> int:
    """Merges files that agree in what 999 repeats of 000. Raises B2Error (MISMATCH) when they differ there, (DUPLICATE) for one lot
    twice, and the first fault of a source. One bill in two sources is found in the result (`verify.justes`).
    """
    writer: Ecrivain | None = None
    first: Any = None
    seen: set[tuple[Any, ...]] = set()
    for source in sources:
        debut, pieces = _debut(source, profile)
        if writer is None:
            first = debut
            writer = Ecrivain(cible, debut._replace(identification_fichier=identification), profile)
        for name in _shared(plan(profile)):
            if getattr(debut, name) != getattr(first, name):
                found = next(f for f in plan(profile).records[0].record.valued if f.name == name)
                raise B2Error(Problem.MISMATCH, 1, "000", name, found.pos, _name(source))
        for head, data in pieces:
            key = (head.numero_emetteur, getattr(head, "type_lot", ""), head.numero_lot)
            if key in seen:
                raise B2Error(Problem.DUPLICATE, 0, "1", "numero_lot", 20, f"{head.numero_lot} {_name(source)}".strip())
            seen.add(key)
            writer.ecrire_octets(data, 1)
    if writer is None:
        raise B2Error(Problem.ORDER, 0, "000", detail="aucun fichier")
    return writer.fermer()


def with_lots(profile: str) -> Plan:
    """The plan of a layout whose files hold lots of bills; raises B2Error (LOTS) for another."""
    made = plan(profile)
    if made.profile.framing is not Framing.FIXED or len(made.profile.pairs) < 3:
        raise B2Error(Problem.LOTS, 0, detail=made.profile.label)
    return made


def _debut(source: BinaryIO, profile: str) -> tuple[Any, Iterator[tuple[Any, bytes]]]:
    """Record 000 and the lots behind it; a stream that can is read from its start."""
    made = with_lots(profile)
    if source.seekable():
        source.seek(0)
    lus = _named(justes(ouvrir(source, profile)), _name(source))
    return next(lus).record, _lots(lus, made)


def _lots(lus: Iterator[Lu], made: Plan) -> Iterator[tuple[Any, bytes]]:
    lot_open = made.profile.pairs[1][0]
    head: Any = None
    parts: list[str] = []
    for lu in lus:
        assert lu.made is not None  # else it had a fault
        opens = lu.made.record.type == lot_open
        if head is not None and (opens or lu.made.record.type == made.profile.pairs[0][1]):
            yield head, "".join(parts).encode("latin-1")
            head = None
        if opens:
            head, parts = lu.record, []
        if head is not None:
            parts.append(lu.text)


def _shared(made: Plan) -> list[str]:
    """Fields of 000 that 999 repeats, but the identification: what files must agree in to become one."""
    first, last = made.profile.pairs[0]
    rules = [rule for rule in made.profile.same if rule.as_ == first and last in rule.at]
    return [name for rule in rules for name in rule.fields if name != "identification_fichier"]


def _name(source: BinaryIO) -> str:
    name = getattr(source, "name", "")
    return Path(name).name if isinstance(name, str) else ""


def _named(lus: Iterator[Lu], name: str) -> Iterator[Lu]:
    """The same records; a fault also names their file."""
    try:
        yield from lus
    except B2Error as exc:
        exc.what = f"{name} : {exc.what}" if name else exc.what
        raise


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Whole records; what is left of one comes last."""
    left = b""
    while data := stream.read(_BLOCK_RECORDS * RECORD_BYTES):
        data = left + data
        whole = len(data) - len(data) % RECORD_BYTES
        left = data[whole:]
        yield data[:whole]
    if left:
        yield left
