"""Life cycle of a bill as pure functions: states, allowed steps, legal dates (CSS R.161-47, read through excerpts)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from tournee.billing.dates import add_jours_ouvres, fr
from tournee.billing.errors import TransitionRefused
from tournee.billing.result import ClockDate
from tournee.billing.tables import tables


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


LABELS: Mapping[State, str] = {
    State.DRAFT: "brouillon",
    State.VALID: "prête à signer",
    State.SIGNED: "signée",
    State.IN_LOT: "en lot",
    State.SENT: "envoyée",
    State.ACKNOWLEDGED: "reçue par la caisse (ARL)",
    State.PAID: "payée",
    State.PARTLY_PAID: "payée en partie",
    State.REJECTED: "rejetée",
    State.CORRECTED: "corrigée par une autre facture",
    State.CANCELLED: "annulée",
}

_D, _V, _S, _L, _E = State.DRAFT, State.VALID, State.SIGNED, State.IN_LOT, State.SENT
_OUTCOMES = (State.PAID, State.PARTLY_PAID, State.REJECTED)
_ALLOWED: Mapping[State, frozenset[State]] = {
    _D: frozenset({_V, State.CANCELLED}),
    _V: frozenset({_D, _S, State.CANCELLED}),
    _S: frozenset(
        {_L, State.CANCELLED}
    ),  # a signed bill may be dropped as long as it stands in no lot; its number is lost
    _L: frozenset({_E}),
    _E: frozenset({_E, State.ACKNOWLEDGED, *_OUTCOMES}),  # sent again without ARL; a payment may come before its ARL
    State.ACKNOWLEDGED: frozenset(_OUTCOMES),
    State.PAID: frozenset(),
    State.PARTLY_PAID: frozenset({State.PAID, State.CORRECTED}),
    State.REJECTED: frozenset({State.CORRECTED, State.CANCELLED, State.PAID}),
    State.CORRECTED: frozenset({State.REJECTED, State.PARTLY_PAID}),  # its correction was cancelled: it is open again
    State.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Step:
    """One dated step of a bill's life."""

    state: State
    day: date


def allowed(state: State) -> frozenset[State]:
    """The states that may follow `state`."""
    return _ALLOWED[state]


def state(steps: tuple[Step, ...]) -> State:
    """Where the bill is now; a bill without steps is a draft."""
    return steps[-1].state if steps else State.DRAFT


def advance(steps: tuple[Step, ...], to: State, day: date) -> tuple[Step, ...]:
    """The life with one step more; raises TransitionRefused (not allowed, or dated before the last step)."""
    now = state(steps)
    if to not in _ALLOWED[now]:
        may = ", ".join(LABELS[s] for s in State if s in _ALLOWED[now]) or "rien : c'est un état final"
        raise TransitionRefused(
            f"La facture est « {LABELS[now]} » : elle ne peut pas devenir « {LABELS[to]} ».", f"étape possible : {may}"
        )
    if steps and day < steps[-1].day:
        raise TransitionRefused(
            f"L'étape « {LABELS[to]} » serait datée du {fr(day)}, avant la précédente ({fr(steps[-1].day)}).",
            "vérifiez l'horloge de cet ordinateur",
        )
    return (*steps, Step(to, day))


def clocks(steps: tuple[Step, ...], *, tiers_payant: bool) -> tuple[ClockDate, ...]:
    """The legal dates that follow from the steps so far, earliest first: transmission 3 or 8 working days after the
    signature, ARL 2 working days after sending, then 2 to send again, archive 90 days after sending.
    """
    now = state(steps)
    first = {s.state: s.day for s in reversed(steps)}
    last = {s.state: s.day for s in steps}
    found: list[ClockDate] = []
    if now in (_S, _L):
        signed = first[_S]
        n = _days("transmission_tiers_payant" if tiers_payant else "transmission_sans_tiers_payant", signed)
        due = add_jours_ouvres(signed, n)
        found.append(ClockDate("TRANSMISSION", f"à transmettre avant le {fr(due)} ({n} jours ouvrés)", due))
    if now is _E:
        n = _days("arl", last[_E])
        due = add_jours_ouvres(last[_E], n)
        again = add_jours_ouvres(due, n)
        found.append(ClockDate("ARL", f"accusé de réception (ARL) attendu au plus tard le {fr(due)}", due))
        found.append(ClockDate("RENVOI", f"sans ARL, à renvoyer avant le {fr(again)}, puis duplicata papier", again))
    if _E in first and now is not State.CANCELLED:
        n = _days("archive", last[_E])
        due = last[_E] + timedelta(days=n)
        found.append(ClockDate("ARCHIVE", f"copie à garder jusqu'au {fr(due)} au moins ({n} jours)", due))
    return tuple(sorted(found, key=lambda c: c.due))


def _days(nom: str, day: date) -> int:
    row = tables().parametre(nom, day)
    if row is None:
        raise KeyError(nom)
    return int(row.data["valeur"])
