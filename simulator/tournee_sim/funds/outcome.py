"""What a fund decides on one invoice: pay, reject, pay less, already paid. Tariffs are not judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tournee_sim.funds.reader import Facture, Row


class Outcome(StrEnum):
    PAID = "paid"
    REJECTED = "rejected"
    PARTIAL = "partial"
    LOST_ARL = "lost-arl"


ALREADY_PAID: Final = "2900-005"
UNJUSTIFIED_TRAVEL: Final = "SIM1-001"
OUTSIDE_PARCOURS: Final = "SIM1-002"
PARCOURS_PCT: Final = 30  # doctor outside the parcours (facts: billing-formats §5.3 [SEC])


@dataclass(frozen=True)
class Reject:
    code: str  # of `tournee_protocol.rejets`
    ligne: Row | None = None  # None: the whole invoice


@dataclass
class Decision:
    """Shares in cents; `etat` as in entities 198/199; `lignes` pairs each act with what AMO pays for it."""

    facture: Facture
    etat: str
    amo_demande: int
    amo_paye: int
    amc_demande: int
    amc_paye: int
    rejects: list[Reject] = field(default_factory=list)
    lignes: list[tuple[Row, int]] = field(default_factory=list)

    @property
    def paye(self) -> int:
        return self.amo_paye + self.amc_paye


def third_party(facture: Facture) -> bool:
    """Does the fund pay the practitioner? Otherwise only rejects come back [SEC ameli]."""
    return facture.entete.num("tiers_payant") > 0


def decide(facture: Facture, outcome: Outcome, reject_code: str, *, already_paid: bool) -> Decision:
    amo = [ligne.num("montant_amo") for ligne in facture.lignes]
    wants_amc = facture.entete.num("tiers_payant") == 2
    amc = sum(ligne.num("montant_amc") for ligne in facture.lignes) if wants_amc else 0
    made = Decision(facture, "P", sum(amo), sum(amo), amc, amc, [], list(zip(facture.lignes, amo, strict=True)))
    if already_paid or outcome is Outcome.REJECTED:
        code = ALREADY_PAID if already_paid else reject_code
        made.etat, made.amo_paye, made.amc_paye = "R", 0, 0
        made.rejects = [Reject(code)]
        made.lignes = [(ligne, 0) for ligne in facture.lignes]
    elif outcome is Outcome.PARTIAL:
        _less(made)
    return made


def _less(made: Decision) -> None:
    last = made.lignes[-1][0]
    if len(made.lignes) > 1 and last.text("code_acte").startswith("MD"):
        made.lignes[-1] = (last, 0)
        made.rejects = [Reject(UNJUSTIFIED_TRAVEL, last)]
    else:
        first, asked = made.lignes[0]
        paid = (first.num("base_remboursement") * PARCOURS_PCT + 50) // 100
        if paid >= asked:
            return
        made.lignes[0] = (first, paid)
        made.rejects = [Reject(OUTSIDE_PARCOURS, first)]
    made.amo_paye = sum(paid for _, paid in made.lignes)
