"""`tournee sim run`: scenarios, by the thousand if wanted, with a report."""

from __future__ import annotations

import json
import math
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tournee_sim.cli.control import CARD_OR_TERMINAL, fail, printable
from tournee_sim.control import default_root
from tournee_sim.scenarios.model import BOARDS

if TYPE_CHECKING:
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.folder import Log
    from tournee_sim.scenarios.model import Outcome
    from tournee_sim.scenarios.run import Jobs

_SHOWN = 10
_MOST = 1_000_000
INTERRUPTED = 130


def _boards(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    boards = tuple(dict.fromkeys(word.strip() for word in value.split(",")))
    if unknown := set(boards) - set(BOARDS):
        raise click.BadParameter(f"no board {', '.join(sorted(unknown))}; there are {', '.join(BOARDS)}")
    return boards


def _seconds(_context: click.Context, _parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("give a number of seconds")
    return value


@click.command("run")
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...")
@click.option(
    "-n", "--sessions", type=click.IntRange(1, _MOST), default=1, show_default=True, help="Sessions per scenario."
)
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option("--board", "boards", default="unix", show_default=True, callback=_boards, help="unix, qemu, or both.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63), help="Of the first session; the next ones count up. Random if not given."
)
@click.option("--only", default="*", help="Only scenarios whose name fits, as in 't0/*/pull'.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for junit.xml and report.html."
)
@click.option("--resume", is_flag=True, help="Go on with the run of --report that was broken off.")
@click.option("--fresh", is_flag=True, help="A terminal just powered on for every session.")
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=60.0,
    show_default=True,
    callback=_seconds,
    help="Seconds for one session.",
)
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

    Ends with 0 when every session passed, 4 when one did not, which leaves a trace with its seed, or when all were skipped.
    """
    from tournee_sim.scenarios import load
    from tournee_sim.scenarios.errors import ScenarioError
    from tournee_sim.scenarios.folder import Log
    from tournee_sim.scenarios.run import Plan

    try:
        if listing or not scenarios:
            return _list(as_json, listing)
        if resume and report is None:
            raise ScenarioError("", "--resume needs --report", "give the folder of the run that was broken off")
        wanted = [s for s in load.scenarios(scenarios) if fnmatchcase(s.name, only)]
        if not wanted:
            raise ScenarioError("", f"no scenario fits --only {only}", "`*` stands for anything")
        chosen = _seed(seed, report, resume)
        plan = Plan(scenarios, sessions, boards, chosen, only, fresh, {s.name: s.digest() for s in wanted})
        folder = report or default_root() / "runs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{plan.seed}"
        keys = keys_folder(keys)
        with closing(Log(folder, plan.jobs(wanted), resume)) as log:
            return _run(plan.jobs(wanted), log, jobs, timeout, keys, report is not None, as_json)
    except ScenarioError as exc:
        refuse(exc)


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
    from tournee_sim.scenarios.folder import seed_of

    if given is None and resume and report is not None:
        return seed_of(report)
    return random.SystemRandom().randrange(1_000_000_000) if given is None else given


def _run(jobs: Jobs, log: Log, workers: int, timeout: float, keys: Path | None, kept: bool, as_json: bool) -> int:
    from tournee_sim.scenarios import report
    from tournee_sim.scenarios.pool import run_all
    from tournee_sim.scenarios.worker import Settings

    done = {outcome.number for outcome in log.done}
    outcomes = list(log.done)
    begun = time.monotonic()
    settings = Settings(keys, log.folder, jobs.plan.fresh, timeout)
    interrupted = False
    left = (job for job in jobs if job.number not in done)
    with _progress(len(jobs), len(done), quiet=as_json) as show, closing(run_all(left, workers, settings)) as results:
        try:
            for outcome in results:
                log.add(outcome, jobs.at(outcome.number).scenario)
                outcomes.append(outcome)
                show(outcome)
        except KeyboardInterrupt:
            interrupted = True
    outcomes.sort(key=lambda outcome: outcome.number)
    seconds = time.monotonic() - begun
    if kept:
        report.write(log.folder, jobs.plan, outcomes, seconds)
    return _said(jobs, outcomes, len(outcomes) - len(done), seconds, log, kept, interrupted, as_json)


def _said(
    jobs: Jobs,
    outcomes: list[Outcome],
    run_now: int,
    seconds: float,
    log: Log,
    kept: bool,
    interrupted: bool,
    as_json: bool,
) -> int:
    """The last words, and the exit code."""
    from tournee_sim.scenarios.run import counts

    plan, found = jobs.plan, counts(outcomes)
    bad = [outcome for outcome in outcomes if not outcome.good]
    skips = Counter(outcome.message for outcome in outcomes if outcome.kind == "skipped")
    rate = run_now / seconds if seconds else 0.0
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
        click.echo(json.dumps(reply | found | {"per_second": round(rate, 2), "failures": failures, "skips": skips}))
    else:
        for outcome in bad[:_SHOWN]:
            place = f"{outcome.name} [{outcome.board}] seed {outcome.seed}, step {outcome.step}"
            click.echo(printable(f"{outcome.kind}: {place}: {outcome.message}", "\n"))
            click.echo(f"  → tournee sim replay {outcome.trace}")
        if len(bad) > _SHOWN:
            click.echo(f"… and {len(bad) - _SHOWN} more in {log.folder}")
        for why, count in skips.items():
            click.echo(f"skipped {count}: {why}")
        words = ", ".join(f"{count} {kind}" for kind, count in found.items() if count or kind == "passed")
        click.echo(f"{len(outcomes)} sessions: {words}. {seconds:.1f} s, {rate:.1f} sessions/s, seed {plan.seed}")
        if kept:
            click.echo(f"report: {log.folder / 'report.html'}")
    if not kept and not bad:
        shutil.rmtree(log.folder, ignore_errors=True)
    if interrupted:
        click.echo(f"interrupted after {len(outcomes)} of {len(jobs)} sessions", err=True)
        if kept:
            click.echo(f"→ go on with {plan.command()} --report {log.folder} --resume", err=True)
        return INTERRUPTED
    if not found["passed"] and not bad:
        click.echo("nothing was tried: all sessions were skipped\n→ take another --board, or other scenarios", err=True)
    return 0 if found["passed"] and not bad else CARD_OR_TERMINAL


def keys_folder(given: Path | None) -> Path:
    """A folder of test keys: the one given, the environment's, or one for all runs."""
    import os

    from tournee_sim.pki import KEYS_VARIABLE, Pki, PkiError

    try:
        return Pki(given or os.environ.get(KEYS_VARIABLE) or default_root() / "keys").directory
    except PkiError as exc:
        fail(exc, "give --keys a folder of yours")


def refuse(error: ScenarioError) -> NoReturn:
    """Say what is wrong, where, and the remedy; end with code 2."""
    click.echo(f"{error}\n→ {error.remedy}", err=True)
    raise click.exceptions.Exit(2) from error


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
