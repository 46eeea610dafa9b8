"""Records of ARL SV-SIM 1 (simulation). Generated from `tournee_protocol.layouts` (arl-sv-sim-1): do not edit.

A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED: Any = None


class DebutArl(NamedTuple):
    """Type 000: Début de fichier."""

    type_emetteur: str  # 4-5: type d'émetteur (codes.toml)
    numero_emetteur: str  # 6-19: n° d'émetteur: 000000 + régime(2) + centre informatique(3) + organisme(3)
    programme_emetteur: str = ""  # 20-25: programme émetteur, libre
    type_destinataire: str = "TP"  # 26-27: type de destinataire (codes.toml)
    numero_destinataire: str = _REQUIRED  # 28-41: n° d'émetteur du fichier acquitté
    programme_destinataire: str = ""  # 42-47: programme destinataire
    application: str = "TR"  # 48-49: type d'échange
    identification_fichier: str = _REQUIRED  # 50-55: identification de cet ARL, unique par émetteur
    date_creation: str = _REQUIRED  # 56-61, AAMMJJ: date de création
    type_flux: str = "T"  # 71-71: type de flux
    zone_message: str = "SIMULATION SV-SIM 1"  # 92-128: zone message, libre


class AccuseFichier(NamedTuple):
    """Type 801: Ce qui est acquitté: un fichier reçu par un message."""

    accepte: str  # 6-6: verdict sur le fichier
    compostage: str  # 7-25: compostage du sujet du message reçu; zéros s'il est illisible
    fichier_acquitte: str = ""  # 26-31: identification du fichier reçu; vide s'il est illisible
    nombre_factures: int = 0  # 32-36: nombre de factures lues
    nombre_lots: int = 0  # 37-39: nombre de lots lus


class AccuseLot(NamedTuple):
    """Type 802: Verdict sur un lot."""

    accepte: str  # 6-6: verdict sur le lot
    numero_lot: int  # 7-9: n° de lot
    date_lot: str  # 10-15, AAMMJJ: date de création du lot
    nombre_factures: int  # 16-18: nombre de factures du lot
    total_amo: int  # 19-27, cents: total AMO demandé


class MotifRejet(NamedTuple):
    """Type 803: Motif d'un verdict négatif: du lot qui précède, ou du fichier s'il n'y a pas de lot avant lui."""

    code_rejet: str  # 6-13: code (data/rejets.toml)
    libelle: str  # 14-93: libellé
    numero_facture: int = 0  # 94-102: facture en cause; 0 aucune en particulier


class FinArl(NamedTuple):
    """Type 999: Fin de fichier."""

    type_emetteur: str  # 4-5: comme 000
    numero_emetteur: str  # 6-19: comme 000
    programme_emetteur: str = ""  # 20-25: comme 000
    type_destinataire: str = "TP"  # 26-27: comme 000
    numero_destinataire: str = _REQUIRED  # 28-41: comme 000
    programme_destinataire: str = ""  # 42-47: comme 000
    application: str = "TR"  # 48-49: comme 000
    identification_fichier: str = _REQUIRED  # 50-55: comme 000
    nombre_enregistrements: int = _REQUIRED  # 56-63: nombre d'enregistrements, 000 et 999 compris


Record = DebutArl | AccuseFichier | AccuseLot | MotifRejet | FinArl

RECORDS: tuple[type[Any], ...] = (
    DebutArl,
    AccuseFichier,
    AccuseLot,
    MotifRejet,
    FinArl,
)
"""In the order of the table; profile arl-sv-sim-1."""
