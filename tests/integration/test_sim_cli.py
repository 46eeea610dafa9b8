"""`tournee sim` as a person uses it: one shell holds the terminal, a second one inserts, pulls, types and asks."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tournee_sim.pytest_plugin import need

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(keys: Path, tmp_path: Path) -> dict[str, str]:
    need("micropython")
    return os.environ | {"TOURNEE_HOME": str(tmp_path), "TOURNEE_TEST_KEYS": str(keys), "TOURNEE_SIM_PIN": "4711"}


@pytest.fixture
def sim(environment: dict[str, str]) -> Run:
    def run(*argv: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tournee_sim", *argv]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def up(environment: dict[str, str]) -> Iterator[Callable[..., dict[str, Any]]]:
    processes: list[subprocess.Popen[str]] = []

    def start(*argv: str) -> dict[str, Any]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tournee_sim", "up", "--json", *argv],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return {"process": process} | json.loads(process.stdout.readline())

    yield start
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def test_from_a_second_shell(up: Callable[..., dict[str, Any]], sim: Run, tmp_path: Path) -> None:
    ready = up("--link", "pty", "--ready-file", str(tmp_path / "ready"))
    assert json.loads((tmp_path / "ready").read_text())["url"] == ready["url"]
    assert ready["url"].startswith("serial:")
    assert json.loads(sim("status", "--json").stdout)["slots"] == ["cps-medecin", "vitale-famille"]
    assert "vitale-famille" in sim("pull", "1").stdout
    sim("insert", "1", "vitale-ald")
    status = sim("status").stdout
    assert "slot 1: vitale-ald" in status
    assert "Carte 2 : insérée" in status
    sim("type", "12<o")
    assert len(json.loads(sim("display", "--json").stdout)["display"]) == 4
    assert "armed: mute" in sim("fault", "mute", "--slot", "1", "--count", "1").stdout
    sim("fault", "clear")
    sim("kill")
    assert "off" in sim("status").stdout
    sim("restart")
    assert "running" in sim("status").stdout
    sim("down")
    assert ready["process"].wait(20) == 0
    assert not (tmp_path / "ready").exists()
    assert "tournee sim up" in sim("status", code=4).stderr


def test_mistakes_name_the_remedy(up: Callable[..., dict[str, Any]], sim: Run) -> None:
    up("--vitale", "none")
    assert "pull it first" in sim("insert", "0", "cps-kine", code=4).stderr
    assert "vitale-famille" in sim("insert", "1", "vitale-de-papa", code=4).stderr
    assert "is empty" in sim("pull", "1", code=4).stderr
    assert "no key" in sim("type", "12z", code=2).stderr
    assert "null-storm" in sim("fault", "nope", code=4).stderr
    assert "--link ble" in sim("fault", "air", "drop", code=4).stderr
    assert "--name" in sim("up", code=4).stderr  # the same state twice
    assert "2" in sim("pull", "2", code=2).stderr


def test_a_name_is_no_path_and_a_taken_port_is_told(environment: dict[str, str], sim: Run, tmp_path: Path) -> None:
    for name in ("", "../../esc", "a/b", ".", "x" * 33):
        for command in ("up", "status"):
            assert "is no name: take up to 32 letters" in sim(command, "--name", name, code=2).stderr
    assert not list(tmp_path.iterdir())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = sim("up", "--port", str(port), code=4).stderr
    assert told == f"port {port}: Address already in use\n→ give another --port, or none for a free one\n"
    (tmp_path / "file").touch()
    assert "→ give --state a folder" in sim("up", "--state", str(tmp_path / "file" / "state"), code=4).stderr


def test_two_terminals_side_by_side_and_stale_state(up: Callable[..., dict[str, Any]], sim: Run) -> None:
    first, second = up(), up("--name", "Tournee-0002", "--cps", "cps-kine")
    assert first["url"] != second["url"]
    assert "cps-kine" in sim("status", "--name", "Tournee-0002").stdout
    first["process"].kill()
    first["process"].wait()
    assert "no terminal runs" in sim("status", code=4).stderr
    assert Path(first["control"]).exists()
    again = up()
    assert not Path(first["control"]).parent.exists()  # what the killed one left is swept
    assert json.loads(sim("status", "--json").stdout)["url"] == again["url"]


def test_the_firmware_dies_with_a_killed_simulator(up: Callable[..., dict[str, Any]]) -> None:
    ready = up()
    children = Path(f"/proc/{ready['process'].pid}/task/{ready['process'].pid}/children").read_text().split()
    assert len(children) == 1
    watched = os.pidfd_open(int(children[0]))
    try:
        ready["process"].kill()
        assert select.select([watched], [], [], 20)[0]  # readable once the process has ended
    finally:
        os.close(watched)


def test_on_a_terminal_window_the_display_is_live_and_the_keyboard_is_the_keypad(environment: dict[str, str]) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tournee_sim", "up"],
        env=environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        seen = _until(master, "Carte 2 : insérée")
        assert "tournee sim insert" in seen
        assert "4711" in seen  # the code of the day is for the person in front of it
        os.write(master, b"12\x7f\r")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _until(descriptor: int, text: str) -> str:
    seen = ""
    while text not in seen:
        assert select.select([descriptor], [], [], 20)[0], seen
        seen += os.read(descriptor, 4096).decode("utf-8", "replace")
    return seen


def test_help_and_lists_need_no_terminal(sim: Run) -> None:
    assert "insert" in sim("--help").stdout
    assert "vitale-famille" in sim("cards").stdout
    assert "carte-muette" in json.loads(sim("cards", "--json").stdout)["cards"]
    assert "pull" in sim("fault").stdout
    assert "--auto-pin" in sim("up", "--help").stdout
    assert "4 digits" in sim("up", "--pin", "12a4", code=2).stderr
