"""The duty in hardware/power.toml is what a visit on the simulated terminal takes: the part of it that does not depend on this computer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hardware import power
from tests.bench.power import measured
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.pytest_plugin import need


def test_the_lines_are_busy_as_long_as_the_budget_says(tmp_path: Path) -> None:
    need("micropython")

    async def run() -> dict[str, float]:
        async with UnixBoard(BoardConfig(link="tcp", state=tmp_path, seed=1, auto_pin=True)) as board:
            return await measured(board, lambda: 0, 0)

    found, stated = asyncio.run(asyncio.wait_for(run(), 120)), power.read()["measured"]
    for card in ("cps", "vitale"):
        assert stated[f"{card}_wire_s"] == pytest.approx(found[f"{card}-wire-s"], rel=0.02)
        assert stated["card_class"] == found[f"{card}-class"]
