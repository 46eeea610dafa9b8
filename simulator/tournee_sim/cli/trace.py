"""`tournee trace show`: a trace for people. Added to `tournee` by the entry-point group `tournee.commands`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tournee_sim.cli.control import printable
from tournee_sim.cli.run import refuse


@click.group("trace", context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Traces of simulated sessions (JSON Lines): no PIN, NIR or name is in them."""


@app.command("show")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--slot", type=click.IntRange(0, 1), help="Only exchanges with the card of this slot.")
@click.option("--apdu", is_flag=True, help="Only the exchanges with cards.")
@click.option("--tail", type=click.IntRange(1), help="Only the last lines.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(trace: Path, slot: int | None, apdu: bool, tail: int | None, as_json: bool) -> None:
    """Show what happened in TRACE, of `tournee sim run` or of `tournee sim up` (apdu.log in its state)."""
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.report import describe
    from tournee_sim.scenarios.traces import parts

    try:
        found = parts(trace)
    except ScenarioError as exc:
        refuse(exc)
    head, end = found.head, found.end
    chosen = [
        row
        for row in found.rows
        if ("apdu" in row or not apdu) and (slot is None or ("apdu" in row and row["slot"] == slot))
    ]
    chosen = chosen[-tail:] if tail else chosen
    if as_json:
        click.echo(json.dumps({"version": 1, "head": head, "rows": chosen, "end": end}))
        return
    if head:
        scenario = head["scenario"]
        about = f"{scenario.get('name')}: board {head['board']}, seed {head['seed']}. {scenario.get('about', '')}"
        click.echo(printable(about))
    for row in chosen:
        click.echo(printable(describe(row)))
    if end:
        message = f" at step {end['step']}: {end['message']}" if end["message"] else ""
        click.echo(printable(f"{end['end']}{message}", "\n"))
