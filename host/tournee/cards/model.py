"""What the cards say, as values: the CPS and its situations, the Vitale, its beneficiaries and their rights.

Texts are those of the card (codes are not translated here). Dates of rights are `date`; a birth date stays as the card writes it
(`AAAAMMJJ`), because it may be lunar (month or day beyond the calendar).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

VERSION: Final = 1
"""Version of the JSON form (docs/schemas/cps.json, vitale.json)."""


@dataclass(frozen=True)
class Holder:
    """Group 1, titulaire CPS [IMPL MDT quoting ssv-mp-003]; empty text where the card has none."""

    type_carte: str
    type_identification: str  # 0 ADELI, 8 RPPS
    numero_identification: str
    cle: str
    civilite: str
    nom: str
    prenom: str


@dataclass(frozen=True)
class Situation:
    """Group 2, situation de facturation du PS [IMPL MDT quoting ssv-mp-003]."""

    numero_logique: str
    mode_exercice: str  # 00 libéral, 01 salarié, 04 remplaçant, 07 bénévole
    statut_exercice: str
    secteur_activite: str
    type_structure: str
    numero_structure: str
    cle_structure: str
    raison_sociale: str
    numero_facturation: str  # 8
    cle_facturation: str
    numero_remplace: str
    cle_remplace: str
    code_conventionnel: str
    specialite: str
    zone_tarifaire: str
    zone_ik: str
    agrements: tuple[str, str, str]
    signe_facture: bool
    signe_lot: bool


@dataclass(frozen=True)
class CpsCard:
    """`situations` is None until the PIN was verified; `holder` comes from the certificate before that (keys empty)."""

    atr: bytes
    numero_serie: str  # the 8 printed digits
    emetteur: str  # issuer identification number, 8025000001
    simulation: bool
    holder: Holder | None
    profession: str  # title of the certificate, empty if it says none
    certificat_signature: bytes | None  # DER
    certificat_authentification: bytes | None  # DER
    situations: tuple[Situation, ...] | None


@dataclass(frozen=True)
class Beneficiaire:
    """One bearer of the public files (MF SFI 2 and VITALE SFI 2, joined by order) [RUF]."""

    rang: int  # order in the file, from 1
    nom: str
    prenom: str
    date_naissance: str  # AAAAMMJJ
    nationalite: str
    nir: str  # 13 + key; empty if the card has none for this person


@dataclass(frozen=True)
class Periode:
    """Both ends included; None: open."""

    debut: date | None
    fin: date | None


@dataclass(frozen=True)
class Assure:
    """Group 101."""

    type_carte: str
    numero_serie: str
    fin_validite: date | None
    type_identification_porteur: str
    nir: str  # 13
    cle: str
    regime: str
    caisse: str
    centre: str
    code_gestion: str


@dataclass(frozen=True)
class ServiceAmo:
    """Group 102 (family), or fields 15–17 of group 104: 00 none, 01 C2S by AMO, 02 by delegation, 03 by AMC, 10 leaving."""

    code: str
    periode: Periode


@dataclass(frozen=True)
class AccidentTravail:
    """One of the three of group 103."""

    organisme: str
    code: str  # BGDH
    identifiant: str


@dataclass(frozen=True)
class Couverture:
    """Group 106."""

    periode: Periode
    code_ald: str
    code_situation: str


@dataclass(frozen=True)
class Mutuelle:
    """Group 107 with its periods (108)."""

    identification: str
    garanties: str
    indicateur_traitement: str
    type_services: str
    services: str
    code_sts: str
    periodes: tuple[Periode, ...]


@dataclass(frozen=True)
class Amc:
    """Group 109."""

    numero_b2: str
    numero_edi: str
    numero_adherent: str
    indicateur_traitement: str
    periode: Periode
    code_routage: str
    hote: str
    domaine: str
    code_sts: str
    type_services: str
    services: str


@dataclass(frozen=True)
class DroitsBeneficiaire:
    """Group 104 and what follows it: 105 periods, 106 coverage, 107/108 mutuelle, 109 AMC."""

    rang: int  # same as Beneficiaire.rang
    nom_usuel: str
    nom_patronymique: str
    prenom: str
    adresse: tuple[str, ...]
    nir_certifie: str
    cle_nir_certifie: str
    date_certification: date | None
    date_naissance: str  # AAAAMMJJ
    rang_gemellaire: str
    qualite: str
    service_amo: ServiceAmo | None
    periodes_amo: tuple[Periode, ...]
    couvertures: tuple[Couverture, ...]
    mutuelle: Mutuelle | None
    amc: Amc | None


@dataclass(frozen=True)
class Droits:
    """The rights zone of a Vitale (groups 101–109)."""

    assure: Assure
    service_amo_famille: ServiceAmo | None
    accidents_travail: tuple[AccidentTravail, ...]
    beneficiaires: tuple[DroitsBeneficiaire, ...]


@dataclass(frozen=True)
class VitaleCard:
    """`droits` is None until a CPS has opened them."""

    atr: bytes
    numero_serie: str  # the 8 printed digits; all of EF 2F02 in hex when it is built otherwise; empty without one
    identifiant: str  # EF 2F02, 20 hex digits; empty without one
    debut_validite: date | None
    simulation: bool
    beneficiaires: tuple[Beneficiaire, ...]
    certificat: bytes | None  # DER
    droits: Droits | None
