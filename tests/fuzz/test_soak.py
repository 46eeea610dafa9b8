"""Cards and hosts that say anything, in real MicroPython: the short run of `make soak`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.tools import soak
from tournee_sim.pytest_plugin import need

EXCHANGES = 1_000_000 if os.environ.get("TOURNEE_SOAK") == "1" else 20_000


def test_20_000_exchanges_with_cards_and_hosts_that_say_anything() -> None:
    """No crash, no hang, no leak; after each round of 500 a good card works in both slots."""
    need("micropython")
    result = soak.run(20261122, EXCHANGES)
    assert result.exchanges >= EXCHANGES
    assert "INTERNAL" not in result.statuses
    assert {"OK", "PROTOCOL", "TIMEOUT", "REMOVED", "BAD_ATR", "MUTE", "BAD_MESSAGE", "UNKNOWN_OP"} <= set(
        result.statuses
    )


def _firmware_that(tmp_path: Path, does: str) -> Path:
    path = tmp_path / "micropython"
    path.write_text(f"#!/bin/sh\n{does}\n", "ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("does", "says"),
    [("echo Traceback; echo 'AssertionError: 24'; exit 1", "AssertionError: 24"), ("exec sleep 60", "hangs")],
)
def test_a_crash_and_a_hang_are_told_with_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, says: str
) -> None:
    monkeypatch.setenv("TOURNEE_MICROPYTHON", str(_firmware_that(tmp_path, does)))
    with pytest.raises(soak.SoakFailed, match=f"(?s)seed 7.*{says}"):
        soak.run(7, 1000, hang_s=3.0)
