"""`tournee trace show`: a trace for people. Added to `tournee` by the entry-point group `tournee.commands`."""

from __future__ import annotations

import json
from pathlib import Path

import click


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
    from tournee_sim.scenarios.replay import rows
    from tournee_sim.scenarios.report import describe

    try:
        found = rows(trace)
    except ScenarioError as exc:
        click.echo(f"{exc}\n→ {exc.remedy}", err=True)
        raise click.exceptions.Exit(2) from exc
    head = found.pop(0) if "trace" in found[0] else None
    end = found.pop() if found and "end" in found[-1] else None
    chosen = [
        row
        for row in found
        if ("apdu" in row or not apdu) and (slot is None or ("apdu" in row and row["slot"] == slot))
    ]
    chosen = chosen[-tail:] if tail else chosen
    if as_json:
        click.echo(json.dumps({"version": 1, "head": head, "rows": chosen, "end": end}))
        return
    if head:
        scenario = head.get("scenario", {})
        click.echo(
            f"{scenario.get('name')}: board {head.get('board')}, seed {head.get('seed')}. {scenario.get('about', '')}"
        )
    for row in chosen:
        click.echo(describe(row))
    if end:
        message = f" at step {end.get('step')}: {end['message']}" if end.get("message") else ""
        click.echo(f"{end['end']}{message}")
