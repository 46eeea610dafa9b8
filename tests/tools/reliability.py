"""The fault matrix in docs/RELIABILITY.md, made from the scenarios: `python -m tests.tools.reliability --write`.

A state of the firmware's own tables without a scenario for each fault is an error: a cell without a test does not exist.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from tournee_sim.boards.watch import machine_states
from tournee_sim.scenarios.load import scenarios
from tournee_sim.scenarios.model import MATRIX_FAULTS, Scenario

PAGE = Path(__file__).resolve().parents[2] / "docs/RELIABILITY.md"
BEGIN, END = "<!-- matrix: python -m tests.tools.reliability --write -->\n", "<!-- end of matrix -->\n"
FOLDER = "faults"


class CellMissing(Exception):
    """A state of the firmware and a fault that no scenario tries, or a scenario for a state that is none."""


def cells() -> Mapping[str, Scenario]:
    """The matrix: a scenario for each `machine/STATE/fault`; raises CellMissing."""
    found = {scenario.name: scenario for scenario in scenarios([FOLDER])}
    wanted = [f"{m}/{s}/{f}" for m, states in machine_states().items() for s in states for f in MATRIX_FAULTS]
    if missing := [name for name in wanted if name not in found]:
        raise CellMissing(f"no scenario {missing[0]} ({len(missing)} in all): add it to the library's folder {FOLDER}")
    if beyond := sorted(set(found) - set(wanted)):
        raise CellMissing(f"the scenario {beyond[0]} is for a state that the firmware does not have")
    return found


def answer(scenario: Scenario) -> str:
    """What the host is told in a cell."""
    if scenario.name.endswith("/host-silent"):
        return "off"
    (told,) = [step.expect["status"] for step in scenario.steps if "status" in step.expect]
    return told if isinstance(told, str) else " or ".join(told)


def table() -> str:
    """Markdown: states down, faults across, one table per machine."""
    found = cells()
    text = f"{len(found)} cells, {sum(map(len, machine_states().values()))} states, {len(MATRIX_FAULTS)} faults.\n"
    for machine, states in machine_states().items():
        text += f"\n| {machine} | {' | '.join(MATRIX_FAULTS)} |\n|---|{'---|' * len(MATRIX_FAULTS)}\n"
        for state in states:
            row = [answer(found[f"{machine}/{state}/{fault}"]) for fault in MATRIX_FAULTS]
            text += f"| {state} | {' | '.join(row)} |\n"
    return text


def page() -> str:
    """docs/RELIABILITY.md as it should be."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table()}{END}{tail}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    PAGE.write_text(page(), "utf-8")
