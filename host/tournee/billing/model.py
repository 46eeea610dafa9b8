"""What goes into an evaluation: a bill is a value; money is integer cents, coefficients are integer hundredths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

JSON_VERSION = 1


class Origin(StrEnum):
    """Where a datum comes from."""

    CARD = "card"
    ADRI = "adri"
    TYPED = "typed"
    PREFILLED = "prefilled"
    DEFAULT = "default"
    NONE = "none"


class Mode(StrEnum):
    """Securing mode of the invoice, code of the published enum in `MODE_CODES` [IMPL JFSE]."""

    SECURISE = "securise"
    DEGRADE = "degrade"
    SANS_VITALE = "sans_vitale"
    VISITE = "visite"
    DESYNCHRONISE = "desynchronise"
    NON_SECURISE = "non_securise"


MODE_CODES: Mapping[Mode, int] = {
    Mode.NON_SECURISE: 0,
    Mode.SANS_VITALE: 1,
    Mode.VISITE: 2,
    Mode.SECURISE: 3,
    Mode.DESYNCHRONISE: 4,
    Mode.DEGRADE: 5,
}


@dataclass(frozen=True, slots=True)
class Praticien:
    """CPS group 1 [IMPL MDT]."""

    nom: str = ""
    prenom: str = ""
    type_identification: str = ""
    identification: str = ""
    cle: str = ""


@dataclass(frozen=True, slots=True)
class SituationFacturation:
    """One situation of the practitioner: CPS group 2, texts as on the card [IMPL MDT]."""

    numero_logique: str = ""
    mode_exercice: str = ""
    statut_exercice: str = ""
    secteur_activite: str = ""
    type_structure: str = ""
    numero_structure: str = ""
    cle_structure: str = ""
    raison_sociale: str = ""
    numero_facturation: str = ""
    cle_facturation: str = ""
    numero_remplace: str = ""
    cle_remplace: str = ""
    code_conventionnel: str = ""
    specialite: str = ""
    zone_tarifaire: str = ""
    zone_ik: str = ""
    agrement_1: str = ""
    agrement_2: str = ""
    agrement_3: str = ""
    habilitation_facture: str = ""
    habilitation_lot: str = ""

    @classmethod
    def from_groupe(cls, fields: Sequence[str]) -> SituationFacturation:
        """From the positional fields 1…21 of group 2; trailing fields may be missing."""
        return cls(*fields[:21])

    @property
    def remplacant(self) -> bool:
        """True when the holder replaces another (mode d'exercice 4)."""
        return self.mode_exercice.lstrip("0") == "4"


@dataclass(frozen=True, slots=True)
class Identite:
    """The beneficiary's identity, copied into the bill: group 104 and the insured person's NIR of group 101."""

    nom: str = ""
    prenom: str = ""
    nom_patronymique: str = ""
    naissance: str = ""  # AAAAMMJJ as on the card: may be no calendar date ("lunar" dates exist [SPEC INS])
    rang: str = "1"
    qualite: str = ""
    nir_assure: str = ""
    cle_assure: str = ""
    nir_certifie: str = ""
    cle_certifie: str = ""
    adresse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """One act as the practitioner enters it; what is None is worked out or asked."""

    code: str  # fixed code ("VG") or key letter ("AMI")
    quantite: int = 1
    coefficient_centiemes: int | None = None  # 150 = AMI 1,5
    reference: str = ""  # row of the nomenclature ("AMI-prelevement"): tells acts of one letter apart
    heure: str = ""  # "HH:MM" local time of the act; "" = by day
    depassement_cents: int = 0
    qualificatif: str = ""  # qualificatif de dépense A B D E F G N [IMPL JFSE]
    km: int | None = None  # whole billable kilometres there and back before abatement; None = no IK
    prescription_date: date | None = None  # of this act; None = that of the bill
    date: date | None = None  # care date; None = the bill's date of creation

    @property
    def key(self) -> str:
        """What an answer about this act remembers: "AMI#injection@"; another act under the same number is another question."""
        return f"{self.code}#{self.reference}@{self.coefficient_centiemes or ''}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with where it comes from. `value` is JSON: str, bool, int or None; dates are ISO texts."""

    value: str | bool | int | None
    origin: Origin = Origin.TYPED
    acte: str = ""  # `Act.key` of the act that the answer is about; "" = the bill, or whatever act has that number


@dataclass(frozen=True, slots=True)
class ForcedRule:
    """A rule that the practitioner overrides where it may be overridden; the reason is kept with the bill."""

    rule_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bill:
    """One invoice (FSE) in the making; never changed, only replaced (`answer`, `dataclasses.replace`)."""

    id: str
    created: date
    situation: SituationFacturation
    praticien: Praticien = field(default_factory=Praticien)
    beneficiaire: Identite | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    forced: tuple[ForcedRule, ...] = ()
    numero_facture: int | None = None  # 1…999 999 999, given when the bill is signed
    corrects: str | None = None  # id of the bill that this one replaces
    corrects_numero: int | None = None
    simulation: bool = True

    def value(self, question_id: str) -> str | bool | int | None:
        """The answer's value, None when not answered."""
        found = self.answers.get(question_id)
        return None if found is None else found.value
