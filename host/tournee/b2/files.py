"""A file of lots: 000, lots, 999 with its counters. Direct (one destination) or one file for an OCT [SPEC S001]."""

from __future__ import annotations

from collections.abc import Container

from tournee.b2.destinations import numero_destinataire, type_destinataire
from tournee.b2.errors import B2Error, Problem
from tournee.b2.facture import aammjj
from tournee.b2.lots import PROFILE, critere, lot_records
from tournee.b2.model import Facture, Fichier
from tournee.b2.records.sv_sim_1 import DebutFichier, FinFichier, Record
from tournee.b2.twin import encode
from tournee_protocol.layouts.tables import lot_rules


def fichier_records(fichier: Fichier, deja: Container[str] = ()) -> list[Record]:
    """All records of the file; `deja` holds the identifications of earlier files.

    Raises B2Error (ORDER) when lots may not share it, (DUPLICATE) for two lots with one number or an identification used before.
    """
    if fichier.identification in deja:
        raise B2Error(Problem.DUPLICATE, 0, "000", "identification_fichier", 50)
    _check(fichier)
    first = fichier.lots[0].factures[0].facture
    oct_file = bool(fichier.oct_numero)
    dest = ("", "") if oct_file else _destinataire(first)
    common = {
        "type_emetteur": fichier.type_emetteur,
        "numero_emetteur": first.numero_emetteur,
        "type_destinataire": "OT" if oct_file else dest[0],
        "numero_destinataire": fichier.oct_numero if oct_file else dest[1],
        "application": "TO" if oct_file else "TR",
        "identification_fichier": fichier.identification,
        "type_flux": first.type_flux,
    }
    lots = [record for lot in fichier.lots for record in lot_records(lot)]
    debut = DebutFichier(**common, date_creation=aammjj(fichier.date_creation), zone_message=fichier.zone_message)
    fin = FinFichier(**common, nombre_enregistrements=len(lots) + 2, nombre_lots=len(fichier.lots))
    return [debut, *lots, fin]


def fichier_bytes(fichier: Fichier) -> bytes:
    """The file as sent: 128-byte ASCII records, no separator."""
    return encode(fichier_records(fichier))


def _destinataire(facture: Facture) -> tuple[str, str]:
    """Type and number: the centre of the caisse, or the organisme complémentaire (OC) of a DRE."""
    if facture.type_facture == "D":
        return facture.fichier[:2]
    return type_destinataire(facture.destination.regime), numero_destinataire(facture.destination)


def _check(fichier: Fichier) -> None:
    if not fichier.lots or not all(lot.factures for lot in fichier.lots):
        raise B2Error(Problem.ORDER, 0, "000", detail="fichier sans lot ou lot sans facture")
    for lot in fichier.lots:
        if lot.type_emetteur != fichier.type_emetteur:
            detail = f"lot {lot.numero_lot} : {lot.type_emetteur}, fichier : {fichier.type_emetteur}"
            raise B2Error(Problem.MISMATCH, 0, "1", "type_emetteur", 15, detail)
    if fichier.oct_numero and not (fichier.oct_numero.isascii() and fichier.oct_numero.isdigit()):
        raise B2Error(Problem.CHARACTERS, 0, "000", "numero_destinataire", 28, "numéro de l'OCT")
    keys = lot_rules(PROFILE)["fichier"]["oct" if fichier.oct_numero else "direct"]
    values = [critere(lot.factures[0].facture) for lot in fichier.lots]
    for key in keys:
        if len({v[key] for v in values}) > 1:
            raise B2Error(Problem.ORDER, 0, "000", key, detail="le fichier mélange plusieurs valeurs")
    # FSE and DRE lots are numbered apart [IMPL JFSE].
    numbers = [(v["type_facture"], lot.numero_lot) for v, lot in zip(values, fichier.lots, strict=True)]
    if len(set(numbers)) != len(numbers):
        raise B2Error(Problem.DUPLICATE, 0, "1", "numero_lot", 20, "deux lots portent le même numéro")
