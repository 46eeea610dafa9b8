"""pytest fixtures around a running simulated terminal (real firmware in MicroPython, byte-level cards).

`tests/conftest.py` offers them to every test. Usage:

    def test_something(terminals):
        terminal = terminals(cps="cps-medecin", vitale="vitale-famille", link="tcp")
        terminal.url                  # tcp:127.0.0.1:PORT, serial:/…/tty or ble:NAME?hci=tcp:…
        terminal.insert(1, "vitale-seule"); terminal.pull(1)
        terminal.type("1234\\r")       # keypad: digits, \\r OK, \\x1b cancel, \\b correct
        terminal.display(); terminal.wait_display("code porteur")
        terminal.pin                  # code porteur of the day
        terminal.counters()           # link bytes and frames, APDUs, per slot what the card counted (tries_left, verify, sign, auth)
        terminal.fault("link-cut", direction="to_host", after=10)   # see tournee_sim.faults
        terminal.kill(); terminal.restart(); terminal.stop()

`terminals(...)` takes every field of `tournee_sim.boards.unix.BoardConfig` (link tcp/pty/ble, pace fast/real, auto_pin, state, trace,
…). Everything stops with the test. `keys` is the directory of test keys (TOURNEE_TEST_KEYS, or one shared by the whole run).
In asyncio code use `tournee_sim.boards.unix.UnixBoard` itself: `async with UnixBoard(BoardConfig(keys=keys)) as board`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tournee_sim.boards.thread import ThreadedBoard


@pytest.fixture(scope="session")
def keys(tournee_keys: Path) -> Path:
    """Directory of test keys; with xdist all workers share one."""
    return tournee_keys


@pytest.fixture
def terminals(keys: Path, tmp_path: Path) -> Iterator[Callable[..., ThreadedBoard]]:
    """Starts terminals; needs MicroPython."""
    from tournee_sim.boards.thread import ThreadedBoard
    from tournee_sim.boards.unix import BoardConfig
    from tournee_sim.pytest_plugin import need

    need("micropython")
    running: list[ThreadedBoard] = []

    def start(**options: Any) -> ThreadedBoard:
        number = len(running)
        defaults: dict[str, Any] = {
            "keys": keys,
            "state": tmp_path / f"terminal-{number}",
            "name": f"Tournee-{9001 + number}",
        }
        board = ThreadedBoard(BoardConfig(**(defaults | options)))
        running.append(board)
        return board

    yield start
    for board in running:
        board.stop()
