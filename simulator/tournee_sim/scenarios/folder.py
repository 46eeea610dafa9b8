"""The folder of a run: its plan, the outcomes as they come, the traces; and what is left when a run that was broken off goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tournee_sim.scenarios.errors import ScenarioError, written
from tournee_sim.scenarios.model import Outcome, Scenario
from tournee_sim.scenarios.run import Jobs, Plan
from tournee_sim.scenarios.traces import row_of, write_trace

SESSIONS: Final = "sessions.jsonl"
PLAN: Final = "run.json"
_ANEW: Final = "start anew: leave --resume out and give a new --report"


class Log:
    """`sessions.jsonl` and the traces of a run's folder, for one process at a time.

    `done`: outcomes of a run of the same plan that was broken off.
    """

    def __init__(self, folder: Path, jobs: Jobs, resume: bool) -> None:
        self.folder = folder
        self.done: list[Outcome] = []
        self._path = folder / SESSIONS
        if resume:
            _same(folder, jobs.plan)
        with written(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("a+b", buffering=0)
        try:
            self._begin(jobs, resume)
        except BaseException:
            self._stream.close()
            raise

    def add(self, outcome: Outcome, scenario: Scenario) -> None:
        """Write it down; one that did not pass leaves its trace, of the others none is kept."""
        if outcome.good:
            outcome.lines = []
        else:
            outcome.trace = str(write_trace(self.folder / "traces", outcome, scenario))
        row = json.dumps(asdict(outcome), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with written(self._path):
            while row:
                row = row[self._stream.write(row) :]

    def close(self) -> None:
        self._stream.close()

    def _begin(self, jobs: Jobs, resume: bool) -> None:
        import portalocker

        try:
            portalocker.lock(self._stream, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.exceptions.LockException:
            raise ScenarioError(str(self.folder), "another run writes to it", "give another --report") from None
        self._stream.seek(0)
        content = self._stream.read()
        if resume:
            *whole, cut = content.split(b"\n")
            self._stream.truncate(len(content) - len(cut))
            self.done = list(_outcomes(self._path, whole, jobs).values())
        elif content:
            remedy = "give --resume to go on with it, or another --report"
            raise ScenarioError(str(self.folder), "holds the sessions of another run", remedy)
        else:
            with written(self.folder):
                (self.folder / PLAN).write_text(json.dumps(asdict(jobs.plan), indent=1) + "\n", "utf-8")


def seed_of(folder: Path) -> int:
    """The seed of the run in `folder`; raises ScenarioError."""
    return int(_plan(folder)["seed"])


def _plan(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / PLAN).read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise ScenarioError(str(folder), f"holds no run to go on with ({exc})", _ANEW) from exc
    if not (isinstance(found, dict) and type(found.get("seed")) is int and (folder / SESSIONS).is_file()):
        raise ScenarioError(str(folder), f"holds no run to go on with ({PLAN} or {SESSIONS} is damaged)", _ANEW)
    return found


def _same(folder: Path, plan: Plan) -> None:
    """Raises ScenarioError when the run in `folder` is not of this plan."""
    before, now = _plan(folder), json.loads(json.dumps(asdict(plan)))
    then, digests = before.pop("digests", None), now.pop("digests")
    changed = [f"{key} {_shown(before.get(key))}, not {_shown(now[key])}" for key in now if before.get(key) != now[key]]
    if changed:
        raise ScenarioError(str(folder), f"was run with {'; '.join(changed)}", "give the same scenarios and options")
    if then != digests:
        names = _changed(then, digests) if isinstance(then, Mapping) else "all"
        raise ScenarioError(str(folder), f"scenarios changed since this run began: {names}", _ANEW)


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    return ", ".join(sorted(name for name in {*then, *now} if then.get(name) != now.get(name)))


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _outcomes(path: Path, lines: list[bytes], jobs: Jobs) -> dict[int, Outcome]:
    """By number, each once; raises ScenarioError for a line that is no outcome of `jobs`."""
    found: dict[int, Outcome] = {}
    for number, line in enumerate(lines, 1):
        try:
            outcome = Outcome.of(json.loads(line))
            job = jobs.at(outcome.number)
            if (outcome.name, outcome.board, outcome.seed) != (job.scenario.name, job.board, job.seed):
                raise ValueError(f"session {outcome.number} of this run is another one")
            for each in outcome.lines:
                row_of(each)
        except (ValueError, IndexError, RecursionError) as exc:
            what = f"no session of this run ({exc})"
            raise ScenarioError(
                f"{path}:{number}", what, "take this line out: --resume runs its session again"
            ) from exc
        found.setdefault(outcome.number, outcome)
    return found
