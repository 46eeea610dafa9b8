"""Card sessions by the thousand (`tournee sim run`): what one costs, and how many a machine does."""

from __future__ import annotations

import os
import resource
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.registry import Unavailable, bench

SESSIONS = int(os.environ.get("TOURNEE_BENCH_SESSIONS", "200"))
_SEED = 20261122


@cache
def _run(name: str) -> tuple[float, float]:
    """(sessions per second on two workers, CPU seconds per session of cards, host and firmware together)."""
    from tournee_sim.pytest_plugin import CAPABILITIES, has
    from tournee_sim.scenarios.load import scenarios
    from tournee_sim.scenarios.pool import run_all
    from tournee_sim.scenarios.run import Plan
    from tournee_sim.scenarios.worker import Settings

    if not has("micropython"):
        raise Unavailable(f"needs micropython: {CAPABILITIES['micropython'][1]}")
    jobs = Plan((name,), SESSIONS, ("unix",), _SEED).jobs(list(scenarios([name])))
    with TemporaryDirectory(prefix="b-") as folder:
        settings = Settings(Path(os.environ.get("TOURNEE_TEST_KEYS") or Path(folder) / "keys"), Path(folder))
        cpu, begun = _children(), time.monotonic()
        with closing(run_all(jobs, 2, settings)) as outcomes:
            wrong = [outcome for outcome in outcomes if outcome.kind != "passed"]
        seconds = time.monotonic() - begun
    if wrong:
        raise RuntimeError(f"{len(wrong)} sessions did not pass: {wrong[0].message}")
    return len(jobs) / seconds, (_children() - cpu) / len(jobs)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@bench("sessions", "visits with PIN, per second on 2 workers", "/s", better="higher")
def visits() -> float:
    return _run("visit")[0]


@bench("sessions", "CPU time of one visit: cards, host and firmware", "ms", better="lower")
def visit_cpu() -> float:
    return _run("visit")[1] * 1000


@bench("sessions", "a card read and pulled somewhere, per second on 2 workers", "/s", better="higher")
def pulls() -> float:
    return _run("pulled")[0]
