"""The firmware on a Cortex-M3 with 128 KB of heap: suites of the board `unix` again, and what is this board's own.

The tests that are imported run with the fixture `config` of this file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_sim_terminal import (  # noqa: F401
    VERIFY,
    running,
    test_a_card_of_inverse_convention,
    test_a_card_pulled_at_every_byte_of_an_exchange,
    test_a_card_that_fails_is_told_and_works_after_a_reset,
    test_a_card_that_spoils_pps_works_at_the_default_rate_or_is_named,
    test_a_kill_after_so_many_frames,
    test_a_pin_try_pulled_at_every_byte_costs_one_try_at_most,
    test_atr_pps_and_the_public_vitale_exchange,
    test_mute_foreign_and_garbled_cards,
    test_nulls_and_single_byte_transfers_are_only_slow,
    test_tries_survive_pull_kill_and_a_new_terminal,
)
from tests.tools import qemu as images
from tournee.terminal.client import Terminal
from tournee_sim.boards import qemu
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.boards.unix import BoardConfig, BoardError, UnixBoard

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image
SELECT_MF = bytes.fromhex("00A40000023F00")


@pytest.fixture
def config(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardConfig:
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    return BoardConfig(
        keys=keys, state=tmp_path / "state", pin="4711", trace=tmp_path / "apdu.log", seed=1, board="qemu"
    )


def run(config: BoardConfig, test: Callable[[UnixBoard, Terminal], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running(config) as (board, terminal):
            await test(board, terminal)

    asyncio.run(asyncio.wait_for(main(), 100))


def test_info_names_board_heap_and_the_files_that_are_frozen(config: BoardConfig) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        info = await terminal.info()
        facts = json.loads(images.image().with_name("build.json").read_text("utf-8"))
        assert (info.board, info.name) == ("MPS2_AN385", config.name)
        assert info.micropython == facts["micropython"]
        assert info.manifest == facts["manifest"]
        assert facts["heap"] == 128 * 1024
        assert 16 * 1024 < info.free_heap_bytes < facts["heap"]

    run(config, test)


def test_no_heap_growth_over_many_apdus(config: BoardConfig) -> None:
    """The most that INFO reports free in a round (a collection lies in each) does not sink."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)

        async def most_free(count: int) -> int:
            free = []
            for _ in range(count):
                assert (await terminal.transmit(1, SELECT_MF)).sw == 0x9000
                free.append((await terminal.info()).free_heap_bytes)
            return max(free)  # just after a collection

        first = await most_free(200)
        assert await most_free(200) > first - 1024

    run(config, test)


def test_without_qemu_image_or_radio_it_says_what_to_do(
    config: BoardConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def start(given: BoardConfig) -> None:
        async with UnixBoard(given):
            pass

    with pytest.raises(BoardError, match="no radio: use --link tcp"):
        asyncio.run(start(replace(config, link="ble")))
    with pytest.raises(BoardError, match="there are unix, qemu"):
        asyncio.run(start(replace(config, board="toaster")))
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path / "none.elf"))
    with pytest.raises(BoardError, match="names no file"):
        asyncio.run(start(config))
    monkeypatch.delenv(IMAGE_VARIABLE)
    monkeypatch.setattr(qemu, "find_firmware", lambda: tmp_path / "firmware" / "tournee_fw")
    with pytest.raises(BoardError, match=r"build\.py --board MPS2_AN385"):
        asyncio.run(start(config))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoardError, match="apt install qemu-system-arm"):
        asyncio.run(start(config))
