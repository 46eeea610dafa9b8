"""NOEMIE returns (576, 580, 900; 572, 531, 908 have the same entities): entities in order, control totals, writer [IMPL ALC]."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from tournee.b2.check import Controle
from tournee.b2.lu import Lu
from tournee.b2.read import Ouvert, ouvrir
from tournee.b2.records.noemie import DebutFichier, EntiteControle, FinFichier, Lot
from tournee.b2.twin import encode
from tournee_protocol.layouts import Check, load

PROFILE = "noemie"
REFERENCES = ("576", "580", "900", "572", "531", "908")
"""Those known to have these entities; another one is read the same way and told."""


def lire(data: bytes) -> Iterator[Lu]:
    """Every entity with its faults: an unknown one is skipped and reported, counters and totals of 990 and 999 are verified.

    What is wrong with the file as a whole (line ends, another code) stands with the first.
    """
    opened = ouvrir(io.BytesIO(data), PROFILE)
    return Controle(opened.plan).lire(_with_own_faults(opened))


def _with_own_faults(opened: Ouvert) -> Iterator[Lu]:
    for lu in opened:
        if lu.number == 1:
            lu.faults[:0] = opened.faults
        yield lu


def ecrire(debut: DebutFichier, entites: Iterable[Any]) -> bytes:
    """A return: 000, the entities, 999 with its counters and total. Raises B2Error when a value does not fit its field."""
    records = [debut, *entites]
    total = cumul(records)
    fin = FinFichier(
        type_emetteur=debut.type_emetteur,
        numero_emetteur=debut.numero_emetteur,
        programme_emetteur=debut.programme_emetteur,
        type_destinataire=debut.type_destinataire,
        numero_destinataire=debut.numero_destinataire,
        programme_destinataire=debut.programme_destinataire,
        application=debut.application,
        identification_fichier=debut.identification_fichier,
        nombre_enregistrements=len(records) + 1,
        type_flux=debut.type_flux,
        nombre_lots=sum(isinstance(r, Lot) for r in records),
        cumul=abs(total),
        signe_cumul="N" if total < 0 else "P",
    )
    return encode([*records, fin], PROFILE)


def controle(identification: str, entites: Iterable[Any]) -> EntiteControle:
    """The 990 that closes these entities."""
    listed = list(entites)
    names = _check("990", "compteur").count
    total = cumul(listed)
    return EntiteControle(
        identification_rupture=identification,
        compteur=sum(_type(r) in names for r in listed),
        cumul=abs(total),
        signe="N" if total < 0 else "P",
    )


def cumul(records: Iterable[Any]) -> int:
    """Cents paid by these entities, as 990 and 999 sum them."""
    terms = _check("990", "cumul").terms
    total = 0
    for record in records:
        for term in terms:
            if _type(record) == term.type:
                amount = getattr(record, term.field) or 0
                total += -amount if getattr(record, term.sign_field) == "N" else amount
    return total


def _check(at: str, field: str) -> Check:
    return next(c for c in load(PROFILE).checks if (c.at, c.field) == (at, field))


def _type(record: Any) -> str:
    return _TYPES.get(type(record).__name__, "")


_TYPES = {r.name: r.type for r in load(PROFILE).records}
