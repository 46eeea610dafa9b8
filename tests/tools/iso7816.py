"""docs/ISO7816.md, made from the tests: `# ISO7816: id` above a test says which feature it shows. `python -m tests.tools.iso7816 --write`."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/ISO7816.md"
_ROWS = Path(__file__).with_suffix(".toml")
_FOLDERS = ("tests/firmware", "tests/unit", "tests/integration", "tests/fuzz")
_TEST = re.compile(r"^# ISO7816: (.+)\n(?:@.*\n(?:^[ \])].*\n)*)*(?:async )?def (test_\w+)\(", re.MULTILINE)
_MARK = re.compile(r"^# ISO7816: ", re.MULTILINE)


class TableError(Exception):
    """A row without a test, a test for no row, or a clause without a row; names it and the file to change."""


def table() -> Mapping[str, Any]:
    """Clauses and rows, as the TOML has them."""
    return tomllib.loads(_ROWS.read_text("utf-8"))


def marks(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(feature id, pytest id) of every marked test."""
    for folder in _FOLDERS:
        for path in sorted((root / folder).glob("*.py")):
            text = path.read_text("utf-8")
            found = _TEST.findall(text)
            if len(found) != len(_MARK.findall(text)):
                raise TableError(f"{path.name}: a line `# ISO7816:` does not stand right above a test")
            for ids, name in found:
                yield from ((feature, f"{path.relative_to(root).as_posix()}::{name}") for feature in ids.split())


def collect(source: Mapping[str, Any], found: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """Tests by feature; raises TableError."""
    tests: dict[str, list[str]] = defaultdict(list)
    for feature, test in found:
        tests[feature].append(test)
    rows = {row["id"]: row for row in source["rows"]}
    if unknown := sorted(set(tests) - set(rows)):
        raise TableError(f"no row {unknown[0]} in iso7816.toml; {tests[unknown[0]][0]} names it")
    for clause in source["clauses"]:
        if not any(row["clause"] == clause for row in rows.values()):
            raise TableError(f"clause {clause} has no row in iso7816.toml")
    for feature, row in rows.items():
        if row["clause"] not in source["clauses"]:
            raise TableError(f"row {feature}: clause {row['clause']} is none")
        if bool(tests.get(feature)) == bool(row.get("missing")):
            raise TableError(
                f"row {feature} needs either a test marked `# ISO7816: {feature}` or a word why it is missing"
            )
    return dict(tests)


def page() -> str:
    """docs/ISO7816.md as it should be."""
    source = table()
    tests = collect(source, marks())
    lines = [
        "# ISO/IEC 7816-3 in this terminal",
        "",
        "Made from the tests by `python -m tests.tools.iso7816 --write`; numbers of clauses are those of the 2006 edition, the words ours.",
        "*Reader* is the firmware (MicroPython, or an emulated chip), *card* the simulator, *both* the one against the other.",
        "",
        "| clause | feature | implemented | tests |",
        "|---|---|---|---|",
    ]
    for row in source["rows"]:
        state = f"no: {row['missing']}" if "missing" in row else "yes" + (f"; {row['limit']}" if "limit" in row else "")
        shown = "<br>".join(f"{_side(test)} `{test}`" for test in tests.get(row["id"], ())) or "–"
        lines.append(f"| {row['clause']} | {row['text']} | {state} | {shown} |")
    return "\n".join(lines) + "\n"


def _side(test: str) -> str:
    if test.startswith(("tests/firmware/", "tests/unit/test_board_")):
        return "reader"
    return "both" if test.startswith("tests/integration/") else "card"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    PAGE.write_text(page(), encoding="utf-8")
