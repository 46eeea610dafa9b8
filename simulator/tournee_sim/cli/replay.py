"""`tournee sim replay`: the session of a trace once more."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import click

from tournee_sim.cli.control import CARD_OR_TERMINAL, printable
from tournee_sim.cli.run import keys_folder, refuse
from tournee_sim.scenarios.model import BOARDS


@click.command("replay")
@click.argument("trace", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="So often.")
@click.option("--board", type=click.Choice(BOARDS), help="Another board than the trace's.")
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="Test keys; else TOURNEE_TEST_KEYS.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the new traces.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(trace: Path, times: int, board: str | None, keys: Path | None, out: Path | None, as_json: bool) -> int:
    """Run the session of TRACE again, with its seed, on a terminal just powered on.

    Ends with 4 when it did not pass again, 0 when it passed. Says where the exchanges with the cards differ for the first time.
    """
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.model import Job
    from tournee_sim.scenarios.traces import difference, read_trace, write_trace
    from tournee_sim.scenarios.worker import Bench, Settings

    try:
        before = read_trace(trace)
    except ScenarioError as exc:
        refuse(exc)
    rows: list[dict[str, Any]] = []
    job = Job(0, before.scenario, board or before.board, before.seed)
    with tempfile.TemporaryDirectory(prefix="tournee-replay-") as temporary:
        settings = Settings(keys_folder(keys), Path(temporary), fresh=True)

        async def run() -> None:
            bench = Bench(settings)
            try:
                for _ in range(times):
                    outcome = await bench.run(job)
                    ended = (outcome.kind, outcome.step, outcome.message)
                    differs = difference(before.lines, outcome.lines)
                    where = str(write_trace(out, outcome, job.scenario, again=True)) if out else ""
                    rows.append(
                        {
                            "end": outcome.kind,
                            "step": outcome.step,
                            "message": outcome.message,
                            "same": ended == (before.end, before.step, before.message) and not differs,
                            "differs": differs,
                            "trace": where,
                        }
                    )
            finally:
                await bench.stop()

        try:
            asyncio.run(run())
        except ScenarioError as exc:
            refuse(exc)
    if as_json:
        reply = {"version": 1, "seed": before.seed, "sessions_before": before.after, "sessions": rows}
        click.echo(json.dumps(reply))
    else:
        click.echo(f"{before.scenario.name}, board {job.board}, seed {before.seed}")
        click.echo(printable(f"then: {_said(before.end, before.step, before.message)}", "\n"))
        for row in rows:
            now = _said(row["end"], row["step"], row["message"])
            click.echo(printable(f"now:  {'the same' if row['same'] else now}", "\n"))
            if row["differs"]:
                click.echo(printable(f"      {row['differs']}"))
            if row["trace"]:
                click.echo(f"      {row['trace']}")
        if before.after:
            click.echo(
                f"Then the terminal had run {before.after} other sessions since it was powered on, now none: what they left in it"
                " is not repeated.\n"
                f"→ tournee sim run SCENARIO --seed {max(0, before.seed - before.after)} -n {before.after + 1}"
                " runs as many one after the other"
            )
    return 0 if all(row["end"] == "passed" for row in rows) else CARD_OR_TERMINAL


def _said(end: str, step: int, message: str) -> str:
    return end + (f" at step {step}: {message}" if message else "")
