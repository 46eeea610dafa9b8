"""Collects `mp_*.py`: each `def test_…` in it is one pytest case, run inside real MicroPython with the firmware's heap."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tournee_sim.pytest_plugin import need

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HEAP = "384k"  # the board's 320k, and 64k for what the fakes play in the same process: host, cards, the terminal of the case before
TIMEOUT_S = 300


def micropython() -> str:
    """Path of the MicroPython binary: beside this Python first, then on PATH."""
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython") or ""


class MpFile(pytest.File):
    """One script; its cases run in one MicroPython process, when the first of them is asked for."""

    results: dict[str, str] | None = None
    crash = ""

    def collect(self) -> Iterable[pytest.Item]:
        for name in re.findall(r"^def (test_\w+)\(\):", self.path.read_text(encoding="utf-8"), re.MULTILINE):
            yield MpCase.from_parent(self, name=name)

    def result(self, name: str) -> str:
        """Empty for a pass, else the traceback."""
        if self.results is None:
            self._run()
        assert self.results is not None
        return self.results.get(name, f"the case did not end\n{self.crash}")

    def _run(self) -> None:
        need("micropython")
        wanted = [item.name for item in self.session.items if item.parent is self]
        command = [
            micropython(),
            "-X",
            f"heapsize={HEAP}",
            str(HERE / "harness.py"),
            str(ROOT),
            self.path.stem,
            *wanted,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.results = {}
        for line in done.stdout.splitlines():
            if line.startswith("CASE "):
                name, _, text = line[5:].partition(" ")
                self.results[name] = json.loads(text)
        self.crash = f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


class MpCase(pytest.Item):
    def runtest(self) -> None:
        assert isinstance(self.parent, MpFile)
        failure = self.parent.result(self.name)
        if failure:
            raise MpFailure(failure)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        return str(excinfo.value) if isinstance(excinfo.value, MpFailure) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.stem}.{self.name}"


class MpFailure(Exception):
    """A case failed inside MicroPython; the text is its traceback."""


def _is_script(path: Path) -> bool:
    return path.suffix == ".py" and path.name.startswith("mp_")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if _is_script(file_path) and not parent.session.isinitpath(file_path):
        return MpFile.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A script named on the command line reaches pytest's Python collector; it shall not import it."""
    return MpFile.from_parent(parent, path=module_path) if _is_script(module_path) else None
