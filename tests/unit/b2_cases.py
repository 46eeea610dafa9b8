"""Fictitious bills (department 99) for the tests of `tournee.b2`."""

from __future__ import annotations

from datetime import date
from typing import Any

from tournee.b2.destinations import destination
from tournee.b2.model import Facture, FactureSignee, Ligne, SignatureCarte

JOUR = date(2025, 1, 15)


def ligne(code: str = "VG", cents: int = 3000, amo: int = 2100, **changes: Any) -> Ligne:
    values: dict[str, Any] = {
        "code_acte": code,
        "date_soins": JOUR,
        "specialite": "01",
        "prix_unitaire_cents": cents,
        "base_remboursement_cents": cents,
        "taux": 70,
        "montant_amo_cents": amo,
        "montant_honoraires_cents": cents,
    }
    return Ligne(**values | changes)


def facture(numero: int = 1, regime: str = "01", caisse: str = "991", **changes: Any) -> Facture:
    """A GP's home visit: 40,00 = 28,00 + 12,00."""
    values: dict[str, Any] = {
        "numero_facture": numero,
        "numero_emetteur": "991129768",
        "date_facture": JOUR,
        "specialite": "01",
        "destination": destination(regime, caisse, "0345"),
        "nir_assure": "1850599006084",
        "cle_nir": "09",
        "date_naissance": "19850512",
        "nom_emetteur": "DOCTEUR FICTIF",
        "parcours": "T",
        "lignes": (ligne(), ligne("MD", 1000, 700)),
    }
    return Facture(**values | changes)


def signature(signataire: str = "C", fill: int = 7) -> SignatureCarte:
    return SignatureCarte(signataire, "ab" * 32, bytes([fill]) * 256)


def signee(numero: int = 1, **changes: Any) -> FactureSignee:
    return FactureSignee(facture(numero, **changes), (signature("C", 1), signature("V", 2)))
