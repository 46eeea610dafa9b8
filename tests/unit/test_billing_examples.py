"""Every example of docs/examples/billing runs as it is and prints what it says it prints."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "docs/examples/billing"


@pytest.mark.parametrize("name", sorted(path.name for path in _FOLDER.glob("*.py")))
def test_the_example_prints_what_it_says(name: str) -> None:
    said = ast.get_docstring(ast.parse((_FOLDER / name).read_text(encoding="utf-8"))) or ""
    _, found, promised = said.partition("Prints:\n")
    assert found, "its docstring says what it prints"
    command = [sys.executable, "-X", "utf8", str(_FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("\N{NO-BREAK SPACE}", " ").rstrip() == textwrap.dedent(promised).rstrip()


def test_the_pages_name_the_examples() -> None:
    page = (_FOLDER.parents[1] / "BILLING.md").read_text(encoding="utf-8")
    assert all(f"examples/billing/{path.name}" in page for path in _FOLDER.glob("*.py"))
