"""`tournee sim replay`: the session of a trace once more."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import click

from tournee_sim.cli.control import CARD_OR_TERMINAL
from tournee_sim.cli.run import _keys


@click.command("replay")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="So often.")
@click.option("--board", type=click.Choice(["unix", "qemu"]), help="Another board than the trace's.")
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="Test keys; else TOURNEE_TEST_KEYS.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the new traces.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(trace: Path, times: int, board: str | None, keys: Path | None, out: Path | None, as_json: bool) -> int:
    """Run the session of TRACE again, with its seed, on a terminal just powered on.

    Ends with 4 when it did not pass again, 0 when it passed. Says where the exchanges with the cards differ for the first time.
    """
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.model import Job
    from tournee_sim.scenarios.replay import difference, read_trace
    from tournee_sim.scenarios.run import write_trace
    from tournee_sim.scenarios.worker import Bench, Settings

    try:
        before = read_trace(trace)
    except ScenarioError as exc:
        click.echo(f"{exc}\n→ {exc.remedy}", err=True)
        raise click.exceptions.Exit(2) from exc
    rows = []
    job = Job(0, before.scenario, board or before.board, before.seed)
    with tempfile.TemporaryDirectory(prefix="tournee-replay-") as temporary:
        settings = Settings(_keys(keys), Path(temporary), fresh=True)

        async def run() -> None:
            bench = Bench(settings)
            try:
                for _ in range(times):
                    outcome = await bench.run(job)
                    same = (outcome.kind, outcome.step, outcome.message) == (before.end, before.step, before.message)
                    where = str(write_trace(out, outcome, job.scenario)) if out else ""
                    rows.append(
                        {
                            "end": outcome.kind,
                            "step": outcome.step,
                            "message": outcome.message,
                            "same": same,
                            "differs": difference(before.lines, outcome.lines),
                            "trace": where,
                        }
                    )
            finally:
                await bench.stop()

        asyncio.run(run())
    if as_json:
        click.echo(json.dumps({"version": 1, "seed": before.seed, "sessions": rows}))
    else:
        click.echo(f"{before.scenario.name}, board {job.board}, seed {before.seed}")
        click.echo(f"then: {_said(before.end, before.step, before.message)}")
        for row in rows:
            now = _said(str(row["end"]), int(str(row["step"])), str(row["message"]))
            click.echo(f"now:  {'the same' if row['same'] else now}")
            if row["differs"]:
                click.echo(f"      {row['differs']}")
            if row["trace"]:
                click.echo(f"      {row['trace']}")
        if before.after and not all(row["same"] for row in rows):
            click.echo(f"The terminal had run {before.after} sessions before this one then; now it was fresh.")
    return 0 if all(row["end"] == "passed" for row in rows) else CARD_OR_TERMINAL


def _said(end: str, step: int, message: str) -> str:
    return end + (f" at step {step}: {message}" if message else "")
