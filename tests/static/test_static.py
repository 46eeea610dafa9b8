"""What can be said without running the product: format, lint, types, import contracts, generated files."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import acceptance, mp_stubs

_BIN = Path(sys.executable).parent

_CHECKS: dict[str, tuple[list[str], str]] = {
    # name: (command, remedy)
    "ruff-check": (["ruff", "check", "--no-cache", "."], "ruff check --fix ."),
    "ruff-format": (["ruff", "format", "--check", "--no-cache", "."], "ruff format ."),
    "mypy": (["mypy"], "mypy, then correct the types it names"),
    "lint-imports": (["lint-imports", "--no-cache"], "docs/ARCHITECTURE.md, Rooms: who may import whom"),
}


def _run(command: list[str], root: Path, remedy: str) -> None:
    tool = _BIN / command[0]
    assert tool.exists(), f"{tool.name} is not installed: make setup"
    done = subprocess.run([tool, *command[1:]], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-60:])
        pytest.fail(f"{' '.join(command)}\n{output}\n→ {remedy}", pytrace=False)


@pytest.mark.parametrize("name", list(_CHECKS))
def test_static(name: str, root: Path) -> None:
    command, remedy = _CHECKS[name]
    _run(command, root, remedy)


def test_basedpyright_on_the_firmware(root: Path) -> None:
    mp_stubs.write(root)
    _run(["basedpyright", "--level", "error"], root, "annotations and calls that MicroPython's stubs do not know")


def test_the_firmware_imports_only_what_micropython_has(root: Path) -> None:
    known = mp_stubs.modules() | {"tournee_fw"}
    foreign = []
    for path in (root / "firmware/tournee_fw").rglob("*.py"):
        if path.name == "manifest.py":  # read by the build, not by the board
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            foreign += [f"{path.relative_to(root)}:{node.lineno}: {n}" for n in names if n.split(".")[0] not in known]
    assert not foreign, "\n".join(foreign)


def test_generated_files_are_what_the_generator_writes(root: Path) -> None:
    assert importlib.util.find_spec("tournee_protocol.generate") is not None
    _run(["python", "-m", "tournee_protocol.generate", "--check"], root, "python -m tournee_protocol.generate")


def test_acceptance_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert acceptance.main(["--check"]) == 0, capsys.readouterr().out
