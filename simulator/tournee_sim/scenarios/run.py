"""A run: which sessions it has, made one by one, for there may be very many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tournee_sim.scenarios.model import KINDS, Job, Outcome, Scenario


@dataclass(frozen=True)
class Plan:
    """Everything that decides which sessions a run has. Session `k` of a scenario, counted from 0, has the seed `seed` + k.

    `digests` tells a scenario that was changed, by its name.
    """

    words: tuple[str, ...]
    sessions: int
    boards: tuple[str, ...]
    seed: int
    only: str = "*"
    fresh: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)

    def jobs(self, scenarios: Sequence[Scenario]) -> Jobs:
        """All sessions, those that can share a terminal one after the other."""
        return Jobs(self, tuple(sorted(scenarios, key=lambda s: (s.watch, s.pace, s.fresh))))

    def command(self) -> str:
        """The command line that repeats the run."""
        words = ["tournee sim run", *self.words, "--seed", str(self.seed), "-n", str(self.sessions)]
        if self.boards != ("unix",):
            words += ["--board", ",".join(self.boards)]
        if self.only != "*":
            words += ["--only", f"'{self.only}'"]
        return " ".join([*words, "--fresh"] if self.fresh else words)


@dataclass(frozen=True)
class Jobs:
    """The sessions of a plan, by their number from 0."""

    plan: Plan
    scenarios: tuple[Scenario, ...]

    def __len__(self) -> int:
        return len(self.plan.boards) * len(self.scenarios) * self.plan.sessions

    def __iter__(self) -> Iterator[Job]:
        return map(self.at, range(len(self)))

    def at(self, number: int) -> Job:
        """The session with this number; raises IndexError."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        which, k = divmod(number, self.plan.sessions)
        board, scenario = divmod(which, len(self.scenarios))
        return Job(number, self.scenarios[scenario], self.plan.boards[board], self.plan.seed + k)


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many passed, failed, were errors or skipped."""
    found = dict.fromkeys(KINDS, 0)
    for outcome in outcomes:
        found[outcome.kind] += 1
    return found
