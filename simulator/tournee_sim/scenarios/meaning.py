"""What no schema can say of a scenario: its cards, faults and states exist, and what it expects is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tournee_sim.scenarios.errors import ScenarioError
from tournee_sim.scenarios.expect import ALWAYS, GIVES, listed
from tournee_sim.scenarios.matrix import Draft
from tournee_sim.scenarios.model import Scenario, Step
from tournee_sim.scenarios.plain import Source
from tournee_sim.scenarios.said import near


def names(scenario: Scenario, draft: Draft, source: Source) -> None:
    """Raises ScenarioError for a card, fault or state that there is not."""
    for slot, card in scenario.cards.items():
        _cards(slot, card, [*draft.cards, slot], source)
    for step, path in zip(scenario.steps, draft.steps, strict=True):
        if step.action in ("insert", "next"):
            _cards(step.values["slot"], step.values.get("card"), [*path, step.action, "card"], source)
        if step.action == "fault":
            _fault(step, source.where(path))
        if step.action == "strike":
            _state(step, source.where(path))


def expectations(scenario: Scenario, draft: Draft, source: Source) -> None:
    """Raises ScenarioError for an `expect` that nothing would be compared with."""
    for step, path in zip(scenario.steps, draft.steps, strict=True):
        if not step.expect:
            continue
        gives = GIVES.get(step.action, ())
        where = source.where([*path, "expect"])
        if not gives:
            what = f"`{step.action}` gets no answer: nothing can be expected of it"
            raise ScenarioError(where, what, f"leave expect out; steps with an answer are {', '.join(GIVES)}")
        if foreign := [key for key in step.expect if key not in gives]:
            what = f"the answer to `{step.action}` holds no {', '.join(foreign)}"
            raise ScenarioError(where, what, f"take some of {', '.join(gives)}")
        unread = [key for key in step.expect if key not in ALWAYS]
        if unread and "OK" not in listed(step.expect.get("status", "OK")):
            what = f"{', '.join(unread)} would not be looked at: only an answer with the status OK holds more"
            raise ScenarioError(where, what, f"leave {', '.join(unread)} out, or add OK to status")


def _cards(slot: Any, card: Any, path: Iterable[Any], source: Source) -> None:
    from tournee_sim.people import card_ids

    known = card_ids()
    for each in listed(card):
        if each is not None and each not in known:
            raise ScenarioError(
                source.where(list(path)),
                f"slot {slot}: no card {each!r}",
                f"{near(each, known)}`tournee sim cards` names them",
            )


def _fault(step: Step, where: str) -> None:
    from tournee_sim.faults import FaultError, parse

    try:
        parse(step.values["kind"])
    except FaultError as exc:
        raise ScenarioError(where, str(exc), "take one of these") from exc


def _state(step: Step, where: str) -> None:
    from tournee_sim.boards.watch import machine_states

    states = machine_states()
    machine, state = step.values["machine"], step.values["state"]
    if state not in states.get(machine, ()):
        there = "; ".join(f"{name}: {', '.join(table)}" for name, table in states.items())
        raise ScenarioError(where, f"no state {machine}/{state}", f"the firmware's tables have {there}")
