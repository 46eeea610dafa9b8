"""`tournee terminal selftest` on the simulated terminal: what is whole, what is broken, what nobody could check."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tournee.cards.adapters import open_reader
from tournee.cli.selftest import _manifests
from tournee.terminal import Terminal, selftest
from tournee.terminal.selftest import Check
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig
from tournee_sim.pytest_plugin import need


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[ThreadedBoard]:
    need("micropython")
    with ThreadedBoard(BoardConfig(state=tmp_path_factory.mktemp("selftest"), keys=keys)) as terminal:
        yield terminal


def checks(board: ThreadedBoard, manifests: list[str] | None = None, **options: Any) -> dict[str, Check]:
    """By name, or slot and name; the wait is not waited."""

    async def slept(seconds: float) -> float:
        await asyncio.sleep(0.3)
        return 0.3

    async def ask() -> list[Check]:
        reader = await open_reader(board.url)
        assert isinstance(reader, Terminal)
        try:
            known = _manifests("UNIX") if manifests is None else manifests
            return [check async for check in selftest.run(reader, known, slept, **options)]
        finally:
            await reader.close()

    found = asyncio.run(ask())
    return {c.name if c.slot is None else f"{c.slot} {c.name}": c for c in found}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "APDUS", 20)


def test_the_command_on_a_whole_terminal(board: ThreadedBoard) -> None:
    command = [
        sys.executable,
        "-m",
        "tournee.cli",
        "terminal",
        "selftest",
        "--slot",
        "0",
        "--json",
        "--terminal",
        board.url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    found = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert found["apdus"]["detail"] == "1000 × 9000"
    assert found["atr"]["detail"].startswith("3B ") and found["pps"]["verdict"] == "OK"
    assert {n for n, c in found.items() if c["verdict"] == "SKIPPED"} == {"keypad, display", "battery"}
    assert not any(c["slot"] == 1 for c in found.values())


def test_each_slot_has_its_checks_and_an_empty_one_says_so(board: ThreadedBoard, few: None) -> None:
    card = board.pull(1)
    try:
        found = checks(board)
    finally:
        board.insert(1, card)
    assert found["1 card"].verdict == "SKIPPED" and found["0 apdus"].verdict == "OK"


def test_a_card_that_is_mute_or_pulled_is_named_with_its_slot(board: ThreadedBoard, few: None) -> None:
    board.fault("mute", slot=0)
    found = checks(board, slots=[0])
    assert found["0 voltage"].verdict == "FAILED" and "card_mute" in found["0 voltage"].detail
    board.clear_faults()
    card = "cps-medecin"

    def pulls(done: int, of: int) -> None:
        if done == 7:
            board.pull(0)

    found = checks(board, slots=[0], said=pulls)
    board.insert(0, card)
    assert found["0 apdus"].verdict == "FAILED" and "at APDU 8 of 20" in found["0 apdus"].detail


def test_other_firmware_files_are_told(board: ThreadedBoard, few: None) -> None:
    found = checks(board, ["00" * 32], slots=[])
    assert found["flash"].verdict == "FAILED" and found["flash"].remedy == "Flash it: tournee flash."
    assert checks(board, [], slots=[])["flash"].verdict == "SKIPPED"
    assert checks(board, slots=[])["flash"].verdict == "OK"


def test_a_clock_that_runs_wrong_and_a_low_battery_fail(
    board: ThreadedBoard, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    diagnosis = Terminal.diagnosis

    async def wrong(self: Terminal) -> dict[str, int]:
        told = await diagnosis(self)
        return {**told, "clock_ms": told["clock_ms"] * 3 // 2 & 0x3FFFFFFF, "battery_percent": 5}

    monkeypatch.setattr(Terminal, "diagnosis", wrong)
    found = checks(board, slots=[])
    assert found["clock"].verdict == "FAILED" and found["battery"].verdict == "FAILED"


@pytest.mark.parametrize(("keys_", "verdict"), [("\r", "OK"), ("\x1b", "FAILED")])
def test_a_person_reads_the_display_and_presses_a_key(
    board: ThreadedBoard, few: None, keys_: str, verdict: str
) -> None:
    def person() -> None:
        board.wait_display("OK = oui")
        board.type(keys_)

    with ThreadPoolExecutor(1) as pool:
        typing = pool.submit(person)
        found = checks(board, slots=[], person=True)
        typing.result(20)
    assert found["keypad, display"].verdict == verdict


def test_a_card_that_answers_differently_each_time_is_no_good_contact(few: None) -> None:
    power = selftest.Power(0, 0x18, selftest.Voltage.A_5V, bytes.fromhex("3B131122"))
    assert selftest._pps(power, 0).verdict == "FAILED"
    assert selftest._pps(replace(power, fidi=0x11), 0).verdict == "OK"
