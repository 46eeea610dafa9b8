"""Reads a file whatever is wrong with it: each record with its faults, the rest still readable, nothing repaired silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import BinaryIO

from tournee.b2.entities import read_entities
from tournee.b2.errors import B2Error, Problem
from tournee.b2.fixed import read_fixed
from tournee.b2.lu import Lu
from tournee.b2.plan import Plan, plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import codec
from tournee.b2.window import Window
from tournee_protocol.layouts import Framing, Kind, load, profile_names
from tournee_protocol.layouts.model import RECORD_BYTES

__all__ = ["RECORD_BYTES", "Lu", "Ouvert", "lecteur", "ouvrir", "reconnaitre"]

_FIRST = 4
"""Line ends or UTF-8 in so many first records are a fault of the file; beginning later, of the record where they begin."""


@dataclass(frozen=True, slots=True)
class Ouvert:
    """A file recognised: its layout, what is wrong with the file as a whole, its records one by one."""

    plan: Plan
    faults: tuple[B2Error, ...]
    lus: Iterator[Lu]

    def __iter__(self) -> Iterator[Lu]:
        return self.lus


def ouvrir(stream: BinaryIO, profile: str | None = None) -> Ouvert:
    """Recognises a binary stream and reads it block by block, whatever its line ends and code.

    Raises B2Error when none is given and no layout fits (PROFILE) or nothing is there (TRUNCATED).
    """
    window = Window(stream)
    made = plan(profile or _recognised(window))
    lus = _records(made, window)
    first = list(islice(lus, _FIRST))
    if not first:
        raise _empty()
    faults = [B2Error(Problem.ENCODING, 1, position=1, detail=window.code)] if window.code else []
    for lu in first:
        faults += [f for f in lu.faults if f.problem in (Problem.SEPARATOR, Problem.ENCODING)]
        lu.faults = [f for f in lu.faults if f.problem not in (Problem.SEPARATOR, Problem.ENCODING)]
    return Ouvert(made, tuple(faults), chain(first, lus))


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


def _recognised(window: Window) -> str:
    """By the bytes of the first record without line ends, or by its characters when they are UTF-8."""
    head = window.ends.sub(b"", window.data[: 3 * RECORD_BYTES])
    if not head:
        raise _empty()
    try:
        return reconnaitre(head)
    except B2Error:
        if head.isascii():
            raise
        return reconnaitre(head.decode("utf-8", "replace").encode("latin-1", "replace"))


def _records(made: Plan, window: Window) -> Iterator[Lu]:
    name = made.profile.name
    read = read_fixed if made.profile.framing is Framing.FIXED else read_entities
    return read(made, window, codec(name), lecteur(name))


def _empty() -> B2Error:
    return B2Error(Problem.TRUNCATED, 0, detail="fichier vide")
