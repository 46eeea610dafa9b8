"""Records of SV-SIM 1 (simulation). Generated from `tournee_protocol.layouts` (sv-sim-1): do not edit.

A field without default is required; `_REQUIRED` stands for it behind fields with one and is refused by the encoder.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_REQUIRED: Any = None


class DebutFichier(NamedTuple):
    """Type 000: Début de fichier."""

    type_emetteur: str = "TP"  # 4-5: type d'émetteur (codes.toml)
    numero_emetteur: str = _REQUIRED  # 6-19: n° d'émetteur
    programme_emetteur: str = "TOURNE"  # 20-25: programme émetteur, libre
    type_destinataire: str = _REQUIRED  # 26-27: type de destinataire (codes.toml); OT vers un OCT
    numero_destinataire: str = _REQUIRED  # 28-41: 000000 + régime(2) + centre informatique(3) + organisme …
    programme_destinataire: str = ""  # 42-47: programme destinataire
    application: str = "TR"  # 48-49: type d'échange
    identification_fichier: str = _REQUIRED  # 50-55: identification du fichier, unique par émetteur
    date_creation: str = _REQUIRED  # 56-61, AAMMJJ: date de création
    type_flux: str = "T"  # 71-71: type de flux
    mot_de_passe: str = ""  # 86-91: mot de passe
    zone_message: str = "SIMULATION SV-SIM 1"  # 92-128: zone message, libre


class EnTeteLot(NamedTuple):
    """Type 1: En-tête de lot."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    type_lot: str = "F"  # 11-11: nature des factures
    nature_at: str = "N"  # 12-12: lot d'accidents du travail
    situation: int = 1  # 13-14: n° logique de la situation de facturation
    type_emetteur: str = "TP"  # 15-16: type d'émetteur, comme en 000
    organisme_destinataire: str = _REQUIRED  # 17-19: organisme destinataire
    numero_lot: int = _REQUIRED  # 20-22: n° de lot
    centre_informatique: str = "000"  # 23-25: centre informatique du destinataire
    regime: str = _REQUIRED  # 26-27: grand régime
    nom_emetteur: str = _REQUIRED  # 30-69: nom du PS ou raison sociale
    date_lot: str = _REQUIRED  # 72-77, AAMMJJ: date de création du lot
    type_flux: str = "T"  # 89-89: type de flux
    organisme_complementaire: str = ""  # 90-99: lot de DRE: n° de l'AMC qui le reçoit


class EnTeteFacture(NamedTuple):
    """Type 2: En-tête de facture: assuré, organisme, nature d'assurance, praticien."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    nature_operation: int = 1  # 39-39: nature d'opération: 1 élaboration
    date_facture: str = _REQUIRED  # 40-45, AAMMJJ: date d'élaboration
    mode_securisation: int = 3  # 46-46: mode de sécurisation
    tiers_payant: int = 0  # 47-47: tiers payant
    regime: str = _REQUIRED  # 49-50: code grand régime
    caisse: str = _REQUIRED  # 51-53: caisse gestionnaire
    centre: str = "0000"  # 54-57: centre gestionnaire
    nature_piece_droits: int = 3  # 58-58: nature de la pièce justificative des droits
    date_droits: str | None = None  # 59-64, AAMMJJ: date de consultation des droits
    code_gestion: str = ""  # 65-66: code gestion
    organisme_destinataire: str = _REQUIRED  # 71-73: organisme destinataire
    centre_informatique: str = "000"  # 74-76: centre informatique
    nature_assurance: str = _REQUIRED  # 77-78: nature d'assurance
    exoneration: str = "0"  # 79-79: justification d'exonération du ticket modérateur
    date_nature_assurance: str | None = None  # 80-85, AAMMJJ: date de l'accident ou de la maternité
    numero_at: str | None = None  # 86-94: n° de l'accident du travail
    accident_tiers: str = "N"  # 95-95: accident causé par un tiers
    date_naissance: str = _REQUIRED  # 96-101, AAMMJJ: naissance du bénéficiaire; mois lunaires admis
    rang_naissance: int = 1  # 102-102: rang de naissance (jumeaux)
    specialite: str = _REQUIRED  # 103-104: spécialité du PS
    code_conventionnel: int = 1  # 105-105: code conventionnel
    zone_tarifaire: str = ""  # 106-107: zone tarifaire
    zone_ik: str = ""  # 108-109: zone d'indemnité kilométrique
    condition_exercice: str = "L"  # 110-110: condition d'exercice
    situation: int = 1  # 111-112: n° logique de la situation de facturation
    type_contrat: str = "00"  # 117-118: type de contrat complémentaire; 00 aucun, 99 éclatement par l'OCT
    organisme_complementaire: str = ""  # 119-128: n° d'organisme complémentaire


class SupplementFacture(NamedTuple):
    """Type 2S: Bénéficiaire, parcours de soins, prescripteur, complémentaire."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    code_couverture: str = ""  # 40-44: code ALD(1) + code situation(4) de la carte
    qualite: str = ""  # 45-46: qualité du bénéficiaire
    nir_individuel: str | None = None  # 50-62: NIR du bénéficiaire
    cle_nir_individuel: str | None = None  # 63-64: clé du NIR du bénéficiaire
    numero_adherent: str = ""  # 65-79: n° d'adhérent AMC
    indicateur_amc: str = ""  # 80-81: indicateur de traitement AMC
    code_routage: str = ""  # 82-83: code de routage AMC
    debut_amc: str | None = None  # 84-89, AAMMJJ: début des droits AMC
    fin_amc: str | None = None  # 90-95, AAMMJJ: fin des droits AMC
    prescripteur: str | None = None  # 96-106: n° RPPS ou de facturation du médecin prescripteur ou qui oriente
    date_prescription: str | None = None  # 107-112, AAMMJJ: date de prescription
    origine_prescription: str = ""  # 113-113: origine de la prescription
    date_installation: str | None = None  # 114-119, AAMMJJ: installation du médecin (parcours J, B)
    declaration_mt: str = ""  # 120-120: médecin traitant déclaré
    parcours: str = ""  # 121-121: indicateur de parcours de soins (T N R O M J B D H U S; public 2S: aussi A)
    parcours_detail: str = ""  # 122-122: 1 ou 2 pour S1, S2


class LigneHonoraires(NamedTuple):
    """Type 4: Ligne d'honoraires: un acte."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    lieu_execution: int = 1  # 39-39: lieu d'exécution
    complement: str = ""  # 40-40: complément
    numero_ligne: int = _REQUIRED  # 41-43: n° de ligne dans la facture, à partir de 1
    executant: str | None = None  # 44-52: n° de facturation de l'exécutant s'il n'est pas l'émetteur
    exoneration: str = "0"  # 54-54: justification d'exonération de la ligne
    qualificatif: str = ""  # 55-55: qualificatif de la dépense
    entente_prealable: int = 0  # 56-56: entente préalable (0-4)
    date_entente: str | None = None  # 57-62, AAMMJJ: date d'envoi de l'entente préalable
    specialite: str = _REQUIRED  # 68-69: spécialité de l'exécutant
    date_soins: str = _REQUIRED  # 70-75, AAMMJJ: date des soins
    code_acte: str = _REQUIRED  # 76-80: code de la prestation
    quantite: int = 1  # 81-82: quantité
    coefficient: int = 100  # 83-88, 1/100: coefficient
    denombrement: int = 1  # 89-90: dénombrement
    prix_unitaire: int = _REQUIRED  # 91-97, cents: prix unitaire
    base_remboursement: int = _REQUIRED  # 98-104, cents: base de remboursement de la ligne
    taux: int = _REQUIRED  # 105-107, %: taux de remboursement AMO
    montant_amo: int = _REQUIRED  # 108-114, cents: montant remboursable AMO
    montant_honoraires: int = _REQUIRED  # 115-122, cents: montant facturé
    montant_amc: int = 0  # 123-128, cents: montant AMC


class FinFacture(NamedTuple):
    """Type 5: Fin de facture: totaux."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    nir_assure: str  # 12-24: NIR de l'assuré
    cle_nir: str  # 25-26: clé du NIR
    rang_beneficiaire: int = 0  # 27-29: rang du bénéficiaire
    numero_facture: int = _REQUIRED  # 30-38: n° de facture
    nombre_lignes: int = _REQUIRED  # 39-41: nombre d'enregistrements 4
    total_honoraires: int = _REQUIRED  # 58-65, cents: total facturé
    total_amo: int = _REQUIRED  # 66-73, cents: total remboursable AMO
    participation_assure: int = _REQUIRED  # 74-81, cents: reste à l'assuré: total - AMO - AMC
    total_base: int = _REQUIRED  # 82-89, cents: total des bases de remboursement
    total_amc: int = 0  # 90-97, cents: total AMC


class FinLot(NamedTuple):
    """Type 6: Fin de lot: compteurs et totaux."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    nombre_factures: int  # 11-13: nombre de factures du lot
    nombre_actes: int  # 14-17: nombre d'enregistrements 4 du lot
    nombre_enregistrements: int  # 18-24: nombre d'enregistrements de 1 à 6, signatures comprises
    total_facture: int  # 25-33, cents: total facturé
    total_amo: int  # 34-42, cents: total AMO
    total_amc: int  # 43-51, cents: total AMC
    numero_lot: int  # 52-54: n° de lot


class Signature(NamedTuple):
    """Type 7: Part d'une signature: après le 5 (facture) ou après le 6 (lot); 344 caractères base64 en quatre parts."""

    numero_emetteur: str  # 2-10: n° de facturation du PS, clé comprise
    objet: str  # 11-11: ce qui est signé
    numero: int  # 12-20: n° de facture ou de lot
    signataire: str  # 21-21: carte qui a signé
    part: int  # 22-22: n° de la part, à partir de 1
    parts: int = 4  # 23-23: nombre de parts
    certificat: str = _REQUIRED  # 24-39: 16 premiers chiffres hexadécimaux (minuscules) du SHA-256 du certificat DER …
    algorithme: str = "001"  # 40-42: 001: RSA 2048 PKCS#1 v1.5 SHA-256 sur le message de 48 octets de tournee.signing
    valeur: str = _REQUIRED  # 43-128: base64 de la signature, part courante


class FinFichier(NamedTuple):
    """Type 999: Fin de fichier: compteurs."""

    type_emetteur: str = "TP"  # 4-5: comme 000
    numero_emetteur: str = _REQUIRED  # 6-19: comme 000
    programme_emetteur: str = "TOURNE"  # 20-25: comme 000
    type_destinataire: str = _REQUIRED  # 26-27: comme 000
    numero_destinataire: str = _REQUIRED  # 28-41: comme 000
    programme_destinataire: str = ""  # 42-47: comme 000
    application: str = "TR"  # 48-49: comme 000
    identification_fichier: str = _REQUIRED  # 50-55: comme 000
    nombre_enregistrements: int = _REQUIRED  # 56-63: nombre d'enregistrements, 000 et 999 compris
    type_flux: str = "T"  # 64-64: comme 000
    nombre_lots: int = _REQUIRED  # 83-85: nombre de lots


Record = (
    DebutFichier
    | EnTeteLot
    | EnTeteFacture
    | SupplementFacture
    | LigneHonoraires
    | FinFacture
    | FinLot
    | Signature
    | FinFichier
)

RECORDS: tuple[type[Any], ...] = (
    DebutFichier,
    EnTeteLot,
    EnTeteFacture,
    SupplementFacture,
    LigneHonoraires,
    FinFacture,
    FinLot,
    Signature,
    FinFichier,
)
"""In the order of the table; profile sv-sim-1."""
