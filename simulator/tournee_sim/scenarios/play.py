"""Plays one scenario, step by step, and tells its outcome."""

from __future__ import annotations

import random
import time

from tournee_sim.boards.process import BoardError
from tournee_sim.boards.unix import UnixBoard
from tournee_sim.faults import FaultError
from tournee_sim.pki import PkiError
from tournee_sim.scenarios.actions import ACTIONS
from tournee_sim.scenarios.errors import Failed
from tournee_sim.scenarios.model import Job, Outcome
from tournee_sim.scenarios.peer import LinkLost
from tournee_sim.scenarios.session import Session
from tournee_sim.trace import Trace


async def run_session(board: UnixBoard, job: Job, after: int) -> Outcome:
    """Run `job` on a terminal that ran `after` sessions since it was powered on; the outcome, whatever happens in it."""
    outcome = Outcome(job.number, job.scenario.name, job.board, job.seed, after=after)
    chance = random.Random(f"board {job.seed}")
    start_ms = board.bus.now_ms()
    trace = Trace(None, lambda: board.bus.now_ms() - start_ms, keep=True)
    board.renew(job.seed, f"{chance.randrange(10_000):04d}", trace)
    session = Session(board, job.scenario, job.seed)
    begun, told = time.monotonic(), board.bus.told_ms
    try:
        await _steps(session)
    except (Failed, LinkLost) as exc:
        outcome.kind, outcome.message = "failed", str(exc)
    except (BoardError, FaultError, PkiError, OSError) as exc:
        outcome.kind, outcome.message = "error", str(exc)
    outcome.step = session.at
    outcome.seconds = time.monotonic() - begun
    outcome.simulated_ms = int(board.bus.told_ms - told)
    outcome.apdus = trace.apdus
    outcome.lines = trace.lines
    return outcome


async def _steps(session: Session) -> None:
    """Every step; raises Failed, BoardError, FaultError, LinkLost with `session.at` set."""
    scenario, board = session.scenario, session.board
    for slot in sorted(scenario.cards):
        card = session.draw_card(scenario.cards[slot])
        if card:
            board.insert(slot, card)
    await board.settled()
    try:
        await session.greet()
        for number, step in enumerate(scenario.steps, 1):
            session.at = number
            for _ in range(step.repeat):
                values = {key: session.draw(value) for key, value in step.values.items()}
                session.trace.event("step", number=number, action=step.action)
                await ACTIONS[step.action](session, values, step.expect)
        await session.striker.end()
    finally:
        await session.peer.close()
