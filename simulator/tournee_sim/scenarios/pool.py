"""Sessions on several worker processes. A worker that dies or hangs costs the one session it was at, which is said; the rest goes on."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tournee_sim.scenarios.model import Job, Outcome
from tournee_sim.scenarios.worker import Settings, serve

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_GRACE_S: Final = 30.0
"""Beyond a session's own limit a worker is taken for dead."""


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: Job | None = None
    since: float = 0.0


def run_all(jobs: Iterable[Job], workers: int, settings: Settings) -> Generator[Outcome, None, None]:
    """Outcomes as they come. Closing the iterator ends the workers and what they started."""
    temporary = Path(tempfile.mkdtemp(prefix="tournee-run-"))
    settings = replace(settings, temporary=temporary)
    rest = iter(jobs)
    first = list(islice(rest, workers))
    left = chain(first, rest)
    running: list[_Worker] = []
    try:
        running = [_start(settings) for _ in first]
        for worker in running:
            _give(worker, left, settings)
        while any(worker.job for worker in running):
            busy = [w for w in running if w.job]
            ready = wait([w.pipe for w in busy], timeout=1.0)
            for worker in busy:
                if worker.pipe in ready:
                    outcome = _take(worker, settings)
                    _give(worker, left, settings)
                    yield outcome
                elif time.monotonic() - worker.since > settings.timeout_s + _GRACE_S:
                    worker.process.kill()
    finally:
        for worker in running:
            worker.pipe.close()
        for worker in running:
            worker.process.join(5)
            worker.process.kill()
        shutil.rmtree(temporary, ignore_errors=True)


def _start(settings: Settings) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, settings), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, left: Iterator[Job], settings: Settings) -> None:
    worker.job = next(left, None)
    worker.since = time.monotonic()
    if worker.job is None:
        return
    try:
        worker.pipe.send(worker.job)
    except OSError:  # it died with nothing to do: nothing is lost
        _replace(worker, settings)
        worker.pipe.send(worker.job)


def _take(worker: _Worker, settings: Settings) -> Outcome:
    """The outcome of a worker's job; a dead worker is replaced in its place."""
    assert worker.job
    try:
        outcome: Outcome = worker.pipe.recv()
        return outcome
    except (EOFError, OSError):
        job = worker.job
    code = _replace(worker, settings)
    why = signal.Signals(-code).name if code is not None and code < 0 else f"code {code}"
    return Outcome(job.number, job.scenario.name, job.board, job.seed, "error", f"the worker process died ({why})")


def _replace(worker: _Worker, settings: Settings) -> int | None:
    """Another process in the place of a dead one; the dead one's exit code."""
    worker.pipe.close()
    worker.process.join(5)
    code = worker.process.exitcode
    fresh = _start(settings)
    worker.process, worker.pipe = fresh.process, fresh.pipe
    return code
