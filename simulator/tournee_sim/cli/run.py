"""`tournee sim run`: scenarios, by the thousand if wanted, with a report."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tournee_sim.cli.control import CARD_OR_TERMINAL, fail
from tournee_sim.control import default_root

if TYPE_CHECKING:
    from tournee_sim.scenarios.model import Job, Outcome, Scenario
    from tournee_sim.scenarios.run import Log, Plan

_BOARDS = ("unix", "qemu")
_SHOWN = 10
INTERRUPTED = 130


def _boards(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    boards = tuple(dict.fromkeys(word.strip() for word in value.split(",")))
    if unknown := set(boards) - set(_BOARDS):
        raise click.BadParameter(f"no board {', '.join(sorted(unknown))}; there are {', '.join(_BOARDS)}")
    return boards


@click.command("run")
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...")
@click.option("-n", "--sessions", type=click.IntRange(1), default=1, show_default=True, help="Sessions per scenario.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option("--board", "boards", default="unix", show_default=True, callback=_boards, help="unix, qemu, or both.")
@click.option(
    "--seed", type=click.IntRange(0), help="Of the first session; the next ones count up. Random if not given."
)
@click.option("--only", default="*", help="Only scenarios whose name fits, as in 't0/*/pull'.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for junit.xml and report.html."
)
@click.option("--resume", is_flag=True, help="Go on with the run of --report that was broken off.")
@click.option("--fresh", is_flag=True, help="A terminal just powered on for every session.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds for one session.")
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="Test keys; else TOURNEE_TEST_KEYS.")
@click.option("--list", "listing", is_flag=True, help="Name the scenarios that come with the simulator.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def command(
    scenarios: tuple[str, ...],
    sessions: int,
    jobs: int,
    boards: tuple[str, ...],
    seed: int | None,
    only: str,
    report: Path | None,
    resume: bool,
    fresh: bool,
    timeout: float,
    keys: Path | None,
    listing: bool,
    as_json: bool,
) -> int:
    """Run SCENARIOs (YAML files, folders, or names of --list) against the real firmware. SIMULATION.

    Ends with 0 when every session passed, 4 when one did not; that one leaves a trace with its seed.
    """
    from tournee_sim.scenarios import load
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.run import Log, Plan

    try:
        if listing or not scenarios:
            return _list(as_json, listing)
        if resume and report is None:
            raise ScenarioError("", "--resume needs --report", "give the folder of the run that was broken off")
        wanted = [s for s in load.scenarios(scenarios) if fnmatchcase(s.name, only)]
        if not wanted:
            raise ScenarioError("", f"no scenario fits --only {only}", "`*` stands for anything")
        chosen = _seed(seed, report, resume)
        plan = Plan(scenarios, sessions, boards, chosen, only, fresh)
        folder = report or default_root() / "runs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{plan.seed}"
        log = Log(folder, plan, resume)
    except ScenarioError as exc:
        click.echo(f"{exc}\n→ {exc.remedy}", err=True)
        raise click.exceptions.Exit(2) from exc
    with closing(log):
        return _run(plan, plan.jobs(wanted), log, jobs, timeout, keys, report is not None, as_json)


def _list(as_json: bool, asked: bool) -> int:
    from tournee_sim.scenarios import load

    found = {name: load.load(path) for name, path in load.library().items()}
    if not asked:
        raise click.UsageError(f"which scenario? A file, a folder, or one of: {', '.join(found)}")
    rows = {name: (each[0].about if len(each) == 1 else f"{len(each)} scenarios") for name, each in found.items()}
    width = max(map(len, rows))
    text = "\n".join(f"{name:<{width}}  {about}" for name, about in rows.items())
    click.echo(json.dumps({"version": 1, "scenarios": rows}) if as_json else text)
    return 0


def _seed(given: int | None, report: Path | None, resume: bool) -> int:
    """The seed given, that of the run to go on with, or a random one."""
    from tournee_sim.scenarios.run import PLAN

    if given is None and resume and report is not None and (report / PLAN).is_file():
        return int(json.loads((report / PLAN).read_text("utf-8"))["seed"])
    return random.SystemRandom().randrange(1_000_000_000) if given is None else given


def _run(
    plan: Plan, jobs: list[Job], log: Log, workers: int, timeout: float, keys: Path | None, kept: bool, as_json: bool
) -> int:
    from tournee_sim.scenarios import report
    from tournee_sim.scenarios.pool import run_all
    from tournee_sim.scenarios.worker import Settings

    done = {outcome.number for outcome in log.done}
    outcomes = list(log.done)
    scenarios: dict[int, Scenario] = {job.number: job.scenario for job in jobs}
    begun = time.monotonic()
    settings = Settings(_keys(keys), log.folder, plan.fresh, timeout)
    interrupted = False
    left = [job for job in jobs if job.number not in done]
    with _progress(len(jobs), len(done), quiet=as_json) as show, closing(run_all(left, workers, settings)) as results:
        try:
            for outcome in results:
                log.add(outcome, scenarios[outcome.number])
                outcomes.append(outcome)
                show(outcome)
        except KeyboardInterrupt:
            interrupted = True
    outcomes.sort(key=lambda outcome: outcome.number)
    seconds = time.monotonic() - begun
    if kept:
        report.write(log.folder, plan, outcomes, seconds)
    return _said(plan, outcomes, len(jobs), len(left), seconds, log, kept, interrupted, as_json)


def _said(
    plan: Plan,
    outcomes: list[Outcome],
    wanted: int,
    run_now: int,
    seconds: float,
    log: Log,
    kept: bool,
    interrupted: bool,
    as_json: bool,
) -> int:
    """The last words, and the exit code."""
    from tournee_sim.scenarios.run import counts

    found = counts(outcomes)
    bad = [outcome for outcome in outcomes if not outcome.good]
    rate = (len(outcomes) - wanted + run_now) / seconds if seconds else 0.0
    if as_json:
        failures = [
            {"name": o.name, "board": o.board, "seed": o.seed, "message": o.message, "trace": o.trace} for o in bad
        ]
        reply: dict[str, Any] = {
            "version": 1,
            "seed": plan.seed,
            "sessions": len(outcomes),
            "seconds": round(seconds, 3),
        }
        click.echo(json.dumps(reply | found | {"per_second": round(rate, 2), "failures": failures}))
    else:
        for outcome in bad[:_SHOWN]:
            click.echo(
                f"{outcome.kind}: {outcome.name} [{outcome.board}] seed {outcome.seed}, step {outcome.step}: {outcome.message}"
            )
            click.echo(f"  → tournee sim replay {outcome.trace}")
        if len(bad) > _SHOWN:
            click.echo(f"… and {len(bad) - _SHOWN} more in {log.folder}")
        words = ", ".join(f"{count} {kind}" for kind, count in found.items() if count or kind == "passed")
        click.echo(f"{len(outcomes)} sessions: {words}. {seconds:.1f} s, {rate:.1f} sessions/s, seed {plan.seed}")
        if kept:
            click.echo(f"report: {log.folder / 'report.html'}")
    if not kept and not bad:
        shutil.rmtree(log.folder, ignore_errors=True)
    if interrupted:
        click.echo(f"interrupted after {len(outcomes)} of {wanted} sessions", err=True)
        if kept:
            click.echo(f"→ go on with {plan.command()} --report {log.folder} --resume", err=True)
        return INTERRUPTED
    return CARD_OR_TERMINAL if bad else 0


def _keys(given: Path | None) -> Path | None:
    """One folder of test keys for all runs, when nobody named one."""
    import os

    if given is not None or os.environ.get("TOURNEE_TEST_KEYS"):
        return given
    folder = default_root() / "keys"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        fail(exc, "give --keys a folder of yours")
    return folder


@contextmanager
def _progress(total: int, done: int, quiet: bool) -> Iterator[Any]:
    """Calls of what it gives move a bar on standard error; no bar for one session or without a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=quiet or total < 2 or not console.is_terminal
    ) as bar:
        task = bar.add_task("sessions", total=total, completed=done)
        bad = 0

        def show(outcome: Outcome) -> None:
            nonlocal bad
            bad += not outcome.good
            bar.update(task, advance=1, description=f"[red]{bad} did not pass[/]" if bad else "sessions")

        yield show
