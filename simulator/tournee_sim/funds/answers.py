"""What a fund writes back: ARL (SV-SIM), NOEMIE 580 per invoice, NOEMIE 576 of the payment. Entities as of ALC's table [IMPL ALC]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tournee_protocol.layouts.tables import codes as code_lists
from tournee_protocol.rejets import codes
from tournee_sim.funds.outcome import Decision, Reject
from tournee_sim.funds.reader import Fichier, Lot
from tournee_sim.funds.report import Report
from tournee_sim.funds.writer import Return, plain

UNREADABLE = "SIM9-001"
BAD_SIGNATURE = "SIM9-002"
_NATURES = {"10": "AS", "30": "AM", "41": "AT"}
_MESSAGE = "SIMULATION SV-SIM 1"


@dataclass(frozen=True)
class Letterhead:
    """Who answers whom, when, and the number of this return."""

    fund: str  # régime (2) + caisse (3)
    emetteur: str  # 14 digits of the practitioner
    identification: str  # 6 characters
    today: date

    def header(self) -> dict[str, object]:
        return {
            "type_emetteur": code_lists()["regime_type_destinataire"].get(self.fund[:2], "CT"),
            "numero_emetteur": f"000000{self.fund[:2]}000{self.fund[2:]}",
            "type_destinataire": "TP",
            "numero_destinataire": self.emetteur.rjust(14, "0"),
            "application": "TR",
            "identification_fichier": self.identification,
            "date_creation": f"{self.today:%y%m%d}",
            "type_flux": "T",
            "zone_message": _MESSAGE,
        }


def arl(head: Letterhead, report: Report, fichier: Fichier | None) -> bytes:
    """Positive when every check of the report held."""
    verdict = "P" if report.ok else "N"
    lots = fichier.lots if fichier else []
    out = Return("arl-sv-sim-1", **head.header())
    out.add(
        "801",
        accepte=verdict,
        compostage=report.compostage or "0",
        fichier_acquitte=report.identification_fichier,
        nombre_factures=len(report.factures),
        nombre_lots=len(lots),
    )
    if not report.ok:
        first = report.failed()[0]
        code = BAD_SIGNATURE if "signature" in first.name else UNREADABLE
        out.add("803", code_rejet=code, libelle=plain(f"{codes()[code].libelle} ({first.name})", 80))
    for lot in lots:
        out.add(
            "802",
            accepte=verdict,
            numero_lot=lot.numero,
            date_lot=lot.entete.text("date_lot"),
            nombre_factures=len(lot.factures),
            total_amo=lot.fin.num("total_amo") if lot.fin else 0,
        )
    return out.close()


def noemie_580(head: Letterhead, by_lot: Sequence[tuple[Lot, Sequence[Decision]]]) -> bytes:
    """Rejets, signalements, paiements: one group 102 … 294 per invoice."""
    decisions = [d for _, group in by_lot for d in group]
    out = Return("noemie", reference="580", unite_monetaire="U", **head.header())
    out.add("081", type_retour="01")
    for lot, group in by_lot:
        for decision in group:
            _invoice(out, lot, decision)
    paid = sum(d.paye for d in decisions)
    out.add("990", identification_rupture="RETOUR", compteur=len(decisions), cumul=paid, signe="P")
    return out.close(nombre_lots=len(by_lot), cumul=paid, signe_cumul="P")


def _invoice(out: Return, lot: Lot, decision: Decision) -> None:
    entete = decision.facture.entete
    supplement = decision.facture.supplements[0] if decision.facture.supplements else None
    out.add(
        "102",
        niveau_rupture=3,
        numero_facture=f"{decision.facture.numero:09d}",
        numero_lot=f"{lot.numero:03d}",
        date_lot=lot.entete.text("date_lot"),
        type_facture="F",
        date_facturation=entete.text("date_facture"),
        nature_assurance=entete.text("nature_assurance"),
    )
    out.add(
        "103",
        niveau_rupture=4,
        nir=entete.text("nir_assure"),
        cle_nir=entete.text("cle_nir"),
        nir_individuel=supplement.text("nir_individuel") if supplement else "",
        cle_nir_individuel=supplement.values["cle_nir_individuel"] if supplement else None,
        date_naissance=entete.text("date_naissance"),
        rang_naissance=entete.num("rang_naissance"),
    )
    out.add(
        "198",
        niveau_rupture=4,
        montant_amo_demande=decision.amo_demande,
        etat_amo=decision.etat,
        montant_amo_paye=decision.amo_paye,
        signe_amo_paye="P",
    )
    if decision.amc_demande:
        out.add(
            "199",
            niveau_rupture=4,
            montant_amc_demande=decision.amc_demande,
            etat_amc=decision.etat,
            montant_amc_paye=decision.amc_paye,
            signe_amc_paye="P",
            numero_amc=entete.text("organisme_complementaire") or "0",
        )
    for rank, reject in enumerate(decision.rejects, 1):
        _reject(out, reject, rank)


def _reject(out: Return, reject: Reject, rank: int) -> None:
    row = codes()[reject.code]
    ligne = reject.ligne
    out.add(
        "294",
        niveau_rupture=5,
        code_rejet=row.plain[:4],
        libelle_rejet=plain(row.libelle, 86),
        niveau_rejet="L" if ligne else "F",
        part="O",
        nature_prestation=ligne.text("code_acte") if ligne else "",
        date_soins=ligne.text("date_soins") if ligne else None,
        numero_ligne=ligne.num("numero_ligne") if ligne else None,
        rang_rejet=rank,
        information=row.code,
    )


def noemie_576(head: Letterhead, by_lot: Sequence[tuple[Lot, Sequence[Decision]]]) -> bytes:
    """Detail of the payment: transfer, lots, invoices, acts."""
    out = Return("noemie", reference="576", unite_monetaire="U", **head.header())
    out.add("040", numero_destinataire_reglement=head.emetteur.rjust(15, "0"))
    out.add(
        "071",
        date_comptable=f"{head.today:%y%m%d}",
        libelle_virement_ligne_1=f"VIREMENT {head.identification}",
        libelle_virement_ligne_2="SIMULATION SV-SIM 1",
        organisme_payeur=head.fund,
    )
    total = 0
    for lot, group in by_lot:
        out.add("080", niveau_rupture=3, date_constitution_lot=lot.entete.text("date_lot"), numero_lot=lot.numero)
        for decision in group:
            _payment(out, decision)
        paid = sum(d.paye for d in group)
        total += paid
        out.add("990", identification_rupture=f"LOT {lot.numero:03d}", compteur=len(group), cumul=paid, signe="P")
    return out.close(nombre_lots=len(by_lot), cumul=total, signe_cumul="P")


def _payment(out: Return, decision: Decision) -> None:
    facture = decision.facture
    entete = facture.entete
    birth, rank = entete.text("date_naissance"), str(entete.num("rang_naissance"))
    out.add("100", niveau_rupture=4, numero_facture=f"{facture.numero:09d}")
    out.add(
        "110",
        niveau_rupture=5,
        nir=entete.text("nir_assure"),
        cle_nir=entete.text("cle_nir"),
        nature_nom="U",
        nom_beneficiaire="SIMULATION",
        prenom_beneficiaire="SIMULATION",
    )
    out.add(
        "120",
        niveau_rupture=5,
        date_naissance_beneficiaire=birth,
        rang_beneficiaire=rank,
        nom_malade="SIMULATION",
        prenom_malade="SIMULATION",
        unite_gestion_rattachement=entete.text("centre"),
    )
    nature = _NATURES.get(entete.text("nature_assurance"), "AS")
    out.add("150", niveau_rupture=5, nature_assurance=nature)
    for ligne, paid in decision.lignes:
        wants_amc = decision.amc_paye > 0
        out.add(
            "210",
            niveau_rupture=6,
            numero_ligne=ligne.num("numero_ligne") % 100,
            code_gestion="00",
            exoneration=ligne.text("exoneration"),
            mode_traitement="00",
            discipline_medico_tarifaire="000",
            date_prescription="000000",
            date_soins=ligne.text("date_soins"),
            date_fin=ligne.text("date_soins"),
            prix_unitaire=ligne.num("prix_unitaire"),
            base_remboursement=ligne.num("base_remboursement"),
            taux=ligne.num("taux"),
            montant_rembourse=paid,
            signe="P",
            nature_prestation=ligne.text("code_acte")[:3],
            complement_acte=ligne.text("complement") if ligne.text("complement") in ("F", "N") else "",
            quantite=ligne.num("quantite"),
            coefficient=min(ligne.num("coefficient"), 99_999),
            denombrement=ligne.num("denombrement"),
            montant_depense=ligne.num("montant_honoraires"),
            qualificatif="",
            taux_complementaire_alsace_moselle=0,
            montant_complementaire_alsace_moselle=0,
            taux_part_complementaire_mutuelle=0,
            montant_part_complementaire=ligne.num("montant_amc") if wants_amc else 0,
            base_remboursement_mutuelle=0,
        )
