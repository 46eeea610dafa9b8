"""Life cycle of a bill as pure functions: states, allowed steps, legal dates (CSS R.161-47, billing-formats §3.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tournee.billing.result import ClockDate


class State(StrEnum):
    DRAFT = "draft"
    VALID = "valid"
    SIGNED = "signed"
    IN_LOT = "in_lot"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step of a bill's life."""

    state: State
    day: date


def allowed(state: State) -> frozenset[State]:
    """The states that may follow `state`."""
    raise NotImplementedError


def advance(steps: tuple[Step, ...], to: State, day: date) -> tuple[Step, ...]:
    """The life with one step more; raises TransitionRefused."""
    raise NotImplementedError


def clocks(steps: tuple[Step, ...], *, tiers_payant: bool) -> tuple[ClockDate, ...]:
    """The legal dates that follow from the steps so far, earliest first."""
    raise NotImplementedError
