"""docs/ACCEPTANCE.toml: each numbered line of an issue and its evidence. `python -m tests.tools.acceptance --write|--check|--last`.

Evidence is one of `tests/….py::test_x` (all parameters, unless one is named), `bench:AREA/NAME`, `picture:PATH COMMAND`.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SOURCE, _PAGE = "docs/ACCEPTANCE.toml", "docs/ACCEPTANCE.md"


@dataclass(frozen=True)
class Line:
    """One line of an issue. `open`: not claimed yet. `may_skip`: capability without which its tests may be skipped."""

    id: str
    text: str
    evidence: tuple[str, ...] = ()
    open: bool = False
    may_skip: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Table:
    """`claimed`: letter of an issue → how many lines it has; all of them must be listed."""

    claimed: Mapping[str, int]
    lines: tuple[Line, ...]


def load(root: Path) -> Table:
    """Raises ValueError naming the line that is not understood."""
    raw = tomllib.loads((root / _SOURCE).read_text(encoding="utf-8"))
    claimed = raw.pop("claimed", {})
    lines = []
    for name, row in raw.items():
        unknown = set(row) - {"text", "evidence", "status", "may_skip", "note"}
        if unknown or row.get("status", "done") not in ("open", "done"):
            raise ValueError(f"{_SOURCE}: [{name}]: {', '.join(sorted(unknown)) or 'status'} is not understood")
        may_skip = row.get("may_skip", [])
        lines.append(
            Line(
                name,
                row["text"],
                tuple(row.get("evidence", ())),
                row.get("status") == "open",
                (may_skip,) if isinstance(may_skip, str) else tuple(may_skip),
                row.get("note", ""),
            )
        )
    return Table(claimed, tuple(lines))


def check(table: Table, outcomes: Mapping[str, str], root: Path, strict: bool = True) -> list[str]:
    """What is wrong, one sentence each; `outcomes` is node id → passed | failed | skipped:CAPABILITY of a whole run.

    `strict` (where TOURNEE_REQUIRE is set): a skip is wrong unless its line says `may_skip`; else it only must name what it needs.
    """
    problems = []
    present = {line.id for line in table.lines}
    for letter, count in table.claimed.items():
        problems += [f"{letter}{n}: not in {_SOURCE}" for n in range(1, count + 1) if f"{letter}{n}" not in present]
    for line in table.lines:
        if not line.open and not line.evidence:
            problems.append(f'{line.id}: no evidence: name a test, or set status = "open"')
        for item in line.evidence:
            if problem := _judge(line, item, outcomes, root, strict):
                problems.append(f"{line.id}: {item}: {problem}")
    if (root / _PAGE).read_text(encoding="utf-8") != render(table):
        problems.append(f"{_PAGE} is not what {_SOURCE} says: run python -m tests.tools.acceptance --write")
    return problems


def _judge(line: Line, item: str, outcomes: Mapping[str, str], root: Path, strict: bool) -> str | None:
    kind, _, rest = item.partition(":")
    if kind == "bench":
        from tests.bench import names

        return None if rest in names() else "no such row in tests/bench"
    if kind == "picture":
        path, _, command = rest.partition(" ")
        if not command:
            return "say the command that makes it"
        return None if (root / path).is_file() else "no such file"
    matches = {k: v for k, v in outcomes.items() if k == item or k.startswith(item + "[")}
    if not matches:
        return "exists, but was not run (deselected?)" if defined(item, root) else "no such test"
    for name, outcome in matches.items():
        state, _, capability = outcome.partition(":")
        if state == "skipped" and (capability in line.may_skip or (capability and not strict)):
            continue
        if state != "passed":
            return state if name == item else f"{state}: {name}"
    return None


def defined(item: str, root: Path) -> bool:
    """Whether a test of this id stands in the source."""
    path, *names = item.split("[")[0].split("::")
    if not (root / path).is_file() or not names:
        return False
    body: list[ast.stmt] = ast.parse((root / path).read_text(encoding="utf-8")).body
    for name in names:
        found = [
            n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name
        ]
        if not found:
            return False
        body = found[0].body
    return True


def render(table: Table) -> str:
    """The page in docs/."""
    done = sum(not line.open for line in table.lines)
    head = (
        "# Acceptance\n\n"
        f"Made from [`ACCEPTANCE.toml`](ACCEPTANCE.toml) by `python -m tests.tools.acceptance --write`; `make test` fails when a test\n"
        f"named here is missing, was not run, or was skipped where it may not be. {done} of {len(table.lines)} lines are claimed.\n\n"
        "| line | what | evidence |\n|---|---|---|\n"
    )
    rows = []
    for line in table.lines:
        cell = "<br>".join(f"`{item}`" for item in line.evidence)
        if line.open:
            cell = "open" + (f"<br>{cell}" if cell else "")
        if line.may_skip:
            cell += f"<br>may be skipped without: {', '.join(line.may_skip)}"
        if line.note:
            cell += f"<br>{line.note}"
        rows.append(f"| {line.id} | {line.text.replace('|', chr(92) + '|')} | {cell} |\n")
    return head + "".join(rows)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.acceptance", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help=f"write {_PAGE}")
    mode.add_argument("--check", action="store_true", help=f"fail if {_PAGE} or an id is stale (no results needed)")
    mode.add_argument("--last", action="store_true", help="judge the last `make test` (out/test-results.json)")
    options = parser.parse_args(argv)
    root = Path(__file__).resolve().parents[2]
    table = load(root)
    if options.write:
        (root / _PAGE).write_text(render(table), encoding="utf-8")
        return 0
    outcomes: dict[str, str] = {}
    if options.last:
        outcomes = json.loads((root / "out/test-results.json").read_text(encoding="utf-8"))["results"]
    else:
        outcomes = {i: "passed" for line in table.lines for i in line.evidence if defined(i, root)}
    problems = check(table, outcomes, root, strict=False)
    print("\n".join(problems) or "acceptance: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
