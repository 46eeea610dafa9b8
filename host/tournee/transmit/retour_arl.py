"""ARL, SV-SIM v1 (`layouts/arl_sv_sim_1.toml`): 000 801 { 802 803* } 803* 999. SIMULATION."""

from __future__ import annotations

from typing import Any, Final

from tournee.b2.errors import B2Error, Problem
from tournee.b2.records import arl_sv_sim_1 as records
from tournee.b2.twin import decode
from tournee.transmit.model import Arl, ArlLot, Nature, Rejet, Retour, jour

PROFILE: Final = "arl-sv-sim-1"


def read(data: bytes, description: str, simulation: bool) -> Retour:
    """Raises B2Error when the layout, the order or the counter is broken."""
    rows = decode(data, PROFILE)
    debut, accuse, fin = rows[0], rows[1] if len(rows) > 2 else None, rows[-1]
    if not isinstance(debut, records.DebutArl) or not isinstance(fin, records.FinArl):
        raise B2Error(Problem.ORDER, 1, "000")
    if not isinstance(accuse, records.AccuseFichier):
        raise B2Error(Problem.ORDER, 2, "801")
    if fin.nombre_enregistrements != len(rows):
        raise B2Error(Problem.COUNT, len(rows), "999", "nombre_enregistrements", 56)
    about_file: list[Rejet] = []
    lots: list[tuple[records.AccuseLot, list[Rejet]]] = []
    for number, row in enumerate(rows[2:-1], 3):
        if isinstance(row, records.AccuseLot):
            lots.append((row, []))
        elif isinstance(row, records.MotifRejet):
            (lots[-1][1] if lots else about_file).append(_rejet(row))
        else:
            raise B2Error(Problem.ORDER, number)
    return Retour(
        nature=Nature.ARL,
        reference="ARL",
        simulation=simulation,
        description=description,
        emetteur=debut.numero_emetteur,
        destinataire=debut.numero_destinataire,
        identification_fichier=debut.identification_fichier,
        date_creation=jour(debut.date_creation),
        arl=Arl(
            accepte=_verdict(accuse, 2),
            compostage=accuse.compostage,
            identification_fichier=accuse.fichier_acquitte,
            lots=tuple(
                ArlLot(f"{row.numero_lot:03d}", _verdict(row, 0), row.nombre_factures, row.total_amo, tuple(rejets))
                for row, rejets in lots
            ),
            rejets=tuple(about_file),
        ),
        data=data,
    )


def _verdict(row: Any, number: int) -> bool:
    if row.accepte not in ("P", "N"):
        raise B2Error(Problem.VALUE, number, "80x", "accepte", 6)
    return bool(row.accepte == "P")


def _rejet(row: records.MotifRejet) -> Rejet:
    numero = f" (facture {row.numero_facture:09d})" if row.numero_facture else ""
    return Rejet(row.code_rejet, row.libelle + numero, "F" if row.numero_facture else "", "")
