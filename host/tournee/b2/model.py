"""Bills, lots and files as this room sees them: neutral values, amounts in integer cents, codes as in the layout tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Ligne:
    """One act. `montant_amo + montant_amc <= montant_honoraires`."""

    code_acte: str  # "VG", "AMI"
    date_soins: date
    specialite: str  # "01"
    prix_unitaire_cents: int
    base_remboursement_cents: int  # of the whole line
    taux: int  # %
    montant_amo_cents: int
    montant_honoraires_cents: int  # charged
    montant_amc_cents: int = 0
    quantite: int = 1
    coefficient_centi: int = 100  # 1/100
    denombrement: int = 1
    exoneration: str = "0"
    qualificatif: str = ""  # "" A B D E F G N
    complement: str = ""  # "" F N U
    lieu_execution: int = 1  # 0 cabinet, 1 domicile
    entente_prealable: int = 0
    date_entente: date | None = None
    executant: str | None = None  # 9 digits, when not the émetteur


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a bill goes: the organism of the patient and who receives for it (`destinations.py`)."""

    regime: str  # 2 digits
    caisse: str  # 3 digits
    centre: str = "0000"
    organisme_destinataire: str = "000"
    centre_informatique: str = "000"

    @property
    def fichier(self) -> tuple[str, str, str]:
        """Bills with the same value go into one file: régime, centre informatique, organisme destinataire."""
        return (self.regime, self.centre_informatique, self.organisme_destinataire)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complementaire:
    """AMC of the bill (card group 109 or typed)."""

    numero_organisme: str  # at most 10 characters
    type_contrat: str = "00"  # 99: the OCT splits
    numero_adherent: str = ""
    indicateur: str = ""
    code_routage: str = ""
    debut: date | None = None
    fin: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facture:
    """One bill, priced and complete: what `facture_records` turns into records 2, 2S, 4…, 5."""

    numero_facture: int  # 9 digits
    numero_emetteur: str  # n° de facturation of the PS, 8 digits + key
    date_facture: date
    specialite: str
    destination: Destination
    nir_assure: str  # 13
    cle_nir: str  # 2
    date_naissance: str  # AAAAMMJJ or AAMMJJ of the beneficiary; lunar dates allowed
    lignes: tuple[Ligne, ...]
    nature_assurance: str = "10"  # 10 maladie, 30 maternité, 41 AT, 90 SMG
    exoneration: str = "0"
    nom_emetteur: str = ""
    type_facture: str = "F"  # F FSE, D DRE
    type_flux: str = "T"  # T test, R réel, D démonstration
    situation: int = 1
    code_conventionnel: int = 1
    zone_tarifaire: str = ""
    zone_ik: str = ""
    condition_exercice: str = "L"
    mode_securisation: int = 3
    tiers_payant: int = 0  # 0 none, 1 AMO, 2 AMO + AMC
    code_gestion: str = ""
    date_droits: date | None = None
    rang_beneficiaire: int = 0
    rang_naissance: int = 1
    qualite: str = ""
    code_couverture: str = ""  # ALD code + situation code
    nir_individuel: str | None = None
    cle_nir_individuel: str | None = None
    date_nature_assurance: date | None = None
    numero_at: str | None = None
    accident_tiers: bool = False
    parcours: str = ""  # T N R O M J B D H U S1 S2
    declaration_mt: bool | None = None
    date_installation: date | None = None
    prescripteur: str | None = None
    date_prescription: date | None = None
    origine_prescription: str = ""
    complementaire: Complementaire | None = None

    @property
    def fichier(self) -> tuple[str, str, str]:
        """Bills with the same value go into one file: a FSE to its caisse, a DRE to its organisme complémentaire."""
        if self.type_facture == "D":
            return ("OC", self.complementaire.numero_organisme if self.complementaire else "", "")
        return self.destination.fichier

    @property
    def total_honoraires_cents(self) -> int:
        return sum(ligne.montant_honoraires_cents for ligne in self.lignes)

    @property
    def total_amo_cents(self) -> int:
        return sum(ligne.montant_amo_cents for ligne in self.lignes)

    @property
    def total_amc_cents(self) -> int:
        return sum(ligne.montant_amc_cents for ligne in self.lignes)

    @property
    def total_base_cents(self) -> int:
        return sum(ligne.base_remboursement_cents for ligne in self.lignes)


@dataclass(frozen=True, slots=True)
class SignatureCarte:
    """One card's signature over a bill or lot; `value` is 256 bytes (RSA 2048)."""

    signataire: str  # C CPS, V Vitale
    certificate_sha256: str  # 64 hex digits of the DER certificate
    value: bytes


@dataclass(frozen=True, slots=True)
class FactureSignee:
    facture: Facture
    signatures: tuple[SignatureCarte, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Signed bills of one PS that may travel together (`lots.grouper`)."""

    numero_lot: int  # 3 digits
    date_lot: date
    factures: tuple[FactureSignee, ...]
    signatures: tuple[SignatureCarte, ...] = ()
    type_emetteur: str = "TP"  # that of its file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fichier:
    """Lots for one destination (direct), or for an OCT with `oct_numero` (any destination)."""

    identification: str  # 6 characters, unique per émetteur
    date_creation: date
    lots: tuple[Lot, ...]
    type_emetteur: str = "TP"
    oct_numero: str = ""  # SIREN-based number of the OCT; empty: direct
    zone_message: str = "SIMULATION SV-SIM 1"
