"""Once set up, nothing needs a network: the second `make setup`, the command and the demo run where there is none at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tournee_sim.pytest_plugin import need, without_network


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("network_ns")
    need("venv")


def _without_network(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run in a network namespace of its own, with only a loopback interface."""
    up = "import fcntl, os, socket, struct, sys; s = socket.socket(); " + (
        "fcntl.ioctl(s, 0x8914, struct.pack('16sh22x', b'lo', 1)); s.close(); os.execvp(sys.argv[1], sys.argv[1:])"
    )
    outer = ("PYTEST_", "MAKE", "MFLAGS", "ARGS")  # an outer make hands its arguments down
    env = {k: v for k, v in os.environ.items() if not k.startswith(outer)}
    wrapped = [*(without_network() or ()), sys.executable, "-c", up, *command]
    return subprocess.run(wrapped, cwd=root, env=env, capture_output=True, text=True, check=False)


def test_there_is_no_network_in_there(root: Path) -> None:
    done = _without_network(root, "cat", "/proc/net/dev")
    interfaces = [line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line]
    assert interfaces == ["lo"]


def test_second_setup_and_help_work_offline(root: Path) -> None:
    done = _without_network(root, "make", "--no-print-directory", "setup")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "setup: ready"
    done = _without_network(root, ".venv/bin/tournee", "--help")
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


def test_demo_works_offline(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = _without_network(root, "make", "--no-print-directory", "demo", f"OUT={tmp_path}")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8"))["status"] == "paid"
