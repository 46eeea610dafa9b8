"""A scenario as values: what `load` makes of YAML, what a trace keeps, what a session runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Self, get_origin, get_type_hints

BOARDS: Final = ("unix", "qemu")
"""What a session can run on."""
KINDS: Final = ("passed", "failed", "error", "skipped")
"""How one can end: as expected, not so, terminal or runner broke, could not be tried."""
MATRIX_FAULTS: Final = ("pull", "mute", "parity", "null-storm", "overrun", "link-drop", "host-silent")
"""What `strike` can do in a state: the columns of the table in docs/RELIABILITY.md."""


@dataclass(frozen=True)
class Step:
    """One thing done: `action` of `session.ACTIONS` with its `values`; `expect` what must come of it; `repeat` times."""

    action: str
    values: Mapping[str, Any]
    expect: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1

    def document(self) -> dict[str, Any]:
        """As it stands in YAML."""
        more: dict[str, Any] = {"expect": dict(self.expect)} if self.expect else {}
        if self.repeat != 1:
            more["repeat"] = self.repeat
        return {self.action: dict(self.values)} | more


@dataclass(frozen=True)
class Scenario:
    """`cards` by slot: an id of the catalogue, several to draw from, or None. `fresh`: a terminal just powered on.

    `watch`: some step waits for a state of the firmware, which only the board unix can tell.
    """

    name: str
    about: str
    cards: Mapping[int, str | tuple[str, ...] | None]
    steps: tuple[Step, ...]
    pace: str = "fast"
    fresh: bool = False

    @property
    def watch(self) -> bool:
        return any(step.action == "strike" for step in self.steps)

    def digest(self) -> str:
        """Another one for another scenario."""
        return sha256(json.dumps(self.document(), sort_keys=True).encode("ascii")).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """JSON for a trace; `load.from_document` reads it."""
        cards = {str(slot): list(card) if isinstance(card, tuple) else card for slot, card in self.cards.items()}
        return {
            "scenario": 1,
            "name": self.name,
            "about": self.about,
            "cards": cards,
            "pace": self.pace,
            "fresh": self.fresh,
            "steps": [step.document() for step in self.steps],
        }


@dataclass(frozen=True)
class Job:
    """One session to run: the `number`-th of a run, on `board`, every chance drawn from `seed`."""

    number: int
    scenario: Scenario
    board: str
    seed: int


@dataclass
class Outcome:
    """How a session ended. `kind` is of `KINDS`.

    `step` counts from 1, 0 before the first; `after` sessions ran on the terminal before this one; `lines` is the trace.
    """

    number: int
    name: str
    board: str
    seed: int
    kind: str = "passed"
    message: str = ""
    step: int = 0
    seconds: float = 0.0
    simulated_ms: int = 0
    apdus: int = 0
    after: int = 0
    trace: str = ""
    lines: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, row: Any) -> Self:
        """From JSON; raises ValueError."""
        types = get_type_hints(cls)
        if not isinstance(row, dict) or set(row) != set(types):
            raise ValueError(f"not the fields {', '.join(types)}")
        for name, kind in types.items():
            wanted = (int, float) if kind is float else get_origin(kind) or kind
            if not isinstance(row[name], wanted):
                raise ValueError(f"{name} cannot be {str(row[name])[:40]!r}")
        if row["kind"] not in KINDS or not all(isinstance(line, str) for line in row["lines"]):
            raise ValueError("kind or lines are none")
        return cls(**row)

    @property
    def good(self) -> bool:
        return self.kind in ("passed", "skipped")
