"""Records of NOEMIE 576, 580, 900. Generated from `tournee_protocol.layouts` (noemie): do not edit.

A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED: Any = None


class DebutFichier(NamedTuple):
    """Type 000: En-tête."""

    type_emetteur: str  # 4-5: type d'émetteur
    numero_emetteur: str  # 6-19: numéro d'émetteur
    programme_emetteur: str = ""  # 20-25: programme émetteur
    type_destinataire: str = _REQUIRED  # 26-27: type de destinataire
    numero_destinataire: str = _REQUIRED  # 28-41: numéro de destinataire
    programme_destinataire: str = ""  # 42-47: programme destinataire
    application: str = ""  # 48-49: application-type d'échange
    identification_fichier: str = _REQUIRED  # 50-55: identification du fichier
    date_creation: str = _REQUIRED  # 56-61, AAMMJJ: date de création du fichier
    reference: str = _REQUIRED  # 62-65: norme utilisée - référence de l'échange
    version_utilisee: str = ""  # 66-67: version utilisée
    compactage: str = ""  # 68-68: compactage
    cryptage: str = ""  # 69-69: cryptage
    unite_monetaire: str = _REQUIRED  # 70-70: unité monétaire
    type_flux: str = ""  # 71-71: type de flux
    blanc_72: str = ""  # 72-82: blanc
    mot_passe: str = ""  # 86-91: mot de passe
    zone_message: str = ""  # 92-128: zone message


class OrganismeComplementaire(NamedTuple):
    """Type 010: Organisme complémentaire."""

    niveau_rupture: int = 1  # 4-5: niveau de rupture
    numero_organisme_complementaire: str = _REQUIRED  # 6-12: numéro d'organisme complémentaire
    cle_numero_organisme_complementaire: str = _REQUIRED  # 13-13: clé du numéro d'organisme complémentaire


class Mandataire(NamedTuple):
    """Type 020: Mandataire."""

    niveau_rupture: int = 1  # 4-5: niveau de rupture
    numero_destinataire_reglement: str = _REQUIRED  # 6-20: numéro de destinataire de règlement


class DestinataireReglement(NamedTuple):
    """Type 040: Destinataire de règlement."""

    niveau_rupture: int = 2  # 4-5: niveau de rupture
    numero_destinataire_reglement: str = _REQUIRED  # 6-20: numéro de destinataire de règlement


class DateComptable(NamedTuple):
    """Type 070: Date comptable."""

    niveau_rupture: int = 2  # 4-5: niveau de rupture
    date_comptable: str = _REQUIRED  # 6-11, AAMMJJ: date de la journée comptable


class DateComptableReferenceVirement(NamedTuple):
    """Type 071: Date comptable et référence du virement."""

    niveau_rupture: int = 2  # 4-5: niveau de rupture
    date_comptable: str = _REQUIRED  # 6-11, AAMMJJ: date de la journée comptable ou date d'émission du virement
    libelle_virement_ligne_1: str = _REQUIRED  # 12-43: libellé du virement - ligne 1
    libelle_virement_ligne_2: str = ""  # 44-75: libellé du virement - ligne 2
    organisme_payeur: str = ""  # 76-85: organisme payeur


class Lot(NamedTuple):
    """Type 080: Lot."""

    niveau_rupture: int  # 4-5: niveau de rupture
    date_constitution_lot: str  # 6-11, AAMMJJ: date de constitution du lot
    numero_lot: int  # 12-14: numéro de lot


class TypeRetour(NamedTuple):
    """Type 081: Type de retour."""

    niveau_rupture: int = 2  # 4-5: niveau de rupture
    type_retour: str = _REQUIRED  # 6-7: code du type de retour
    lieu_execution: str = ""  # 8-21: numéro du lieu d'éxecution de l'acte


class Facture(NamedTuple):
    """Type 100: Facture."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_facture: str  # 6-14: numéro de facture


class Facture102(NamedTuple):
    """Type 102: Facture."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_facture: str  # 6-14: N° de facture
    complement_au_n_facture: str = ""  # 15-20: complément au n° de facture
    numero_lot: str = ""  # 21-23: N° de lot
    date_lot: str | None = None  # 24-29, AAMMJJ: date de création du lot
    type_facture: str = _REQUIRED  # 30-30: type de facture
    date_facturation: str | None = None  # 31-36, AAMMJJ: date de facturation
    traitement_amc: str = ""  # 37-37: traitement effectué sur la part AMC
    nature_assurance: str = ""  # 38-39: nature d'assurance


class AssureBeneficiaire(NamedTuple):
    """Type 103: Assuré et bénéficiaire."""

    niveau_rupture: int  # 4-5: niveau de rupture
    nir: str  # 6-18: N° immatriculation
    cle_nir: str  # 19-20: clé du numéro d'immatriculation
    nom_patronymique: str = ""  # 21-45: nom patronymique
    nom_usage: str = ""  # 46-70: nom d'usage
    prenom: str = ""  # 71-85: prénom
    nir_individuel: str = ""  # 86-98: N° immatriculation individuel
    cle_nir_individuel: str | None = None  # 99-100: clé du numéro d'immatriculation individuel
    date_naissance: str = _REQUIRED  # 101-106, AAMMJJ: date de naissance
    rang_naissance: int = _REQUIRED  # 107-107: rang de naissance
    nom: str = ""  # 108-132: nom
    prenom_133: str = ""  # 133-147: prénom
    unite_gestion_rattachement: str | None = None  # 148-151: unité de gestion de rattachement


class Assure(NamedTuple):
    """Type 110: Assuré."""

    niveau_rupture: int  # 4-5: niveau de rupture
    nir: str  # 6-18: numéro de sécurité sociale
    cle_nir: str  # 19-20: clé du numéro de sécurité sociale
    nature_nom: str  # 21-21: nature du nom
    nom_beneficiaire: str  # 22-46: nom du bénéficiaire
    blanc_47: str = ""  # 47-72: blanc
    prenom_beneficiaire: str = _REQUIRED  # 73-87: prénom du bénéficiaire


class Malade(NamedTuple):
    """Type 120: Malade."""

    niveau_rupture: int  # 4-5: niveau de rupture
    date_naissance_beneficiaire: str  # 6-11, AAMMJJ: date de naissance du bénéficiaire
    rang_beneficiaire: str  # 12-12: rang du bénéficiaire
    nom_malade: str  # 13-37: nom du malade
    prenom_malade: str  # 38-52: prénom du malade
    unite_gestion_rattachement: str  # 53-56: unité de gestion de rattachement


class NatureAssurance(NamedTuple):
    """Type 150: Nature d'assurance."""

    niveau_rupture: int  # 4-5: niveau de rupture
    nature_assurance: str  # 6-7: nature de l'assurance


class CritereArchivage(NamedTuple):
    """Type 160: Critère d'archivage."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_archivage: str  # 6-22: numéro d'archivage


class PartAmo(NamedTuple):
    """Type 198: Part AMO."""

    niveau_rupture: int  # 4-5: niveau de rupture
    montant_amo_demande: int  # 6-13, cents: montant AMO demandé
    etat_amo: str  # 14-14: état paiement part AMO
    montant_amo_paye: int | None = None  # 15-22, cents: montant AMO payé
    signe_amo_paye: str = _REQUIRED  # 23-23: signe du montant AMO payé


class PartAmc(NamedTuple):
    """Type 199: Part AMC."""

    niveau_rupture: int  # 4-5: niveau de rupture
    montant_amc_demande: int  # 6-13, cents: montant AMC demandé
    etat_amc: str  # 14-14: état paiement part AMC
    montant_amc_paye: int | None = None  # 15-22, cents: montant AMC payé
    signe_amc_paye: str = _REQUIRED  # 23-23: signe du montant AMC payé
    numero_amc: str = _REQUIRED  # 24-33: N° AMC destinataire
    numero_adherent: str = ""  # 34-48: N° identification AMC de l'adhérent


class ActeProfessionnel(NamedTuple):
    """Type 210: Acte professionnel."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_ligne: int  # 6-7: N° de ligne
    code_gestion: str  # 8-9: code gestion technique pour régime
    exoneration: str  # 10-10: justification pour exonération
    mode_traitement: str  # 11-12: mode de traitement
    discipline_medico_tarifaire: str  # 13-15: discipline médico-tarifaire
    date_prescription: str  # 16-21, AAMMJJ: date de prescription d'un acte
    date_soins: str  # 22-27, AAMMJJ: date des soins ou date début
    date_fin: str  # 28-33, AAMMJJ: date de fin de soins
    prix_unitaire: int  # 34-41, cents: prix unitaire d'un acte
    base_remboursement: int  # 42-49, cents: base de remboursement d'un acte
    taux: int  # 50-52, %: taux de remboursement
    montant_rembourse: int  # 53-60, cents: montant remboursé
    signe: str  # 61-61: signe de l'acte
    nature_prestation: str  # 62-64: nature de la prestation
    complement_acte: str  # 65-66: code complémentaire à la nature d'acte
    quantite: int  # 67-69: quantité d'actes
    coefficient: int  # 70-74, 1/100: coefficient de l'acte
    denombrement: int  # 75-77: dénombrement des actes
    montant_depense: int  # 78-85, cents: montant de la dépense
    qualificatif: str  # 86-87: qualificatif de la dépense
    taux_complementaire_alsace_moselle: int  # 88-90, %: taux complémentaire Alsace/Moselle
    montant_complementaire_alsace_moselle: int  # 91-98, cents: montant complémentaire Alsace/Moselle
    taux_part_complementaire_mutuelle: int  # 99-101, %: taux part complémentaire Mutuelle
    montant_part_complementaire: int  # 102-109, cents: montant part complémentaire
    base_remboursement_mutuelle: int  # 110-117, cents: base remboursement Mutuelle


class FraisHospitaliers(NamedTuple):
    """Type 220: Frais hospitaliers."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_ligne: int  # 6-7: N° de ligne
    code_gestion: str  # 8-9: code gestion technique pour régime
    exoneration: str  # 10-10: justification pour exonération
    mode_traitement: str  # 11-12: mode de traitement
    discipline_medico_tarifaire: str  # 13-15: discipline médico-tarifaire
    date_soins: str  # 16-21, AAMMJJ: date des soins ou date début
    date_fin: str  # 22-27, AAMMJJ: date de fin de soins
    prix_unitaire: int  # 28-35, cents: prix unitaire d'un acte
    base_remboursement: int  # 36-43, cents: base de remboursement d'un acte
    taux: int  # 44-46, %: taux de remboursement
    montant_rembourse: int  # 47-54, cents: montant remboursé
    signe: str  # 55-55: signe de l'acte
    nature_prestation: str  # 56-58: nature de la prestation
    complement_acte: str  # 59-60: code complémentaire à la nature d'acte
    quantite: int  # 61-63: quantité d'actes
    coefficient: int  # 64-68, 1/100: coefficient de l'acte
    denombrement: int  # 69-71: dénombrement des actes
    montant_depense: int  # 72-79, cents: montant de la dépense
    qualificatif: str  # 80-81: qualificatif de la dépense
    coefficient_global_hospitalisation: int  # 82-86, 1/100: coefficient global pour hospitalisation
    code_forfait_generer: str  # 87-87: code forfait à générer
    taux_complementaire_alsace_moselle: int  # 88-90, %: taux complémentaire Alsace/Moselle
    montant_complementaire_alsace_moselle: int  # 91-98, cents: montant complémentaire Alsace/Moselle
    taux_part_complementaire_mutuelle: int  # 99-101, %: taux part complémentaire Mutuelle
    montant_part_complementaire: int  # 102-109, cents: montant part complémentaire
    base_remboursement_mutuelle: int  # 110-117, cents: base remboursement Mutuelle


class MouvementFinancierRetenue(NamedTuple):
    """Type 250: Mouvement financier - retenue."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_ligne: int  # 6-7: numéro de ligne pour noemie
    reference_dette: str  # 8-17: référence de la dette
    date_enregistrement_dette: str  # 18-23, AAMMJJ: date d'enregistrement de la dette
    nature_dette: str  # 24-26: nature de la dette
    nature_operations_recuperation: str  # 27-29: nature des opérations de récupération
    montant_mouvement_financier: int  # 30-37, cents: montant du mouvement financier
    signe: str  # 38-38: signe de l'acte
    montant_solde_dette: int | None = None  # 39-46, cents: montant du solde d'une dette


class PaiementsPonctuelsForfaitaires(NamedTuple):
    """Type 261: Paiements ponctuels ou forfaitaires."""

    niveau_rupture: int  # 4-5: niveau de rupture
    code_paiement_ponctuel_forfaitaire: str  # 6-10: code paiement ponctuel ou forfaitaire
    montant_paiment_ponctuel_forfaitaire: int  # 11-18, cents: montant paiment ponctuel ou forfaitaire


class DetailPaiementPonctuelForfaitaire(NamedTuple):
    """Type 262: Détail paiement ponctuel ou forfaitaire."""

    niveau_rupture: int  # 4-5: niveau de rupture
    codification: str = ""  # 6-10: codification
    libelle_associe: str = ""  # 11-90: libellé associé
    nir: str = ""  # 91-103: N° d'immatriculation
    cle_nir: str | None = None  # 104-105: clé du numéro d'immatriculation
    date_naissance: str | None = None  # 106-111, AAMMJJ: date de naissance
    rang_naissance: int | None = None  # 112-112: rang de naissance
    periode: str = _REQUIRED  # 113-113: période
    date_debut_periode: str | None = None  # 114-119, AAMMJJ: date début période
    date_fin_periode: str | None = None  # 120-125, AAMMJJ: date fin période
    montant: int = _REQUIRED  # 126-133, cents: montant


class RejetSignalement(NamedTuple):
    """Type 290: Rejet ou signalement."""

    niveau_rupture: int  # 4-5: niveau de rupture
    numero_ligne: int  # 6-7: N° de ligne
    codification: str  # 8-17: codification
    libelle: str  # 18-97: libellé


class LigneRejet(NamedTuple):
    """Type 294: Ligne rejet."""

    niveau_rupture: int  # 4-5: niveau de rupture
    code_rejet: str  # 6-9: codification du rejet
    libelle_rejet: str  # 10-95: libellé du rejet
    niveau_rejet: str  # 96-96: niveau de rejet
    part: str  # 97-97: part concerné
    nature_prestation: str = ""  # 98-102: nature de prestation concernée
    date_soins: str | None = None  # 103-108, AAMMJJ: date des soins
    executant: str | None = None  # 109-117: N° exécutant
    numero_ligne: int | None = None  # 118-120: N° de ligne
    rang_rejet: int | None = None  # 121-122: rang du rejet
    information: str = ""  # 123-152: information complémentaire sur le rejet


class LigneCommentaire(NamedTuple):
    """Type 295: Ligne commentaire."""

    niveau_rupture: int  # 4-5: niveau de rupture
    code_commentaire: str = ""  # 6-6: code commentaire
    commentaire: str = _REQUIRED  # 7-134: commentaire


class EntiteControle(NamedTuple):
    """Type 990: Entité de contrôle."""

    niveau_rupture: int = 99  # 4-5: niveau de rupture
    identification_rupture: str = ""  # 6-22: identification du niveau de rupture
    compteur: int = _REQUIRED  # 23-30: compteur du niveau inférieur dans la hierarchie
    cumul: int = _REQUIRED  # 31-41, cents: cumul des montants de niveau inférieur
    signe: str = _REQUIRED  # 42-42: signe de l'acte


class FinFichier(NamedTuple):
    """Type 999: Fin de fichier."""

    type_emetteur: str  # 4-5: type d'émetteur
    numero_emetteur: str  # 6-19: numéro d'émetteur
    programme_emetteur: str = ""  # 20-25: programme émetteur
    type_destinataire: str = _REQUIRED  # 26-27: type de destinataire
    numero_destinataire: str = _REQUIRED  # 28-41: numéro de destinataire
    programme_destinataire: str = ""  # 42-47: programme destinataire
    application: str = ""  # 48-49: application-type d'échange
    identification_fichier: str = _REQUIRED  # 50-55: identification du fichier
    nombre_enregistrements: int = _REQUIRED  # 56-63: nombre d'enregistrements
    type_flux: str = ""  # 64-64: type de flux
    blanc_65: str = ""  # 65-82: blanc
    nombre_lots: int = _REQUIRED  # 83-85: nombre de lots
    cumul: int = _REQUIRED  # 86-96, cents: cumul des montants du fichier
    signe_cumul: str = _REQUIRED  # 97-97: signe du montant du fichier
    cumul_autre_monnaie: int | None = None  # 98-108, cents: cumul des montants du fichier dans l'autre monnaie
    blanc_109: str = ""  # 109-128: blanc


Record = (
    DebutFichier
    | OrganismeComplementaire
    | Mandataire
    | DestinataireReglement
    | DateComptable
    | DateComptableReferenceVirement
    | Lot
    | TypeRetour
    | Facture
    | Facture102
    | AssureBeneficiaire
    | Assure
    | Malade
    | NatureAssurance
    | CritereArchivage
    | PartAmo
    | PartAmc
    | ActeProfessionnel
    | FraisHospitaliers
    | MouvementFinancierRetenue
    | PaiementsPonctuelsForfaitaires
    | DetailPaiementPonctuelForfaitaire
    | RejetSignalement
    | LigneRejet
    | LigneCommentaire
    | EntiteControle
    | FinFichier
)

RECORDS: tuple[type[Any], ...] = (
    DebutFichier,
    OrganismeComplementaire,
    Mandataire,
    DestinataireReglement,
    DateComptable,
    DateComptableReferenceVirement,
    Lot,
    TypeRetour,
    Facture,
    Facture102,
    AssureBeneficiaire,
    Assure,
    Malade,
    NatureAssurance,
    CritereArchivage,
    PartAmo,
    PartAmc,
    ActeProfessionnel,
    FraisHospitaliers,
    MouvementFinancierRetenue,
    PaiementsPonctuelsForfaitaires,
    DetailPaiementPonctuelForfaitaire,
    RejetSignalement,
    LigneRejet,
    LigneCommentaire,
    EntiteControle,
    FinFichier,
)
"""In the order of the table; profile noemie."""
