"""A fault matrix: for every state of one machine of the firmware and every fault, a scenario that strikes there.

Each cell: `before`, then the fault is armed for the state, then `during`, one request in the midst of which the machine is there; the
answer must be one of `status` of that fault, in time; then the next card must work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tournee_sim.scenarios.expect import listed
from tournee_sim.scenarios.model import MATRIX_FAULTS

NEXT_CARD = "generic-t0t1"


@dataclass(frozen=True)
class Draft:
    """A plain scenario document, and the paths in the file at which its cards and each of its steps stand."""

    document: Mapping[str, Any]
    cards: Sequence[str | int]
    steps: Sequence[Sequence[str | int]]


def cells(document: Mapping[str, Any], stem: str) -> Iterator[Draft]:
    """The scenarios of a matrix, named `machine/STATE/fault`."""
    matrix = document["matrix"]
    machine, slot = matrix["machine"], matrix.get("slot", 0)
    for state, row in matrix["states"].items():
        place = ("matrix", "states", state)
        before = row.get("before", [])
        for fault in MATRIX_FAULTS:
            allowed = row.get("status", {}).get(fault) or matrix.get("status", {}).get(fault) or "OK"
            struck = _struck(matrix, machine, slot, state, fault, row["during"], allowed)
            made = {
                "scenario": 1,
                "name": f"{machine}/{state}/{fault}",
                "about": f"{fault} while {machine} is in {state}",
                "cards": row.get("cards", document.get("cards", {})),
                "pace": "fast",
                "fresh": row.get("fresh", False),
                "steps": [*before, *struck],
            }
            steps = [(*place, "before", n) for n in range(len(before))] + [place, (*place, "during"), *[place] * 3]
            yield Draft(made, (*place, "cards") if "cards" in row else ("cards",), steps[: len(made["steps"])])


def _struck(
    matrix: Mapping[str, Any], machine: str, slot: int, state: str, fault: str, during: Mapping[str, Any], allowed: Any
) -> list[Mapping[str, Any]]:
    expect: dict[str, Any] = {"status": allowed}
    if "OK" in listed(allowed) and not {"apdu", "tpdu", "script"}.isdisjoint(during):
        expect["sw"] = "XXXX"  # whatever the card could still say
    if fault in matrix.get("within_ms", {}):
        expect["within_ms"] = matrix["within_ms"][fault]
    strike = {"slot": slot, "machine": machine, "state": state, "fault": fault}
    after: list[Mapping[str, Any]] = [{"struck": None}]
    if fault == "host-silent":
        after.append({"idle": None})
    return [{"strike": strike}, dict(during) | {"expect": expect}, *after, {"next": {"slot": slot, "card": NEXT_CARD}}]
