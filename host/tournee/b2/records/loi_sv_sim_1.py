"""Records of LOI SV-SIM 1 (simulation). Generated from `tournee_protocol.layouts` (loi-sv-sim-1): do not edit.

A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED: Any = None


class DebutListe(NamedTuple):
    """Type 000: Début de liste."""

    nature: str  # 4-4: nature
    numero_liste: int  # 5-12: n° de la liste qui en résulte
    numero_base: int = 0  # 13-20: n° de la liste que l'incrément complète; 0: liste complète
    date_creation: str = _REQUIRED  # 56-61, AAMMJJ: date de création
    zone_message: str = "SIMULATION SV-SIM 1"  # 92-128: zone message


class CarteOpposee(NamedTuple):
    """Type L: Une carte Vitale opposée ou relevée d'opposition."""

    action: str = "A"  # 2-2: action
    numero_serie: str = _REQUIRED  # 3-22: n° de série de la carte
    motif: str = ""  # 23-23: motif
    date_opposition: str | None = None  # 24-29, AAMMJJ: date d'opposition


class FinListe(NamedTuple):
    """Type 999: Fin de liste: compteurs."""

    nature: str  # 4-4: comme 000
    numero_liste: int  # 5-12: comme 000
    nombre_enregistrements: int  # 56-63: nombre d'enregistrements, 000 et 999 compris
    nombre_cartes: int  # 83-90: nombre d'enregistrements L


Record = DebutListe | CarteOpposee | FinListe

RECORDS: tuple[type[Any], ...] = (
    DebutListe,
    CarteOpposee,
    FinListe,
)
"""In the order of the table; profile loi-sv-sim-1."""
