"""A fault matrix: for every state of one machine of the firmware and every fault, a scenario that strikes there.

Each cell: `before`, then the fault is armed for the state, then `during`, one request in the midst of which the machine is there; the
answer must be one of `status` of that fault, in time; then the next card must work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tournee_sim.scenarios.model import MATRIX_FAULTS

NEXT_CARD = "generic-t0t1"


def cells(document: Mapping[str, Any], stem: str) -> Iterator[dict[str, Any]]:
    """The plain scenario documents of a matrix, named `machine/STATE/fault`."""
    matrix = document["matrix"]
    machine, slot = matrix["machine"], matrix.get("slot", 0)
    for state, row in matrix["states"].items():
        for fault in MATRIX_FAULTS:
            allowed = row.get("status", {}).get(fault) or matrix.get("status", {}).get(fault) or "OK"
            yield {
                "scenario": 1,
                "name": f"{machine}/{state}/{fault}",
                "about": f"{fault} while {machine} is in {state}",
                "cards": row.get("cards", document.get("cards", {})),
                "pace": "fast",
                "fresh": row.get("fresh", False),
                "steps": [
                    *row.get("before", []),
                    *_struck(matrix, machine, slot, state, fault, row["during"], allowed),
                ],
            }


def _struck(
    matrix: Mapping[str, Any], machine: str, slot: int, state: str, fault: str, during: Mapping[str, Any], allowed: Any
) -> list[Mapping[str, Any]]:
    expect: dict[str, Any] = {"status": allowed}
    if not {"apdu", "tpdu", "script"}.isdisjoint(during):
        expect["sw"] = "XXXX"  # whatever the card could still say
    if fault in matrix.get("within_ms", {}):
        expect["within_ms"] = matrix["within_ms"][fault]
    strike = {"slot": slot, "machine": machine, "state": state, "fault": fault}
    after: list[Mapping[str, Any]] = [{"struck": None}]
    if fault == "host-silent":
        after.append({"idle": None})
    return [{"strike": strike}, dict(during) | {"expect": expect}, *after, {"next": {"slot": slot, "card": NEXT_CARD}}]
