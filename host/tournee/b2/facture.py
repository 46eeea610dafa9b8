"""A bill as records: 2, 2S, 4…, 5, then one signature over them per card. Profile SV-SIM 1 (SIMULATION)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from tournee.b2.errors import B2Error, Problem
from tournee.b2.model import Facture, FactureSignee, Ligne, SignatureCarte
from tournee.b2.records.sv_sim_1 import EnTeteFacture, FinFacture, LigneHonoraires, Record, Signature, SupplementFacture
from tournee.b2.twin import encode

SIGNATURE_BYTES = 256
OCT_SPLITS = "99"
"""Type of contract: the OCT makes the AMC's part out of the FSE."""
_PART_CHARS = 86
_PARTS = 4


def facture_records(facture: Facture) -> list[Record]:
    """Records 2, 2S, 4…, 5. Raises B2Error (TOTAL) when AMO and AMC exceed what is charged, (ORDER) without a line.

    Also for a DRE that has no organisme complémentaire (MISSING), leaves the split to the OCT (VALUE) or asks for nothing (TOTAL).
    """
    if not facture.lignes:
        raise B2Error(Problem.ORDER, 0, "4", detail="facture sans ligne")
    if facture.type_facture == "D":
        _check_dre(facture)
    lignes = [_ligne(facture, number, ligne) for number, ligne in enumerate(facture.lignes, 1)]
    return [_en_tete(facture), _supplement(facture), *lignes, _fin(facture)]


def dre(facture: Facture, numero_facture: int) -> Facture:
    """The DRE of a FSE, for the organisme complémentaire, under a number of its own (gestion séparée) [SPEC S001]. SV-SIM: it
    repeats the lines of the FSE, whose AMC part it asks for."""
    return replace(facture, type_facture="D", numero_facture=numero_facture)


def signature_records(
    numero_emetteur: str, objet: str, numero: int, signatures: Iterable[SignatureCarte]
) -> list[Record]:
    """Records 7, four per signature; `objet` F (facture) or L (lot), `numero` of it."""
    records: list[Record] = []
    for signature in signatures:
        if len(signature.value) != SIGNATURE_BYTES:
            raise B2Error(
                Problem.OVERFLOW, 0, "7", "valeur", 43, detail=f"{len(signature.value)} octets au lieu de 256"
            )
        text = base64.b64encode(signature.value).decode("ascii")
        records += [
            Signature(
                numero_emetteur=numero_emetteur,
                objet=objet,
                numero=numero,
                signataire=signature.signataire,
                part=part + 1,
                parts=_PARTS,
                certificat=signature.certificate_sha256[:16].lower(),
                valeur=text[part * _PART_CHARS : (part + 1) * _PART_CHARS],
            )
            for part in range(_PARTS)
        ]
    return records


def facture_signee_records(signee: FactureSignee) -> list[Record]:
    """`facture_records` and the bill's signature records."""
    facture = signee.facture
    return facture_records(facture) + signature_records(
        facture.numero_emetteur, "F", facture.numero_facture, signee.signatures
    )


def digest(records: Sequence[Record]) -> bytes:
    """SHA-256 (32 bytes) of the records' bytes: what `tournee.signing.message` carries."""
    return hashlib.sha256(encode(records)).digest()


def aammjj(day: date) -> str:
    """AAMMJJ."""
    return day.strftime("%y%m%d")


def _check_dre(facture: Facture) -> None:
    amc = facture.complementaire
    if amc is None or not amc.numero_organisme:
        raise B2Error(
            Problem.MISSING, 0, "2", "organisme_complementaire", 119, "une DRE va à un organisme complémentaire"
        )
    if amc.type_contrat == OCT_SPLITS:  # [SPEC S001 §4.4: one or the other]
        raise B2Error(Problem.VALUE, 0, "2", "type_contrat", 117, "l'OCT éclate la FSE : pas de DRE")
    if facture.total_amc_cents <= 0:
        raise B2Error(Problem.TOTAL, 0, "5", "total_amc", 90, "une DRE demande une part AMC")


def _opt(day: date | None) -> str | None:
    return None if day is None else aammjj(day)


def _en_tete(f: Facture) -> EnTeteFacture:
    amc = f.complementaire
    return EnTeteFacture(
        numero_emetteur=f.numero_emetteur,
        nir_assure=f.nir_assure,
        cle_nir=f.cle_nir,
        rang_beneficiaire=f.rang_beneficiaire,
        numero_facture=f.numero_facture,
        date_facture=aammjj(f.date_facture),
        mode_securisation=f.mode_securisation,
        tiers_payant=f.tiers_payant,
        regime=f.destination.regime,
        caisse=f.destination.caisse,
        centre=f.destination.centre,
        date_droits=_opt(f.date_droits),
        code_gestion=f.code_gestion,
        organisme_destinataire=f.destination.organisme_destinataire,
        centre_informatique=f.destination.centre_informatique,
        nature_assurance=f.nature_assurance,
        exoneration=f.exoneration,
        date_nature_assurance=_opt(f.date_nature_assurance),
        numero_at=f.numero_at,
        accident_tiers="O" if f.accident_tiers else "N",
        date_naissance=f.date_naissance[-6:],
        rang_naissance=f.rang_naissance,
        specialite=f.specialite,
        code_conventionnel=f.code_conventionnel,
        zone_tarifaire=f.zone_tarifaire,
        zone_ik=f.zone_ik,
        condition_exercice=f.condition_exercice,
        situation=f.situation,
        type_contrat=amc.type_contrat if amc else "00",
        organisme_complementaire=amc.numero_organisme if amc else "",
    )


def _supplement(f: Facture) -> SupplementFacture:
    amc = f.complementaire
    return SupplementFacture(
        numero_emetteur=f.numero_emetteur,
        nir_assure=f.nir_assure,
        cle_nir=f.cle_nir,
        rang_beneficiaire=f.rang_beneficiaire,
        numero_facture=f.numero_facture,
        code_couverture=f.code_couverture,
        qualite=f.qualite,
        nir_individuel=f.nir_individuel,
        cle_nir_individuel=f.cle_nir_individuel,
        numero_adherent=amc.numero_adherent if amc else "",
        indicateur_amc=amc.indicateur if amc else "",
        code_routage=amc.code_routage if amc else "",
        debut_amc=_opt(amc.debut) if amc else None,
        fin_amc=_opt(amc.fin) if amc else None,
        prescripteur=f.prescripteur,
        date_prescription=_opt(f.date_prescription),
        origine_prescription=f.origine_prescription,
        date_installation=_opt(f.date_installation),
        declaration_mt="" if f.declaration_mt is None else "O" if f.declaration_mt else "N",
        parcours=f.parcours[:1],
        parcours_detail=f.parcours[1:],
    )


def _ligne(f: Facture, number: int, ligne: Ligne) -> LigneHonoraires:
    if ligne.montant_amo_cents + ligne.montant_amc_cents > ligne.montant_honoraires_cents:
        raise B2Error(
            Problem.TOTAL, 0, "4", "montant_amo", 108, detail=f"ligne {number}: AMO + AMC dépassent le montant facturé"
        )
    return LigneHonoraires(
        numero_emetteur=f.numero_emetteur,
        nir_assure=f.nir_assure,
        cle_nir=f.cle_nir,
        rang_beneficiaire=f.rang_beneficiaire,
        numero_facture=f.numero_facture,
        lieu_execution=ligne.lieu_execution,
        complement=ligne.complement,
        numero_ligne=number,
        executant=ligne.executant,
        exoneration=ligne.exoneration,
        qualificatif=ligne.qualificatif,
        entente_prealable=ligne.entente_prealable,
        date_entente=_opt(ligne.date_entente),
        specialite=ligne.specialite,
        date_soins=aammjj(ligne.date_soins),
        code_acte=ligne.code_acte,
        quantite=ligne.quantite,
        coefficient=ligne.coefficient_centi,
        denombrement=ligne.denombrement,
        prix_unitaire=ligne.prix_unitaire_cents,
        base_remboursement=ligne.base_remboursement_cents,
        taux=ligne.taux,
        montant_amo=ligne.montant_amo_cents,
        montant_honoraires=ligne.montant_honoraires_cents,
        montant_amc=ligne.montant_amc_cents,
    )


def _fin(f: Facture) -> FinFacture:
    total = f.total_honoraires_cents
    return FinFacture(
        numero_emetteur=f.numero_emetteur,
        nir_assure=f.nir_assure,
        cle_nir=f.cle_nir,
        rang_beneficiaire=f.rang_beneficiaire,
        numero_facture=f.numero_facture,
        nombre_lignes=len(f.lignes),
        total_honoraires=total,
        total_amo=f.total_amo_cents,
        participation_assure=total - f.total_amo_cents - f.total_amc_cents,
        total_base=f.total_base_cents,
        total_amc=f.total_amc_cents,
    )
