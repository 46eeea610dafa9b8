"""The fixtures of the pytest plugin, as a user of the package writes tests with them; and what loading the plugin costs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import tournee


def test_a_terminal_and_its_cards(terminal_url: str, cards: Any) -> None:
    with tournee.open(terminal_url) as terminal:
        assert terminal.power_on(1).atr == cards.board.card(1).atr
        cards.pull(1)
        cards.insert(1, "generic-t1")
        assert terminal.power_on(1).protocol == 1


@pytest.mark.tournee(cps=None, vitale="carte-muette")
def test_the_marker_sets_the_terminal_up(cards: Any) -> None:
    assert cards.status()["slots"] == [None, "carte-muette"]
    cards.type("12")
    cards.clear_faults()


def test_a_terminal_on_the_simulated_air(radio: Any, terminal_url: str) -> None:
    assert terminal_url.startswith("ble:") and radio.hci in terminal_url
    with tournee.open(terminal_url) as terminal:
        assert len(terminal.slots()) == 2
        assert radio.fault("stats")["connected"] >= 1


_HEAVY = """
import sys
import pytest
before = set(sys.modules)
import tournee_sim.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""


def test_the_plugin_imports_nothing_heavy() -> None:
    """Beyond pytest's own imports: itself and a few small modules of the standard library."""
    done = subprocess.run([sys.executable, "-c", _HEAVY], capture_output=True, text=True, check=True)
    new = set(done.stdout.split())
    assert {"tournee_sim", "tournee_sim.pytest_plugin"} <= new
    assert new - {"tournee_sim", "tournee_sim.pytest_plugin"} <= set(sys.stdlib_module_names), new
    assert not new & {"asyncio", "ssl", "multiprocessing", "sqlite3", "ctypes", "xml"}, new
