"""A worker process: one terminal after another, sessions on it one by one, outcomes over a pipe."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from tournee_sim.boards.process import BoardError
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.pki import PkiError
from tournee_sim.scenarios.model import Job, Outcome, Scenario
from tournee_sim.scenarios.play import run_session

SESSIONS_PER_TERMINAL: Final = 200
"""After so many the terminal is powered off and on again; in between it must work on and on."""


@dataclass(frozen=True)
class Settings:
    """What all sessions of a run share. `fresh`: a terminal just powered on for each; `temporary`: gone with the run."""

    keys: Path | None
    temporary: Path
    fresh: bool = False
    timeout_s: float = 60.0


class Bench:
    """The terminal of a worker, kept from session to session as long as it fits and nothing went wrong on it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._board: UnixBoard | None = None
        self._fits: tuple[str, str, bool] | None = None
        self._sessions = 0

    async def run(self, job: Job) -> Outcome:
        """The outcome of one session, whatever happens."""
        outcome = Outcome(job.number, job.scenario.name, job.board, job.seed, "error")
        if job.scenario.watch and job.board != "unix":
            return replace(
                outcome, kind="skipped", message=f"board {job.board}: only unix can be watched in its states"
            )
        try:
            board = await self._terminal(job.scenario, job.board)
            outcome = await asyncio.wait_for(run_session(board, job, self._sessions), self._settings.timeout_s)
            self._sessions += 1
        except TimeoutError:
            outcome.message = f"the session took more than {self._settings.timeout_s:.0f} s"
        except (BoardError, PkiError) as exc:
            outcome.message = str(exc)
        except Exception as exc:
            outcome.message = f"a bug of the runner: {type(exc).__name__}: {exc}"
        if not outcome.good:
            await self.stop()
        return outcome

    async def stop(self) -> None:
        """Terminal off; the next session powers another one on."""
        board, self._board = self._board, None
        if board:
            await board.stop()

    async def _terminal(self, scenario: Scenario, board: str) -> UnixBoard:
        fits = (board, scenario.pace, scenario.watch)
        fresh = scenario.fresh or self._settings.fresh or self._sessions >= SESSIONS_PER_TERMINAL
        if self._board is None or fits != self._fits or fresh or not self._board.running:
            await self.stop()
            config = BoardConfig(
                cps=None,
                vitale=None,
                pace=scenario.pace,
                keys=self._settings.keys,
                board=board,
                watch=scenario.watch,
                state=Path(tempfile.mkdtemp(prefix="state-", dir=self._settings.temporary)),
            )
            made = UnixBoard(config)
            await made.start()
            self._board, self._fits, self._sessions = made, fits, 0
        return self._board


def serve(pipe: Connection, settings: Settings) -> None:
    """Take jobs from `pipe` and answer outcomes until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    tempfile.tempdir = str(settings.temporary)  # what a killed worker leaves is swept with it
    loop = asyncio.new_event_loop()
    bench = Bench(settings)
    try:
        while True:
            job: Job = pipe.recv()
            pipe.send(loop.run_until_complete(bench.run(job)))
    except (EOFError, OSError):
        pass
    finally:
        loop.run_until_complete(bench.stop())
        loop.close()
