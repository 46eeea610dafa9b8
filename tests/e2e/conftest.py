"""Demos as a newcomer runs them: a process of its own, its folder, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tournee_sim.pytest_plugin import need

DEMO_S = 240


@dataclass(frozen=True)
class Played:
    """One demo that has ended."""

    code: int
    out: Path
    summary: dict[str, Any]
    text: str

    def json(self, name: str) -> Any:
        return json.loads((self.out / name).read_text(encoding="utf-8"))


Play = Callable[..., Played]


@pytest.fixture(scope="session")
def demo_environment(keys: Path) -> dict[str, str]:
    """One set of test keys for all: making them is slow."""
    return {**os.environ, "TOURNEE_TEST_KEYS": str(keys), "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture(scope="session")
def play(demo_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Play:
    """`play("--link", "tcp", PIN="1234")` runs a demo; capital keyword arguments are TOURNEE_DEMO_… variables."""

    def run(*options: str, text: bool = False, **variables: str) -> Played:
        need("micropython")
        if "--link" not in options:
            options = (*options, "--link", "tcp")
        if "ble" in options:
            need("ble")
        out = tmp_path_factory.mktemp("demo") / "out"
        argv = [sys.executable, "-m", "tournee.cli", "demo", "--out", str(out), *options]
        env = demo_environment | {f"TOURNEE_DEMO_{k}": v for k, v in variables.items()}
        done = subprocess.run(argv, env=env, capture_output=True, timeout=DEMO_S, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        summary = out / "summary.json"
        assert summary.exists(), said
        return Played(done.returncode, out, json.loads(summary.read_text()), said)

    return run


@pytest.fixture(scope="session")
def paid(play: Play) -> Played:
    """The plain visit, by Bluetooth: what `make demo` plays."""
    played = play("--link", "ble", "--show-commands", PIN="7291")
    assert played.code == 0, played.text
    return played
