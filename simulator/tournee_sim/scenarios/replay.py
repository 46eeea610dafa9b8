"""Reading a trace, and comparing two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tournee_sim.scenarios.errors import ScenarioError
from tournee_sim.scenarios.load import from_document
from tournee_sim.scenarios.model import Scenario
from tournee_sim.scenarios.run import TRACE_VERSION


@dataclass(frozen=True)
class Read:
    """A trace of `tournee sim run`: what repeats the session, its events as lines, and how it ended."""

    scenario: Scenario
    board: str
    seed: int
    after: int
    lines: list[str]
    end: str
    step: int
    message: str


def rows(path: Path) -> list[dict[str, Any]]:
    """Every line as an object; raises ScenarioError with the line that is none. The last may be cut: the writer died."""
    found: list[dict[str, Any]] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(str(path), f"cannot be read ({exc})", "give a trace") from exc
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError as exc:
            if number == len(lines) and found:
                break
            raise ScenarioError(f"{path}:{number}", "no JSON", "give a trace of `tournee sim run` or `up`") from exc
        if not isinstance(row, dict):
            raise ScenarioError(f"{path}:{number}", "no object", "give a trace of `tournee sim run` or `up`")
        found.append(row)
    if not found:
        raise ScenarioError(str(path), "is empty", "give a trace of `tournee sim run` or `up`")
    return found


def read_trace(path: Path) -> Read:
    """A trace that can be replayed; raises ScenarioError."""
    first, *others = rows(path)
    if "trace" not in first:
        raise ScenarioError(
            f"{path}:1",
            "no scenario stands at its head",
            "`tournee trace show` reads it; only `sim run` can be replayed",
        )
    if first["trace"] != TRACE_VERSION:
        raise ScenarioError(f"{path}:1", f"trace version {first['trace']}", f"this program knows {TRACE_VERSION}")
    try:
        scenario, board, seed = from_document(first["scenario"], f"{path}:1"), str(first["board"]), int(first["seed"])
    except (KeyError, TypeError, ValueError) as exc:
        if isinstance(exc, ScenarioError):
            raise
        raise ScenarioError(f"{path}:1", f"{exc} is missing or no number", "give an unchanged trace") from exc
    cut: dict[str, Any] = {"end": "error", "message": "the trace was cut"}
    end = others.pop() if others and "end" in others[-1] else cut
    lines = [json.dumps(row, ensure_ascii=False) for row in others]
    before = first.get("sessions_before", 0)
    return Read(scenario, board, seed, before, lines, end["end"], end.get("step", 0), end.get("message", ""))


def difference(then: Sequence[str], now: Sequence[str]) -> str:
    """Where the exchanges with the cards differ for the first time; empty when they do not."""
    before, after = _exchanges(then), _exchanges(now)
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        if old != new:
            return f"exchange {number} was {old}, is {new}"
    if len(before) != len(after):
        return f"{len(before)} exchanges then, {len(after)} now"
    return ""


def _exchanges(lines: Sequence[str]) -> list[str]:
    found = [json.loads(line) for line in lines]
    return [f"slot {row['slot']} {row['apdu']} → {row['sw']}" for row in found if "apdu" in row]
