"""A run: which sessions, their outcomes on disk as they come, and what is left when a run that was broken off goes on."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

from tournee_sim.scenarios.errors import ScenarioError
from tournee_sim.scenarios.model import Job, Outcome, Scenario

TRACE_VERSION: Final = 1
SESSIONS: Final = "sessions.jsonl"
PLAN: Final = "run.json"


@dataclass(frozen=True)
class Plan:
    """Everything that decides which sessions a run has. Session `k` of a scenario, counted from 0, has the seed `seed` + k."""

    words: tuple[str, ...]
    sessions: int
    boards: tuple[str, ...]
    seed: int
    only: str = "*"
    fresh: bool = False

    def jobs(self, scenarios: Sequence[Scenario]) -> list[Job]:
        """All sessions, those that can share a terminal one after the other."""
        ordered = sorted(scenarios, key=lambda s: (s.watch, s.pace, s.fresh))
        every = [
            (scenario, board, self.seed + k)
            for board in self.boards
            for scenario in ordered
            for k in range(self.sessions)
        ]
        return [Job(number, scenario, board, seed) for number, (scenario, board, seed) in enumerate(every)]

    def command(self) -> str:
        """The command line that repeats the run."""
        words = ["tournee sim run", *self.words, "--seed", str(self.seed), "-n", str(self.sessions)]
        if self.boards != ("unix",):
            words += ["--board", ",".join(self.boards)]
        if self.only != "*":
            words += ["--only", f"'{self.only}'"]
        return " ".join([*words, "--fresh"] if self.fresh else words)


class Log:
    """`sessions.jsonl` and the traces of a run's folder. `done`: outcomes of a run of the same plan that was broken off."""

    def __init__(self, folder: Path, plan: Plan, resume: bool) -> None:
        self.folder = folder
        self.done: list[Outcome] = []
        folder.mkdir(parents=True, exist_ok=True)
        sessions = folder / SESSIONS
        if resume:
            self.done = _read(folder, plan)
        elif sessions.exists() and sessions.stat().st_size:
            remedy = "give --resume to go on with it, or another --report"
            raise ScenarioError(str(folder), "holds the sessions of another run", remedy)
        (folder / PLAN).write_text(json.dumps(asdict(plan), indent=1) + "\n", "utf-8")
        self._stream: IO[str] = sessions.open("a", encoding="utf-8", buffering=1)

    def add(self, outcome: Outcome, scenario: Scenario) -> None:
        """Write it down; one that did not pass leaves its trace."""
        if not outcome.good:
            outcome.trace = str(write_trace(self.folder / "traces", outcome, scenario))
        row = asdict(outcome)
        row["lines"] = outcome.lines if not outcome.good else []
        self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._stream.close()


def write_trace(folder: Path, outcome: Outcome, scenario: Scenario) -> Path:
    """The trace of a session: a first line with all that repeats it, its events, a last line with how it ended."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{outcome.name.replace('/', '-')}-{outcome.board}-{outcome.seed}.jsonl"
    head: dict[str, Any] = {
        "trace": TRACE_VERSION,
        "scenario": scenario.document(),
        "board": outcome.board,
        "seed": outcome.seed,
        "sessions_before": outcome.after,
        "tournee": version("tournee"),
        "python": platform.python_version(),
    }
    tail = {"end": outcome.kind, "step": outcome.step, "message": outcome.message}
    lines = [json.dumps(head, ensure_ascii=False), *outcome.lines, json.dumps(tail, ensure_ascii=False)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _read(folder: Path, plan: Plan) -> list[Outcome]:
    """What a broken-off run has done; a last line that was cut is not done."""
    try:
        before = json.loads((folder / PLAN).read_text("utf-8"))
        lines = (folder / SESSIONS).read_text("utf-8").splitlines(keepends=True)
    except (OSError, ValueError) as exc:
        raise ScenarioError(str(folder), f"holds no run to go on with ({exc})", "leave --resume out") from exc
    if before != json.loads(json.dumps(asdict(plan))):
        changed = ", ".join(k for k, v in json.loads(json.dumps(asdict(plan))).items() if before.get(k) != v)
        raise ScenarioError(str(folder), f"was run with another {changed}", "give the same scenarios and options")
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) != len(lines):
        (folder / SESSIONS).write_text("".join(whole), "utf-8")
    return [Outcome(**json.loads(line)) for line in whole]


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many passed, failed, were errors or skipped."""
    found = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for outcome in outcomes:
        found[outcome.kind] += 1
    return found
