"""What comes out of an evaluation; texts are French (a practitioner reads them), money is integer cents."""

from __future__ import annotations

from dataclasses import field
from datetime import date
from typing import Literal

from tournee.billing.values import value

Status = Literal["incomplete", "invalid", "valid"]
QuestionType = Literal["choice", "bool", "date", "text", "int", "acts"]


@value
class Choice:
    """One answer that a question offers; `text` is French."""

    value: str
    text: str


@value
class Question:
    """Something still to ask. `required` False = the default holds when nobody answers (advanced view)."""

    id: str
    text: str
    type: QuestionType
    choices: tuple[Choice, ...] = ()
    default: str | bool | int | None = None
    why: str = ""
    group: str = ""
    view: Literal["simple", "advanced"] = "simple"
    prefill: Literal["allowed", "never"] = "allowed"
    required: bool = True
    ouvre: tuple[str | bool, ...] = ()  # answers that open the advanced view


@value
class Fault:
    """Why a bill is not valid: `path` is the field ("acts[1].code", "answers.parcours"), `remedy` one thing to do."""

    code: str
    path: str
    text: str
    remedy: str
    rule: str = ""  # a rule that may be forced with a reason; "" = never


@value
class Line:
    """One priced line: `montant = pu × coefficient (half up) × quantité + majoration + dépassement` but for an IK at half,
    rounded once; `montant = amo + amc + patient`.
    """

    code: str
    libelle: str
    date: date
    quantite: int
    coefficient_centiemes: int  # 100 = 1
    pu_cents: int  # value of the code or the key letter
    montant_cents: int  # honoraires, overrun included
    base_cents: int  # base de remboursement
    taux: int  # percent
    amo_cents: int
    amc_cents: int
    patient_cents: int
    depassement_cents: int = 0
    majoration_cents: int = 0  # night or Sunday amount of an auxiliary, inside montant and base
    qualificatif: str = ""
    complement: str = ""  # F dimanche-férié, N nuit, U urgence [IMPL JFSE]
    exoneration: str = ""  # one-digit code of the act, "4" = related to the ALD [IMPL JFSE]
    act: int = 0  # index into bill.acts
    reference: str = ""
    genre: str = "acte"  # acte | majoration | deplacement | ik


@value
class Totals:
    """Sums over the lines, integer cents."""

    montant_cents: int = 0
    base_cents: int = 0
    amo_cents: int = 0
    amc_cents: int = 0
    patient_cents: int = 0
    depassement_cents: int = 0
    a_regler_cents: int = 0  # what the patient pays today: everything but what the chosen tiers payant takes


@value
class Trace:
    """One decision: the rule, the table rows it read, and a sentence. `line` None = the whole bill."""

    rule: str
    rows: tuple[str, ...]
    text: str
    line: int | None = None


@value
class Information:
    """Told, never billed (participation forfaitaire, franchise), or a warning (row of low confidence)."""

    code: str
    text: str
    cents: int = 0
    kind: Literal["information", "warning"] = "information"


@value
class ClockDate:
    """A legal date that follows from the bill as it is."""

    code: str
    text: str
    due: date


@value
class Contexte:
    """What the invoice's records need beside the lines: the engine's resolved view of the answers."""

    profession: str = ""  # key of professions.toml
    nature_assurance: str = ""
    parcours: str = ""  # letter T N R O M J B D H U S1 S2; "" = not concerned
    parcours_statut: int = 0  # 0 not concerned, 1 in the parcours, 2 outside [IMPL JFSE]
    parcours_declaration: bool | None = None  # the patient has declared a médecin traitant; None = not asked
    parcours_nom: str = ""  # of the doctor who sent the patient
    parcours_prenom: str = ""
    parcours_installation: date | None = None
    lieu: str = ""
    mode: str = ""
    tiers_payant: str = ""
    exoneration: str = ""
    accident_tiers: bool | None = None
    accident_date: date | None = None
    code_ald: str = ""
    code_situation: str = ""
    c2s: bool = False
    alsace_moselle: bool = False
    amc_numero: str = ""
    amc_adherent: str = ""
    amc_gestion: str = ""  # unique | separee | oct
    dre: bool = False  # a request to the complementary fund goes with this invoice
    type_contrat: str = ""  # 99 = éclatement by an OCT, exclusive of DRE [SPEC S001]
    date_maternite: date | None = None
    date_at: date | None = None
    numero_at: str = ""
    feuillet_at: bool = False
    organisme_at: str = ""
    prescripteur: str = ""
    prescription_date: date | None = None
    prescription_origine: str = ""  # T médecin traitant, O correspondant, S hors parcours, P autre [IMPL JFSE]
    remplacant: bool = False
    executant: str = ""  # 9 digits of the replacing practitioner; "" = the situation's own holder


@value
class Evaluation:
    """`valid` = may be signed. A pure function of (bill, rights, today)."""

    status: Status
    questions: tuple[Question, ...] = ()
    errors: tuple[Fault, ...] = ()
    lines: tuple[Line, ...] = ()
    totals: Totals = field(default_factory=Totals)
    trace: tuple[Trace, ...] = ()
    informations: tuple[Information, ...] = ()
    clocks: tuple[ClockDate, ...] = ()
    contexte: Contexte = field(default_factory=Contexte)
    view: Literal["simple", "advanced"] = "simple"  # advanced: an answer calls for the advanced questions

    @property
    def next_question(self) -> Question | None:
        """The first required question still to ask."""
        return next((q for q in self.questions if q.required), None)
