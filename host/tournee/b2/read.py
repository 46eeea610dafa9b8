"""Reads a file whatever is wrong with it: each record with its faults, the rest still readable, nothing repaired silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO

from tournee.b2.errors import B2Error, Problem
from tournee.b2.plan import Plan, RecordPlan, plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import codec
from tournee_protocol.layouts import Framing, Kind, load, profile_names

RECORD_BYTES = 128
_BLOCK_RECORDS = 2048
_SNIFF_BYTES = 2 * RECORD_BYTES + 2
_ENTITY_BYTES = 1024
_EBCDIC_ZEROS = b"\xf0\xf0\xf0"


@dataclass(slots=True)
class Lu:
    """One record as found. `record` is None when a fault hinders its decoding; `text` keeps its bytes as Latin-1."""

    number: int  # from 1
    text: str
    made: RecordPlan | None
    record: Any | None
    faults: list[B2Error] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ouvert:
    """A file recognised: its layout and what is wrong with the file as a whole."""

    plan: Plan
    faults: tuple[B2Error, ...]
    blocks: Iterator[bytes]

    def __iter__(self) -> Iterator[Lu]:
        if self.plan.profile.framing is Framing.FIXED:
            return _fixed(self.plan, self.blocks)
        return _entities(self.plan, b"".join(self.blocks).decode("latin-1"))


def ouvrir(stream: BinaryIO, profile: str | None = None) -> Ouvert:
    """Recognises a binary stream; reads it block by block unless it must be put in order first (line ends, EBCDIC, UTF-8).

    Raises B2Error when none is given and no layout fits (PROFILE) or nothing is there (TRUNCATED).
    """
    head = stream.read(_SNIFF_BYTES)
    if not head and profile is None:
        raise B2Error(Problem.TRUNCATED, 0, detail="fichier vide")
    faults: tuple[B2Error, ...] = ()
    if _plain(head):
        blocks = _blocks(head, stream)
    else:
        data, faults = _en_ordre(head + stream.read())
        head, blocks = data, iter([data])
    return Ouvert(plan(profile or reconnaitre(head)), faults, blocks)


def reconnaitre(head: bytes) -> str:
    """Name of the layout whose record 000 has these constants; raises B2Error (PROFILE)."""
    text = head[:RECORD_BYTES].decode("latin-1").ljust(RECORD_BYTES)
    best, name = 0, ""
    for candidate in profile_names():
        first = load(candidate).records[0]
        fixed = [f for f in first.fields if f.kind is Kind.C and f.const]
        wrong = [f for f in fixed if text[f.pos - 1 : f.end] != f.const.ljust(f.len)]
        score = sum(f.len for f in fixed)
        if not wrong and score > best and (candidate != "noemie" or text[61:64].isdigit()):
            best, name = score, candidate
    if not name:
        raise B2Error(Problem.PROFILE, 0)
    return name


@cache
def lecteur(profile: str) -> PyCodec:
    """The Python twin, which also explains every fault of a record."""
    return PyCodec(plan(profile))


def _plain(head: bytes) -> bool:
    return head.isascii() and b"\n" not in head and b"\r" not in head


def _blocks(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    size = _BLOCK_RECORDS * RECORD_BYTES
    data = head + stream.read(size - len(head))
    while data:
        yield data
        data = stream.read(size)


def _en_ordre(data: bytes) -> tuple[bytes, tuple[B2Error, ...]]:
    """The same file as single-byte records without separator, and what had to be said about it."""
    faults = []
    if data.startswith(_EBCDIC_ZEROS):
        faults.append(B2Error(Problem.ENCODING, 0, detail="EBCDIC"))
        data = data.decode("cp1140").encode("latin-1", "replace")
    elif not data.isascii():
        try:
            text = data.decode("utf-8").removeprefix("\ufeff")
            faults.append(B2Error(Problem.ENCODING, 0, detail="UTF-8"))
            if (
                len(data) % RECORD_BYTES or not len(text) % RECORD_BYTES
            ):  # else fields were filled up by bytes, not by characters
                # One character of the text must stay one position: what Latin-1 lacks becomes DEL, which no field permits.
                data = "".join(c if ord(c) < 256 else "\x7f" for c in text).encode("latin-1")
        except UnicodeDecodeError:
            pass  # single bytes above 127: the fields that hold them are named one by one
    if b"\n" in data or b"\r" in data:
        kinds = {b"\r\n": "CR LF", b"\n": "LF", b"\r": "CR"}
        rest, seen = data, []
        for end, name in kinds.items():
            if end in rest:
                seen.append(name)
                rest = rest.replace(end, b"")
        faults.append(B2Error(Problem.SEPARATOR, 0, detail=", ".join(seen)))
        data = rest
    return data, tuple(faults)


def _fixed(made: Plan, blocks: Iterator[bytes]) -> Iterator[Lu]:
    quick, exact = codec(made.profile.name), lecteur(made.profile.name)
    number, left = 1, b""
    for block in blocks:
        data = left + block
        whole = len(data) - len(data) % RECORD_BYTES
        left, data = data[whole:], data[:whole]
        try:
            records = quick.decode(data, number)
        except B2Error:
            records = None
        text = data.decode("latin-1")
        for start in range(0, whole, RECORD_BYTES):
            part = text[start : start + RECORD_BYTES]
            if records is not None:
                record = records[start // RECORD_BYTES]
                yield Lu(number, part, made.by_class[type(record)], record)
            else:
                yield _one(exact, part, number)
            number += 1
    if left:
        text = left.decode("latin-1")
        yield Lu(number, text, None, None, [made.fail(Problem.TRUNCATED, number)])


def _one(exact: PyCodec, text: str, number: int) -> Lu:
    found = exact.plan.find(text, 0)
    if found is None:
        return Lu(number, text, None, None, [exact.plan.fail(Problem.UNKNOWN_RECORD, number)])
    record = exact.try_decode(found, text)
    return Lu(number, text, found, record, [] if record is not None else list(exact.faults(found, text, number)))


def _entities(made: Plan, text: str) -> Iterator[Lu]:
    """An unknown or damaged entity ends at its `@` [IMPL ALC, FANT]; without one, the rest is one unreadable record."""
    exact = lecteur(made.profile.name)
    start, number = 0, 1
    while start < len(text):
        found = made.find(text, start)
        size = found.size if found else 0
        part = text[start : start + size]
        if found and len(part) == size:
            record = exact.try_decode(found, part)
            if record is not None:
                yield Lu(number, part, found, record)
                start, number = start + size, number + 1
                continue
        end = text.find("@", start, start + _ENTITY_BYTES) + 1
        if found and len(part) == size and (found.record.type in ("000", "999") or part.endswith("@")):
            end = start + size  # its frame is sound, its content is not
        stop = end or len(text)
        damaged = text[start:stop]
        if found is None:
            faults = [made.fail(Problem.UNKNOWN_RECORD, number)]
        elif len(damaged) == size:
            faults = list(exact.faults(found, damaged, number))
        else:
            problem = Problem.TERMINATOR if len(part) == size else Problem.TRUNCATED
            faults = [made.fail(problem, number, found.index)]
        yield Lu(number, damaged, found, None, faults)
        start, number = stop, number + 1
