"""Traces of sessions: writing, reading, comparing two."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any, Final

from tournee_sim.scenarios.errors import ScenarioError, written
from tournee_sim.scenarios.load import from_document
from tournee_sim.scenarios.model import BOARDS, Outcome, Scenario

TRACE_VERSION: Final = 1
_GIVE: Final = "give a trace of `tournee sim run` or `up`"
_UNCHANGED: Final = "give an unchanged trace"
_EXCHANGE: Final = {"slot": int, "apdu": str, "data": str, "sw": str}
_STEP: Final = {"number": int, "action": str}


@dataclass(frozen=True)
class Parts:
    """What stands in a trace: a head when it is of `tournee sim run`, exchanges and events, an end when it was not cut."""

    head: dict[str, Any] | None
    rows: list[dict[str, Any]]
    end: dict[str, Any] | None


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


def write_trace(folder: Path, outcome: Outcome, scenario: Scenario, again: bool = False) -> Path:
    """The trace of a session: a first line with all that repeats it, its events, a last line with how it ended.

    `again`: beside those that are there, not in their place.
    """
    stem = f"{outcome.name.replace('/', '-')}-{outcome.board}-{outcome.seed}"
    path = folder / f"{stem}.jsonl"
    if again:
        path = next(p for n in count(1) if not (p := folder / f"{stem}-again-{n}.jsonl").exists())
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
    with written(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", "utf-8", "backslashreplace")
    return path


def parts(path: Path) -> Parts:
    """A trace taken apart; raises ScenarioError with the line that is wrong. The last may be cut: the writer died."""
    try:
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(str(path), f"cannot be read ({exc})", "give a trace") from exc
    if lines == [""]:
        raise ScenarioError(str(path), "is empty", _GIVE)
    head: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            row = _object(line)
            if number == 1 and "trace" in row:
                _check_head(row)
                head = row
            elif number == len(lines) and "end" in row:
                _check(row, {"end": str, "step": int, "message": str})
                end = row
            else:
                found.append(_check_row(row))
        except json.JSONDecodeError as exc:
            if number == len(lines) > 1:
                break
            raise ScenarioError(f"{path}:{number}", "no JSON", _GIVE) from exc
        except (ValueError, RecursionError) as exc:
            raise ScenarioError(f"{path}:{number}", str(exc), _UNCHANGED if head else _GIVE) from exc
    return Parts(head, found, end)


def read_trace(path: Path) -> Read:
    """A trace that can be replayed; raises ScenarioError."""
    found = parts(path)
    if found.head is None:
        remedy = "`tournee trace show` reads it; only `sim run` can be replayed"
        raise ScenarioError(f"{path}:1", "no scenario stands at its head", remedy)
    scenario = from_document(found.head["scenario"], f"{path}:1")
    end = found.end or {"end": "error", "step": 0, "message": "the trace was cut"}
    lines = [json.dumps(row, ensure_ascii=False) for row in found.rows]
    head, before = found.head, found.head.get("sessions_before", 0)
    return Read(scenario, head["board"], head["seed"], before, lines, end["end"], end["step"], end["message"])


def row_of(line: str) -> dict[str, Any]:
    """An exchange or event from its line; raises ValueError."""
    return _check_row(_object(line))


def _object(line: str) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("no object")
    return row


def _check_row(row: dict[str, Any]) -> dict[str, Any]:
    if isinstance(row.get("t_ms", 0), bool) or not isinstance(row.get("t_ms", 0), (int, float)):
        raise ValueError("t_ms is no number")
    if "apdu" in row:
        _check(row, _EXCHANGE)
    elif isinstance(row.get("event"), str):
        _check(row, _STEP if row["event"] == "step" else {})
    else:
        raise ValueError("neither an exchange nor an event")
    return row


def _check_head(head: dict[str, Any]) -> None:
    if head["trace"] != TRACE_VERSION:
        raise ValueError(f"trace version {head['trace']}, this program knows {TRACE_VERSION}")
    _check(head, {"scenario": dict, "board": str, "seed": int})
    _check({"sessions_before": 0} | head, {"sessions_before": int})
    if head["board"] not in BOARDS:
        raise ValueError(f"no board {head['board']!r}; there are {', '.join(BOARDS)}")


def _check(row: dict[str, Any], wanted: dict[str, type]) -> None:
    for key, kind in wanted.items():
        if key not in row:
            raise ValueError(f"'{key}' is missing")
        if type(row[key]) is not kind:
            raise ValueError(f"'{key}' cannot be {str(row[key])[:40]!r}")


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
    return [f"slot {row['slot']} {row['apdu']} → {row['data']} {row['sw']}" for row in found if "apdu" in row]
