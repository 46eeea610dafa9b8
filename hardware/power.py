"""Power budget: `python -m hardware.power --write | --check`. From `power.toml` and the resistors of the netlist comes POWER.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardware import pinmap
from hardware.pinmap import MapError
from hardware.schematic.model import Board, DesignError, Texts, board

HERE = Path(__file__).resolve().parent
PAGE = HERE / "POWER.md"
PHASES = ("off", "idle", "cps", "vitale")
_WORDS = {
    "off": "on, no card powered",
    "idle": "both cards powered",
    "cps": "the CPS talks",
    "vitale": "the Vitale talks",
}


@dataclass(frozen=True)
class Load:
    """Milliampere at its rail by phase, and at its peak."""

    name: str
    rail: str
    phases: dict[str, float]
    worst: float
    source: str
    confidence: str


def loads(data: dict[str, Any], made: Board) -> list[Load]:
    """Raises MapError for a load that names neither mA nor resistors, or resistors that the netlist has not."""
    found = []
    for row in data["load"]:
        last = None
        if "ohm" in row:
            if strange := [ref for ref in row["ohm"] if ref not in made.parts]:
                raise MapError(f"power.toml: {row['name']}: the netlist has no {', '.join(strange)}")
            last = 1000 * row["volts"] / sum(made.parts[ref].value for ref in row["ohm"])
        phases: dict[str, float] = {}
        for phase in PHASES:
            last = row.get(phase, last)
            if last is None:
                raise MapError(f"power.toml: {row['name']} has neither off nor ohm")
            phases[phase] = float(last)
        worst = float(row.get("worst", max(phases.values())))
        found.append(Load(row["name"], row["rail"], phases, worst, row["source"], row["confidence"]))
    return found


def at_cell(data: dict[str, Any], rail: str, current: float) -> float:
    """What the cell gives for a current at a rail."""
    factors: dict[str, float] = {
        "cell": 1.0,
        "card": data["rails"]["doubler"],
        "3V3": 3.3 / (data["cell"]["volts"] * data["rails"]["converter"]),
    }
    return current * factors[rail]


@dataclass(frozen=True)
class Budget:
    phases: dict[str, float]  # mA of the cell
    seconds: dict[str, float]  # of a visit
    visit_mah: float
    worst_cell: float
    worst_3v3: float


def budget(data: dict[str, Any], made: Board) -> Budget:
    measured, people = data["measured"], data["people"]
    seconds = {"cps": measured["cps_wire_s"], "vitale": measured["vitale_wire_s"]}
    seconds["idle"] = people["cards_in_s"] - sum(seconds.values())
    seconds["off"] = people["on_s"] - people["cards_in_s"]
    parts = loads(data, made)
    phases = {phase: sum(at_cell(data, load.rail, load.phases[phase]) for load in parts) for phase in PHASES}
    return Budget(
        phases,
        {phase: seconds[phase] for phase in PHASES},
        sum(phases[phase] * seconds[phase] for phase in PHASES) / 3600,
        sum(at_cell(data, load.rail, load.worst) for load in parts),
        sum(load.worst for load in parts if load.rail == "3V3"),
    )


def _doubtful(data: dict[str, Any], made: Board) -> float:
    """mAh of a visit that rest on currents of low confidence."""
    seconds = budget(data, made).seconds
    low = [load for load in loads(data, made) if load.confidence == "low"]
    return sum(at_cell(data, load.rail, load.phases[phase]) * seconds[phase] for load in low for phase in PHASES) / 3600


def faults(data: dict[str, Any], made: Budget) -> list[str]:
    """Limits that the worst case breaks."""
    found = []
    if made.worst_cell > data["rails"]["fuse_hold_mA"]:
        found.append(f"the cell gives {made.worst_cell:.0f} mA at worst, F301 holds {data['rails']['fuse_hold_mA']} mA")
    if made.worst_3v3 > data["rails"]["out_3v3_mA"]:
        found.append(
            f"3V3 gives {made.worst_3v3:.0f} mA at worst, the Pico has {data['rails']['out_3v3_mA']} mA for others"
        )
    if min(made.seconds.values()) < 0:
        found.append("a visit is shorter than its cards' talk")
    return found


def page(data: dict[str, Any], made: Board) -> str:
    """POWER.md."""
    sums, measured, people, cell = budget(data, made), data["measured"], data["people"], data["cell"]
    lines = [
        f"# Power budget of {made.title}",
        "",
        "Made by `python -m hardware.power --write` from [power.toml](power.toml) and the netlist. Duty is measured on the simulator",
        f"(`{measured['command']}`), people are assumed, currents come from the sources below; none was measured on a board.",
        "",
        "## Duty of a visit",
        "| phase | seconds | mA of the cell | mAh |",
        "|---|---|---|---|",
    ]
    for phase in PHASES:
        s, ma = sums.seconds[phase], sums.phases[phase]
        lines.append(f"| {_WORDS[phase]} | {s:.1f} | {ma:.1f} | {ma * s / 3600:.2f} |")
    day = sums.visit_mah * people["visits_per_day"]
    lines += [
        f"| **visit** | {people['on_s']:.0f} | {sums.visit_mah * 3600 / people['on_s']:.1f} | {sums.visit_mah:.2f} |",
        "",
        f"Measured: a visit without a person takes {measured['visit_s']} s and {measured['radio_events']} connection events; the CPS's line is",
        f"busy for {measured['cps_wire_s']} s, the Vitale's for {measured['vitale_wire_s']} s. Neither card's clock may stop while",
        "it waits, and both are run at 5 V, which costs the cell twice.",
        f"Assumed: cards are powered for {people['cards_in_s']} s, the terminal is on for {people['on_s']} s, {people['visits_per_day']} visits",
        f"a day. Loads of low confidence are {100 * _doubtful(data, made) / sums.visit_mah:.0f} % of a visit.",
        "",
        "| cell | usable | left on, no card | left on, both cards powered | visits, switched off between "
        f"| days of {people['visits_per_day']} visits |",
        "|---|---|---|---|---|---|",
    ]
    for capacity in cell["capacities_mAh"]:
        usable = capacity * cell["usable"]
        hours = [f"{usable / sums.phases[phase]:.0f} h" for phase in ("off", "idle")]
        lines.append(
            f"| {capacity} mAh | {usable:.0f} mAh | {' | '.join(hours)} | {usable / sums.visit_mah:.0f} | {usable / day:.1f} |"
        )
    rails = data["rails"]
    lines += [
        "",
        f"At worst all at once: {sums.worst_cell:.0f} mA of the cell (F301 holds {rails['fuse_hold_mA']} mA), "
        f"{sums.worst_3v3:.0f} mA of 3V3 (the Pico has {rails['out_3v3_mA']} mA for others).",
        "",
        "## Currents",
        "| load | rail | " + " | ".join(_WORDS[p] for p in PHASES) + " | worst | confidence | source |",
        "|---|---|" + "---|" * len(PHASES) + "---|---|---|",
    ]
    for load in loads(data, made):
        values = " | ".join(f"{load.phases[p]:.3g}" for p in PHASES)
        lines.append(f"| {load.name} | {load.rail} | {values} | {load.worst:.3g} | {load.confidence} | {load.source} |")
    lines += [
        "",
        "mA at the load's own rail; `3V3` costs the cell "
        f"{at_cell(data, '3V3', 1):.2f} mA, `card` {at_cell(data, 'card', 1):.0f} mA per mA. Most of it is the controller, which never sleeps, and",
        "the light, which is never switched off: both are the firmware's to change.",
    ]
    return "\n".join(lines) + "\n"


_WANTED = {
    "measured": ("command", "visit_s", "cps_wire_s", "vitale_wire_s", "radio_events"),
    "people": ("cards_in_s", "on_s", "visits_per_day"),
    "cell": ("volts", "usable", "capacities_mAh"),
    "rails": ("converter", "doubler", "fuse_hold_mA", "out_3v3_mA"),
    "load": ("name", "rail", "source", "confidence"),
}
_RAILS = ("cell", "card", "3V3")


def read() -> dict[str, Any]:
    """power.toml with all that is reckoned with; raises MapError."""
    data = pinmap.toml(HERE / "power.toml")
    for table, keys in _WANTED.items():
        rows = data.get(table)
        for n, row in enumerate(rows if isinstance(rows, list) and rows else [rows], 1):
            where = f"power.toml, {table}" + (f" {n}" if table == "load" else "")
            lacks = [key for key in keys if not isinstance(row, dict) or key not in row]
            if lacks or row is None:
                raise MapError(f"{where}: there is no {', '.join(lacks)}")
            if table == "load" and (row["rail"] not in _RAILS or ("ohm" in row and "volts" not in row)):
                raise MapError(f"{where}: its rail is one of {', '.join(_RAILS)}, and with ohm go volts")
    return data


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hardware.power", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write POWER.md")
    mode.add_argument("--check", action="store_true", help="exit 1 when POWER.md differs or a limit is broken")
    options = parser.parse_args(argv)
    try:
        data, made = read(), board(Texts.read(), "RPI_PICO_W")
        broken, text = faults(data, budget(data, made)), page(data, made)
    except (DesignError, MapError) as error:
        print(error, file=sys.stderr)
        return 2
    for one in broken:
        print(one)
    stale = not PAGE.exists() or PAGE.read_text("utf-8") != text
    if stale and options.write:
        PAGE.write_text(text, "utf-8")
        print("wrote hardware/POWER.md")
    elif stale:
        print("hardware/POWER.md is not what power.toml says: run python -m hardware.power --write")
    return 1 if broken or (stale and options.check) else 0


if __name__ == "__main__":
    sys.exit(main())
