"""NOEMIE returns as values: invoices with their shares, rejects and lines. Names and NIR stay in the file.

References 580 (rejets, signalements, paiements), 576 (payments) and 900 (rejets) [SPEC S001 §5.3]; entities [IMPL ALC]. Other
references with the same entities are read the same way.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tournee.b2.errors import B2Error, Problem
from tournee.b2.lu import Lu
from tournee.b2.noemie import REFERENCES, lire
from tournee.b2.records import noemie as records
from tournee.transmit.model import Etat, LignePayee, Montants, Nature, Rejet, Retour, RetourFacture, Virement, jour

_FATAL: Final = (
    Problem.TRUNCATED,
    Problem.LENGTH,
    Problem.TERMINATOR,
    Problem.ORDER,
    Problem.UNKNOWN_RECORD,
)
_MOVING: Final = ("000", "080", "100", "102", "198", "199", "210", "290", "294", "999")
"""Entities without which a bill would be moved wrongly; in another one, an accent must not hold back a payment."""
_PRINTED_CODE: Final = re.compile(r"[0-9A-Z]{4}-\d{3}")


def read(data: bytes, description: str, simulation: bool) -> Retour:
    """Raises B2Error when the frame, the counter or an entity that moves a bill is broken; what else is wrong becomes a remark."""
    reader = _Reader()
    debut: records.DebutFichier | None = None
    fin: records.FinFichier | None = None
    for lu in lire(data):
        reader.judge(lu)
        if isinstance(lu.record, records.DebutFichier):
            debut = lu.record
        elif isinstance(lu.record, records.FinFichier):
            fin = lu.record
        elif lu.record is not None:
            reader.take(lu.record, lu.number)
    if debut is None or fin is None:
        raise B2Error(Problem.TRUNCATED, 0, "999" if debut else "000")
    if debut.reference not in REFERENCES:
        reader.remarques.append(f"Référence {debut.reference} inconnue : lue comme {', '.join(REFERENCES)}.")
    return Retour(
        nature=Nature.NOEMIE,
        reference=debut.reference,
        simulation=simulation,
        description=description,
        emetteur=debut.numero_emetteur,
        destinataire=debut.numero_destinataire,
        identification_fichier=debut.identification_fichier,
        date_creation=jour(debut.date_creation),
        factures=tuple(f.made() for f in reader.factures),
        virements=tuple(reader.virements),
        total_cents=_signed(fin.cumul, fin.signe_cumul),
        remarques=tuple(reader.remarques),
        data=data,
    )


class _Facture:
    def __init__(self, numero: str, numero_lot: str, date_lot: str | None) -> None:
        self.numero = numero
        self.numero_lot = numero_lot
        self.date_lot = date_lot
        self.amo: Montants | None = None
        self.amc: Montants | None = None
        self.rejets: list[Rejet] = []
        self.commentaires: list[str] = []
        self.lignes: list[LignePayee] = []

    def made(self) -> RetourFacture:
        return RetourFacture(
            numero_facture=self.numero.zfill(9),
            numero_lot=self.numero_lot,
            date_lot=jour(self.date_lot),
            amo=self.amo,
            amc=self.amc,
            rejets=tuple(self.rejets),
            commentaires=tuple(self.commentaires),
            lignes=tuple(self.lignes),
        )


class _Reader:
    """Entities in order: an invoice owns what follows it until the next invoice, lot or control entity."""

    def __init__(self) -> None:
        self.factures: list[_Facture] = []
        self.virements: list[Virement] = []
        self.remarques: list[str] = []
        self._lot: tuple[str, str | None] = ("", None)
        self._open: _Facture | None = None

    def judge(self, lu: Lu) -> None:
        """Raises the fault that forbids to believe the file; keeps the others as remarks."""
        type_ = lu.made.record.type if lu.made else ""
        for fault in lu.faults:
            if not type_ and lu.text[:3].isdigit() and lu.text.endswith("@"):
                self.remarques.append(f"Entité {lu.text[:3]} inconnue : non lue.")
            elif (
                fault.problem in _FATAL
                or (lu.record is None and type_ in _MOVING)
                or (fault.problem is Problem.COUNT and type_ == "999")
            ):
                raise fault
            elif fault.problem is not Problem.VALUE:  # lists are from one public table: a new code is nothing to act on
                self.remarques.append(f"À vérifier : {fault.what}.")

    def take(self, row: Any, number: int) -> None:
        match row:
            case records.Lot():
                self._lot = (f"{row.numero_lot:03d}", row.date_constitution_lot)
                self._open = None
            case records.Facture():
                self._begin(_Facture(row.numero_facture, *self._lot))
            case records.Facture102():
                self._begin(_Facture(row.numero_facture, row.numero_lot, row.date_lot))
            case records.DateComptable():
                self.virements.append(Virement(jour(row.date_comptable)))
            case records.DateComptableReferenceVirement():
                label = f"{row.libelle_virement_ligne_1} {row.libelle_virement_ligne_2}".strip()
                self.virements.append(Virement(jour(row.date_comptable), label, row.organisme_payeur))
            case records.EntiteControle():
                self._open = None
            case records.PartAmo():
                paid = _signed(row.montant_amo_paye or 0, row.signe_amo_paye)
                self._owner(number).amo = Montants(row.montant_amo_demande, paid, _etat(row.etat_amo, number))
            case records.PartAmc():
                paid = _signed(row.montant_amc_paye or 0, row.signe_amc_paye)
                self._owner(number).amc = Montants(row.montant_amc_demande, paid, _etat(row.etat_amc, number))
            case records.LigneRejet():
                self._owner(number).rejets.append(_rejet(row))
            case records.RejetSignalement():
                self._owner(number).rejets.append(
                    Rejet(
                        row.codification, row.libelle, "L" if row.numero_ligne else "F", "", "", None, row.numero_ligne
                    )
                )
            case records.LigneCommentaire():
                self._comment(row.commentaire)
            case records.ActeProfessionnel():
                self._owner(number).lignes.append(_ligne(row))
            case records.MouvementFinancierRetenue():
                amount = _signed(row.montant_mouvement_financier, row.signe)
                self.remarques.append(
                    f"Mouvement {row.nature_dette}/{row.nature_operations_recuperation} de {_euros(amount)}, "
                    f"référence {row.reference_dette}."
                )
            case records.PaiementsPonctuelsForfaitaires():
                amount = row.montant_paiment_ponctuel_forfaitaire
                self.remarques.append(
                    f"Paiement forfaitaire {row.code_paiement_ponctuel_forfaitaire} : {_euros(amount)}."
                )
            case records.DetailPaiementPonctuelForfaitaire():
                self.remarques.append(f"{row.libelle_associe} : {_euros(row.montant)}.")
            case _:
                pass  # who is insured, nature of the insurance, hospital lines: nothing that moves a bill of a practitioner

    def _begin(self, facture: _Facture) -> None:
        self.factures.append(facture)
        self._open = facture

    def _owner(self, number: int) -> _Facture:
        if self._open is None:
            raise B2Error(Problem.ORDER, number)
        return self._open

    def _comment(self, text: str) -> None:
        (self._open.commentaires if self._open else self.remarques).append(text)


def _rejet(row: records.LigneRejet) -> Rejet:
    """The printed code ("0250-050") when the entity carries it beside the four characters of `code_rejet`."""
    printed = _PRINTED_CODE.fullmatch(row.information)
    return Rejet(
        code=printed[0] if printed else row.code_rejet,
        libelle=row.libelle_rejet,
        niveau=row.niveau_rejet,
        part=row.part,
        acte=row.nature_prestation,
        date_soins=jour(row.date_soins),
        numero_ligne=row.numero_ligne or 0,
    )


def _ligne(row: records.ActeProfessionnel) -> LignePayee:
    return LignePayee(
        numero_ligne=row.numero_ligne,
        acte=row.nature_prestation,
        date_soins=jour(row.date_soins),
        depense_cents=row.montant_depense,
        base_cents=row.base_remboursement,
        taux_pct=row.taux,
        montant_cents=_signed(row.montant_rembourse, row.signe),
        complementaire_cents=row.montant_part_complementaire,
    )


def _etat(code: str, number: int) -> Etat:
    try:
        return Etat(code or " ")
    except ValueError as exc:
        raise B2Error(Problem.VALUE, number, "19x", "etat", 14) from exc


def _signed(cents: int, sign: str) -> int:
    return -cents if sign == "N" else cents


def _euros(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100},{abs(cents) % 100:02d} €"
