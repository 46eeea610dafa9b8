"""From a valid evaluation to the neutral invoice that the encoding room writes."""

from __future__ import annotations

from datetime import date

from tournee.b2.model import Complementaire, Destination, Facture, Ligne
from tournee.billing.model import MODE_CODES, Bill, Mode
from tournee.billing.result import Contexte, Evaluation, Line
from tournee.billing.rights import Beneficiaire, Rights
from tournee.transmit.directory import Directory

_NATURE = {"maladie": "10", "maternite": "30", "at": "41", "smg": "90"}
_TIERS_PAYANT = {"": 0, "aucun": 0, "amo": 1, "amo_amc": 2, "c2s": 2}


def facture(
    bill: Bill, rights: Rights, evaluation: Evaluation, *, numero: int, day: date, directory: Directory
) -> Facture:
    """Raises DestinationUnknown. `numero` 1…999 999 999, `day` the date of elaboration."""
    context, situation, person = evaluation.contexte, bill.situation, bill.beneficiaire
    if person is None:
        raise ValueError("a valid bill has a beneficiary")
    holder = _beneficiaire(rights, bill)
    return Facture(
        numero_facture=numero,
        numero_emetteur=situation.numero_facturation + situation.cle_facturation,
        date_facture=day,
        specialite=situation.specialite,
        destination=destination(rights, directory),
        nir_assure=person.nir_assure,
        cle_nir=person.cle_assure,
        date_naissance=person.naissance,
        lignes=tuple(_ligne(line, bill, context) for line in evaluation.lines),
        nature_assurance=_NATURE[context.nature_assurance],
        exoneration=context.exoneration or "0",
        nom_emetteur=bill.praticien.nom,
        type_flux="T" if bill.simulation else "R",
        situation=_int(situation.numero_logique, 1),
        code_conventionnel=_int(situation.code_conventionnel, 1),
        zone_tarifaire=situation.zone_tarifaire,
        zone_ik=situation.zone_ik,
        mode_securisation=MODE_CODES[Mode(context.mode)] if context.mode else MODE_CODES[Mode.SECURISE],
        tiers_payant=_TIERS_PAYANT[context.tiers_payant],
        code_gestion=rights.code_gestion,
        date_droits=_droits(holder, bill),
        rang_beneficiaire=_rank(rights, bill),
        rang_naissance=_int(person.rang, 1),
        qualite=person.qualite,
        code_couverture=context.code_ald + context.code_situation,
        nir_individuel=person.nir_certifie or None,
        cle_nir_individuel=person.cle_certifie or None,
        date_nature_assurance=context.date_maternite or context.date_at,
        numero_at=context.numero_at or None,
        accident_tiers=bool(context.accident_tiers),
        parcours=context.parcours,
        declaration_mt=context.parcours_declaration,
        date_installation=context.parcours_installation,
        prescripteur=context.prescripteur or None,
        date_prescription=context.prescription_date,
        origine_prescription=context.prescription_origine,
        complementaire=_complementaire(context, holder),
    )


def destination(rights: Rights, directory: Directory) -> Destination:
    """The patient's organism and who receives for it; raises DestinationUnknown."""
    row = directory.lookup(rights.regime, rights.caisse, rights.centre)
    return Destination(
        regime=rights.regime,
        caisse=rights.caisse,
        centre=rights.centre,
        organisme_destinataire=row.organisme_destinataire,
        centre_informatique=row.centre_informatique,
    )


def _ligne(line: Line, bill: Bill, context: Contexte) -> Ligne:
    return Ligne(
        code_acte=line.code,
        date_soins=line.date,
        specialite=bill.situation.specialite,
        prix_unitaire_cents=line.pu_cents,
        base_remboursement_cents=line.base_cents,
        taux=line.taux,
        montant_amo_cents=line.amo_cents,
        montant_honoraires_cents=line.montant_cents,
        montant_amc_cents=line.amc_cents,
        quantite=line.quantite,
        coefficient_centi=line.coefficient_centiemes,
        exoneration=line.exoneration or "0",
        qualificatif=line.qualificatif,
        complement=line.complement,
        lieu_execution=1 if context.lieu == "domicile" else 0,
        executant=context.executant or None,
    )


def _beneficiaire(rights: Rights, bill: Bill) -> Beneficiaire | None:
    return next((b for b in rights.beneficiaires if b.identite == bill.beneficiaire), None)


def _rank(rights: Rights, bill: Bill) -> int:
    people = [b.identite for b in rights.beneficiaires]
    return people.index(bill.beneficiaire) + 1 if bill.beneficiaire in people else 0


def _droits(holder: Beneficiaire | None, bill: Bill) -> date | None:
    """Start of the AMO period that holds on the day of care."""
    day = next((a.date for a in bill.acts if a.date), bill.created)
    periods = holder.periodes_amo if holder else ()
    return next((p.debut for p in periods if p.contains(day)), None)


def _complementaire(context: Contexte, holder: Beneficiaire | None) -> Complementaire | None:
    if _TIERS_PAYANT[context.tiers_payant] < 2 or not context.amc_numero:
        return None
    amc = holder.amc if holder else None
    return Complementaire(
        numero_organisme=context.amc_numero,
        type_contrat=context.type_contrat or "00",
        numero_adherent=context.amc_adherent,
        indicateur=amc.indicateur_traitement if amc else "",
        code_routage=amc.code_routage if amc else "",
        debut=amc.periode.debut if amc else None,
        fin=amc.periode.fin if amc else None,
    )


def _int(text: str, default: int) -> int:
    return int(text) if text.isdigit() else default
