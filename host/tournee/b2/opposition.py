"""The list of opposed Vitale cards: a whole list (LOI) or a daily increment (dLOI). SV-SIM 1, SIMULATION: the format is not public.

With a card of this list no bill may be secured in tiers payant [SEC]; that rule is `billing`'s, this room keeps the list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from tournee.b2.errors import B2Error, Problem
from tournee.b2.facture import aammjj
from tournee.b2.records.loi_sv_sim_1 import CarteOpposee, DebutListe, FinListe
from tournee.b2.scan import scan
from tournee.b2.twin import decode, encode

PROFILE = "loi-sv-sim-1"


@dataclass(frozen=True, slots=True)
class Liste:
    numero: int  # 0: none received yet
    cartes: frozenset[str]

    def opposee(self, numero_serie: str) -> bool:
        return numero_serie.strip() in self.cartes


AUCUNE = Liste(0, frozenset())


def appliquer(liste: Liste, data: bytes) -> Liste:
    """The list after a LOI or dLOI.

    Raises B2Error when the bytes are wrong, (ORDER) when an increment is not for this list: ask for the whole list then. An increment
    received twice changes nothing.
    """
    scan(data, PROFILE)
    debut, *cartes, _fin = decode(data, PROFILE) or [None, None]
    if not isinstance(debut, DebutListe):
        raise B2Error(Problem.TRUNCATED, 0, "000")
    if debut.nature == "C":
        return Liste(debut.numero_liste, frozenset(c.numero_serie for c in cartes if c.action == "A"))
    if debut.numero_liste == liste.numero:
        return liste
    if debut.numero_base != liste.numero:
        detail = f"incrément de la liste {debut.numero_base}, liste présente {liste.numero}"
        raise B2Error(Problem.ORDER, 1, "000", "numero_base", 13, detail)
    held = set(liste.cartes)
    for carte in cartes:
        (held.add if carte.action == "A" else held.discard)(carte.numero_serie)
    return Liste(debut.numero_liste, frozenset(held))


def ecrire(numero: int, base: int, jour: date, cartes: Iterable[CarteOpposee]) -> bytes:
    """A LOI (`base` 0) or dLOI."""
    nature = "I" if base else "C"
    listed = list(cartes)
    debut = DebutListe(nature=nature, numero_liste=numero, numero_base=base, date_creation=aammjj(jour))
    fin = FinListe(
        nature=nature, numero_liste=numero, nombre_enregistrements=len(listed) + 2, nombre_cartes=len(listed)
    )
    return encode([debut, *listed, fin], PROFILE)
