"""Life cycle: allowed steps, refused ones, legal dates."""

from __future__ import annotations

from datetime import date

import pytest

from tournee.billing import State, Step, TransitionRefused
from tournee.billing.lifecycle import LABELS, advance, allowed, clocks, state

MON = date(2025, 1, 6)
GOOD = (State.VALID, State.SIGNED, State.IN_LOT, State.SENT, State.ACKNOWLEDGED, State.PAID)


def life(*states: State, day: date = MON) -> tuple[Step, ...]:
    steps: tuple[Step, ...] = ()
    for to in states:
        steps = advance(steps, to, day)
    return steps


def test_the_good_life() -> None:
    assert state(()) is State.DRAFT
    assert state(life(*GOOD)) is State.PAID and not allowed(State.PAID)


@pytest.mark.parametrize(
    ("states", "to"),
    [
        ((), State.SIGNED),
        ((State.VALID, State.SIGNED), State.DRAFT),
        (GOOD[:3], State.CANCELLED),
        (GOOD[:4], State.CANCELLED),
        (GOOD, State.REJECTED),
        ((State.CANCELLED,), State.VALID),
    ],
)
def test_refused_steps_name_what_is_possible(states: tuple[State, ...], to: State) -> None:
    with pytest.raises(TransitionRefused) as caught:
        advance(life(*states), to, MON)
    assert LABELS[to] in caught.value.what and caught.value.remedy


def test_a_step_is_not_dated_before_the_last_one() -> None:
    with pytest.raises(TransitionRefused):
        advance(life(State.VALID), State.SIGNED, date(2025, 1, 5))


def test_every_state_is_reached_and_named() -> None:
    reached = {State.DRAFT} | {to for s in State for to in allowed(s)}
    assert reached == set(State) == set(LABELS)


@pytest.mark.parametrize(("third", "due"), [(False, date(2025, 1, 9)), (True, date(2025, 1, 16))])
def test_transmission_3_or_8_working_days(third: bool, due: date) -> None:
    (clock,) = clocks(life(*GOOD[:2]), tiers_payant=third)
    assert (clock.code, clock.due) == ("TRANSMISSION", due)


def test_arl_two_working_days_then_two_more_over_a_holiday() -> None:
    """Sent Wednesday 30/04/2025; 01/05 is a holiday: Friday 02/05, Monday 05/05; then 06/05, 07/05; + 90 days = 29/07."""
    found = {c.code: c.due for c in clocks(life(*GOOD[:4], day=date(2025, 4, 30)), tiers_payant=True)}
    assert found == {"ARL": date(2025, 5, 5), "RENVOI": date(2025, 5, 7), "ARCHIVE": date(2025, 7, 29)}


def test_archive_counts_from_the_last_sending() -> None:
    steps = advance(life(*GOOD[:4]), State.SENT, date(2025, 1, 10))
    assert {c.code: c.due for c in clocks(steps, tiers_payant=False)}["ARCHIVE"] == date(2025, 4, 10)
