"""A file read to its end and found right: the first fault of any kind is raised, whoever reads on gets only what is right."""

from __future__ import annotations

from collections.abc import Iterator

from tournee.b2.check import Controle
from tournee.b2.errors import B2Error, Problem
from tournee.b2.read import Lu, Ouvert


def justes(opened: Ouvert) -> Iterator[Lu]:
    """Records one by one; raises B2Error at the first fault of the file, of a record, of its place, of a total, or for an empty file.

    What stands at the end (counters, a missing 999) is known only at the end: what was made from the records until then is for nothing.
    """
    empty = True
    for lu in Controle(opened.plan).lire(_sound(opened)):
        empty = False
        if lu.faults:
            raise lu.faults[0]
        yield lu
    if empty:
        raise B2Error(Problem.TRUNCATED, 0, detail="fichier vide")


def _sound(opened: Ouvert) -> Iterator[Lu]:
    if opened.faults:
        raise opened.faults[0]
    yield from opened
    if opened.faults:  # found on the way
        raise opened.faults[0]
