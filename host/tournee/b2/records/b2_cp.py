"""Records of B2 CP 06/2007. Generated from `tournee_protocol.layouts` (b2-cp): do not edit.

A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED: Any = None


class DebutFichier(NamedTuple):
    """Type 000: Début de fichier."""

    type_emetteur: str  # 4-5: type d'émetteur (_codes.toml)
    numero_emetteur: str  # 6-19: n° d'émetteur: 00000 + 9 chiffres
    programme_emetteur: str = ""  # 20-25: programme émetteur, libre
    type_destinataire: str = _REQUIRED  # 26-27: type de destinataire (_codes.toml); OT vers un OCT
    numero_destinataire: str = _REQUIRED  # 28-41: 000000 + régime(2) + centre informatique(3) + organisme …
    programme_destinataire: str = ""  # 42-47: programme destinataire
    application: str = "TR"  # 48-49: type d'échange
    identification_fichier: str = _REQUIRED  # 50-55: identification du fichier, unique par émetteur
    date_creation: str = _REQUIRED  # 56-61, AAMMJJ: date de création
    zone_68: str = ""  # 68-82: blanc en B2; NOEMIE y met compactage, cryptage, monnaie, type de flux
    mot_de_passe: str = ""  # 86-91: mot de passe
    zone_message: str = ""  # 92-128: zone message, libre


class EnTeteLot(NamedTuple):
    """Type 1: En-tête de lot."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    organisme_destinataire: str  # 17-19: organisme destinataire
    numero_lot: int  # 20-22: n° de lot
    categorie: str  # 23-25: catégorie d'établissement
    statut: str  # 26-27: statut
    mode_tarif: str = "05"  # 28-29: mode de tarif
    nom_emetteur: str = _REQUIRED  # 30-69: nom de l'établissement
    date_lot: str = _REQUIRED  # 72-77, AAMMJJ: date de création du lot
    version_norme: str = "062007"  # 82-87: version de la norme


class EnTeteFacture(NamedTuple):
    """Type 2: En-tête de facture."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    nature_operation: int = 1  # 39-39: nature d'opération: 1 élaboration
    numero_entree: str = _REQUIRED  # 40-48: n° d'entrée (séjour ou dossier)
    regime: str = _REQUIRED  # 49-50: code grand régime
    caisse: str = _REQUIRED  # 51-53: caisse gestionnaire
    centre: str = "0000"  # 54-57: centre gestionnaire
    nature_piece_droits: int = 3  # 58-58: nature de la pièce justificative des droits
    date_droits: str = _REQUIRED  # 59-64, AAMMJJ: date de la pièce justificative
    date_droits_2: str = "000000"  # 65-70, AAMMJJ: seconde date
    organisme_destinataire: str = _REQUIRED  # 71-73: organisme destinataire
    centre_informatique: str = "000"  # 74-76: zéros chez ALC; centre informatique?
    nature_assurance: str = _REQUIRED  # 77-78: nature d'assurance
    exoneration: str = "0"  # 79-79: justification d'exonération du ticket modérateur
    date_nature_assurance: str = "000000"  # 80-85, AAMMJJ: date liée à la nature d'assurance
    numero_at: str = "000000000"  # 86-94: n° d'AT ou date d'accident de droit commun
    date_naissance: str = _REQUIRED  # 96-101, AAMMJJ: naissance du bénéficiaire; mois lunaires admis
    rang_naissance: int = 1  # 102-102: rang de naissance
    date_entree: str = _REQUIRED  # 103-108, AAMMJJ: date d'entrée
    date_sortie: str = _REQUIRED  # 109-114, AAMMJJ: date de sortie
    zone_115: str = "01"  # 115-116: 01 chez ALC; sens non confirmé
    type_contrat: str = "00"  # 117-118: type de contrat complémentaire; 00 aucun
    organisme_complementaire: str = ""  # 119-128: n° d'organisme complémentaire; M en 128: top mutualiste


class SupplementFacture(NamedTuple):
    """Type 2S: Supplément: NIR individuel, parcours de soins."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-49: non confirmé
    nir_individuel: str | None = None  # 50-62: NIR du bénéficiaire
    cle_nir_individuel: str | None = None  # 63-64: clé
    zone_65: str = ""  # 65-120: non confirmé
    parcours: str = ""  # 121-121: indicateur de parcours de soins
    zone_122: str = ""  # 122-128: non confirmé


class SupplementCivilite(NamedTuple):
    """Type 2B: Supplément: civilité."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    civilite: str = ""  # 40-40: civilité
    zone_41: str = ""  # 41-128: non confirmé


class SupplementAdresse(NamedTuple):
    """Type 2C: Supplément: adresse."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-90: non confirmé
    code_postal: str = ""  # 91-95: code postal
    zone_96: str = ""  # 96-128: non confirmé


class PrestationHospitaliere(NamedTuple):
    """Type 3: Prestation hospitalière ou forfait."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    mode_traitement: str = _REQUIRED  # 39-40: mode de traitement
    discipline: str = _REQUIRED  # 41-43: discipline médico-tarifaire
    date_debut: str = _REQUIRED  # 44-49, AAMMJJ: date de début
    date_fin: str = _REQUIRED  # 50-55, AAMMJJ: date de fin
    code_prestation: str = _REQUIRED  # 56-60: code de la prestation
    quantite: int = 1  # 61-63: quantité
    exoneration: str = ""  # 64-64: justification d'exonération
    coefficient: int = 100  # 65-69, 1/100: coefficient
    coefficient_mco: int = 0  # 71-75: coefficient MCO
    prix_unitaire: int = _REQUIRED  # 76-82, cents: prix unitaire
    base_remboursement: int = _REQUIRED  # 83-90, cents: base de remboursement
    taux: int = _REQUIRED  # 91-93, %: taux
    montant_amo: int = _REQUIRED  # 94-101, cents: montant remboursable AMO
    montant_total: int = _REQUIRED  # 102-109, cents: montant total de la dépense
    zone_110: str = "0000"  # 110-113: zéros chez ALC
    zone_114: str = "000"  # 114-116: zéros chez ALC
    qualificatif: str = ""  # 118-119: qualificatif de la dépense
    indicateur_120: str = ""  # 120-120: indicateur
    indicateur_121: str = ""  # 121-121: indicateur
    montant_amc: int = 0  # 122-128, cents: montant AMC


class PrestationLpp(NamedTuple):
    """Type 3F: LPP."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-42: non confirmé
    code_lpp: str = _REQUIRED  # 43-55: code LPP
    zone_56: str = ""  # 56-69: non confirmé
    quantite: int = 1  # 70-71: quantité
    tarif: int = _REQUIRED  # 72-78, cents: tarif 5+2
    montant_total: int = _REQUIRED  # 79-85, cents: montant total
    prix_unitaire: int = _REQUIRED  # 86-92, cents: prix unitaire
    ecart_93: int = 0  # 93-99, cents: écart
    ecart_100: int = 0  # 100-106, cents: écart
    zone_107: str = ""  # 107-128: non confirmé


class PrestationUcd(NamedTuple):
    """Type 3H: UCD."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-43: non confirmé
    date: str = _REQUIRED  # 44-48: date: 5 positions seulement avant le code UCD, découpage à vérifier
    code_ucd: str = _REQUIRED  # 49-56: code UCD; au plus 8 positions avant 57
    coefficient_fractionnement: int = 0  # 57-61: coefficient de fractionnement
    zone_62: str = ""  # 62-66: non confirmé
    prix_achat: int = _REQUIRED  # 67-73, cents: prix d'achat
    ecart_74: int = 0  # 74-80, cents: écart
    ecart_81: int = 0  # 81-87, cents: écart
    quantite: int = 1  # 88-89: quantité
    zone_90: str = ""  # 90-128: non confirmé


class LigneHonoraires(NamedTuple):
    """Type 4: Honoraires (NGAP)."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    mode_traitement: str = _REQUIRED  # 39-40: mode de traitement
    discipline: str = _REQUIRED  # 41-43: discipline médico-tarifaire
    zone_44: str = ""  # 44-53: n° d'exécutant ou de prescripteur? non confirmé
    exoneration: str = ""  # 54-54: justification d'exonération du ticket modérateur
    zone_55: str = ""  # 55-67: n° d'exécutant ou de prescripteur? non confirmé
    specialite: str = _REQUIRED  # 68-69: spécialité de l'exécutant
    date_soins: str = _REQUIRED  # 70-75, AAMMJJ: date des soins
    code_acte: str = _REQUIRED  # 76-80: code de l'acte (4 + 1)
    quantite: int = 1  # 81-82: quantité
    coefficient: int = 100  # 83-88, 1/100: coefficient 4+2
    denombrement: int = 1  # 89-90: dénombrement
    prix_unitaire: int = _REQUIRED  # 91-97, cents: prix unitaire 5+2
    base_remboursement: int = _REQUIRED  # 98-104, cents: base de remboursement 5+2
    taux: int = _REQUIRED  # 105-107, %: taux
    montant_amo: int = _REQUIRED  # 108-114, cents: montant remboursable AMO
    montant_honoraires: int = _REQUIRED  # 115-122, cents: montant des honoraires; 115-121 ou 115-122
    montant_amc: int = 0  # 123-128, cents: montant AMC


class DetailCcam(NamedTuple):
    """Type 4M: CCAM: suit le 4 qu'il détaille."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-42: non confirmé
    code_ccam: str = _REQUIRED  # 43-55: code CCAM
    extension_documentaire: str = ""  # 56-56: extension documentaire
    activite: str = _REQUIRED  # 57-57: code d'activité
    phase: str = "0"  # 58-58: phase de traitement
    modificateur_1: str = ""  # 59-59: modificateur
    modificateur_2: str = ""  # 60-60: modificateur
    modificateur_3: str = ""  # 61-61: modificateur
    modificateur_4: str = ""  # 62-62: modificateur
    association: str = ""  # 63-63: code d'association
    sous_condition: str = ""  # 64-64: remboursement sous condition
    zone_65: str = ""  # 65-70: non confirmé
    dent_1: str = ""  # 71-72: n° de dent
    dent_2: str = ""  # 73-74: n° de dent
    dent_3: str = ""  # 75-76: n° de dent
    dent_4: str = ""  # 77-78: n° de dent
    dent_5: str = ""  # 79-80: n° de dent
    dent_6: str = ""  # 81-82: n° de dent
    dent_7: str = ""  # 83-84: n° de dent
    dent_8: str = ""  # 85-86: n° de dent
    dent_9: str = ""  # 87-88: n° de dent
    dent_10: str = ""  # 89-90: n° de dent
    dent_11: str = ""  # 91-92: n° de dent
    dent_12: str = ""  # 93-94: n° de dent
    dent_13: str = ""  # 95-96: n° de dent
    dent_14: str = ""  # 97-98: n° de dent
    dent_15: str = ""  # 99-100: n° de dent
    dent_16: str = ""  # 101-102: n° de dent
    zone_103: str = ""  # 103-128: non confirmé


class DetailBiologie(NamedTuple):
    """Type 4B: Biologie: cinq groupes date, quantité, code."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    zone_40: str = ""  # 40-48: non confirmé
    date_1: str | None = None  # 49-54, AAMMJJ: date de l'acte 1
    quantite_1: int | None = None  # 55-56: quantité 1
    code_1: str = ""  # 57-64: code de biologie 1
    date_2: str | None = None  # 65-70, AAMMJJ: date de l'acte 2
    quantite_2: int | None = None  # 71-72: quantité 2
    code_2: str = ""  # 73-80: code de biologie 2
    date_3: str | None = None  # 81-86, AAMMJJ: date de l'acte 3
    quantite_3: int | None = None  # 87-88: quantité 3
    code_3: str = ""  # 89-96: code de biologie 3
    date_4: str | None = None  # 97-102, AAMMJJ: date de l'acte 4
    quantite_4: int | None = None  # 103-104: quantité 4
    code_4: str = ""  # 105-112: code de biologie 4
    date_5: str | None = None  # 113-118, AAMMJJ: date de l'acte 5
    quantite_5: int | None = None  # 119-120: quantité 5
    code_5: str = ""  # 121-128: code de biologie 5


class FinFacture(NamedTuple):
    """Type 5: Fin de facture."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    nombre_lignes: int = _REQUIRED  # 39-41: nombre de lignes
    total_base_ph: int = 0  # 42-49, cents: total base, prestations hospitalières
    total_amo_ph: int = 0  # 50-57, cents: total remboursable AMO, prestations hospitalières
    total_honoraires: int = 0  # 58-65, cents: total des honoraires facturés
    total_honoraires_amo: int = 0  # 66-73, cents: total des honoraires remboursable AMO
    participation_assure: int = 0  # 74-81, cents: participation de l'assuré
    total_oc_ph: int = 0  # 82-89, cents: total complémentaire, prestations hospitalières
    total_oc_honoraires: int = 0  # 90-97, cents: total complémentaire, honoraires
    total_facture_ph: int = 0  # 115-122, cents: montant total facturé, prestations hospitalières


class FinLot(NamedTuple):
    """Type 6: Fin de lot."""

    numero_emetteur: str  # 2-10: n° d'émetteur
    nombre_factures: int  # 11-13: nombre de factures
    nombre_actes: int  # 14-17: nombre d'actes
    nombre_factures_18: int  # 18-21: nombre de factures
    zone_22: int = 1  # 22-24: 001 dans l'exemple; sens non confirmé
    total_facture: int = _REQUIRED  # 25-33, cents: total facturé
    total_amo: int = _REQUIRED  # 34-42, cents: total AMO
    zone_43: int = 0  # 43-51, cents: zéros chez ALC; total complémentaire?
    numero_lot: int = _REQUIRED  # 52-54: n° de lot


class FinFichier(NamedTuple):
    """Type 999: Fin de fichier."""

    type_emetteur: str  # 4-5: comme 000
    numero_emetteur: str  # 6-19: comme 000
    programme_emetteur: str = ""  # 20-25: comme 000
    type_destinataire: str = _REQUIRED  # 26-27: comme 000
    numero_destinataire: str = _REQUIRED  # 28-41: comme 000
    programme_destinataire: str = ""  # 42-47: comme 000
    application: str = "TR"  # 48-49: comme 000
    identification_fichier: str = _REQUIRED  # 50-55: comme 000
    nombre_enregistrements: int = _REQUIRED  # 56-63: nombre d'enregistrements, 000 et 999 compris
    zone_64: str = ""  # 64-82: blanc
    nombre_lots: int = _REQUIRED  # 83-85: nombre de lots
    zone_86: str = ""  # 86-128: blanc


Record = (
    DebutFichier
    | EnTeteLot
    | EnTeteFacture
    | SupplementFacture
    | SupplementCivilite
    | SupplementAdresse
    | PrestationHospitaliere
    | PrestationLpp
    | PrestationUcd
    | LigneHonoraires
    | DetailCcam
    | DetailBiologie
    | FinFacture
    | FinLot
    | FinFichier
)

RECORDS: tuple[type[Any], ...] = (
    DebutFichier,
    EnTeteLot,
    EnTeteFacture,
    SupplementFacture,
    SupplementCivilite,
    SupplementAdresse,
    PrestationHospitaliere,
    PrestationLpp,
    PrestationUcd,
    LigneHonoraires,
    DetailCcam,
    DetailBiologie,
    FinFacture,
    FinLot,
    FinFichier,
)
"""In the order of the table; profile b2-cp."""
