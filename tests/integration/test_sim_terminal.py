"""The simulated terminal itself: real firmware against byte-level cards, pulled at every byte, at every fault, killed and back."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tournee.link.adapters import transport
from tournee.terminal import errors
from tournee.terminal.client import Terminal
from tournee.terminal.model import PinRequest
from tournee_sim.boards.unix import BoardConfig, BoardError, UnixBoard
from tournee_sim.faults import FaultError, parse
from tournee_sim.pytest_plugin import need

SELECT_MF = bytes.fromhex("00A40000023F00")
PUBLIC_VITALE = (  # the exchange of every reader of Vitale cards [RUF]
    "00A40000023F00",
    "00B0820000",
    "00A404000BD250000002564954414C45",
    "00B0820000",
)
VERIFY = PinRequest(bytes.fromhex("00200001"), 4, 4, "Code porteur")
CARD_GONE = (errors.CardRemoved, errors.CardAbsent, errors.CardNotPowered)


@pytest.fixture
def config(keys: Path, tmp_path: Path) -> BoardConfig:
    need("micropython")
    return BoardConfig(keys=keys, state=tmp_path / "state", pin="4711", trace=tmp_path / "apdu.log", seed=1)


@asynccontextmanager
async def running(config: BoardConfig) -> AsyncIterator[tuple[UnixBoard, Terminal]]:
    async with UnixBoard(config) as board, Terminal(transport(board.url), os.urandom(8)) as terminal:
        yield board, terminal


def run(config: BoardConfig, test: Callable[[UnixBoard, Terminal], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running(config) as (board, terminal):
            await test(board, terminal)

    asyncio.run(asyncio.wait_for(main(), 100))


def rows(config: BoardConfig) -> list[dict[str, Any]]:
    assert config.trace is not None
    return [json.loads(line) for line in config.trace.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("pace", ["fast", "real"])
def test_atr_pps_and_the_public_vitale_exchange(config: BoardConfig, pace: str) -> None:
    """Both ATRs; the Vitale is talked to at TA1=13 after PPS, the CPS at 372/1; four commands read the card."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        cps, vitale = await terminal.power_on(0), await terminal.power_on(1)
        assert (cps.atr, cps.fidi) == (board.card(0).atr, 0x11)
        assert (vitale.atr, vitale.fidi) == (board.card(1).atr, 0x13)
        card = board.bus.lines[1].card
        assert card is not None
        assert card.f_d == (372, 4)  # the card itself took the PPS
        answers = [await terminal.transmit(1, bytes.fromhex(apdu)) for apdu in PUBLIC_VITALE]
        assert [a.sw for a in answers] == [0x9000] * 4
        assert [len(a.data) for a in answers] == [0x22, 256, 0x1F, 256]

    run(replace(config, pace=pace), test)
    shown = [row["apdu"] for row in rows(config) if row.get("slot") == 1]
    assert shown == [
        "00 A4 00 00 02 3F 00",
        "00 C0 00 00 22",
        "00 B0 82 00 00",
        "00 A4 04 00 0B D2 50 00 00 02 56 49 54 41 4C 45",
        "00 C0 00 00 1F",
        "00 B0 82 00 00",
    ]


def test_a_card_pulled_at_every_byte_of_an_exchange(config: BoardConfig) -> None:
    """SELECT and its GET RESPONSE are 52 bytes; pulled after any of them the terminal says so, and reads the card when it is back."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)
        line = board.bus.lines[1]
        before = line.to_board + line.to_card
        await terminal.transmit(1, SELECT_MF)
        total = line.to_board + line.to_card - before
        assert total == 52  # 5 + ACK + 2 + SW, 5 + ACK + 34 + SW
        for after in range(total):
            board.fault(parse("pull", after=after), 1)
            with pytest.raises(CARD_GONE):
                await terminal.transmit(1, SELECT_MF)
            assert line.card is None
            board.insert(1, "vitale-famille")
            await board.settled()
            await terminal.power_on(1)
        assert (await terminal.transmit(1, SELECT_MF)).sw == 0x9000

    run(config, test)


def test_a_pin_try_pulled_at_every_byte_costs_one_try_at_most(config: BoardConfig) -> None:
    """Counter, then VERIFY, once; the card counts what reached it whole, and a good code later restores the counter."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        spent = 0
        for after in range(1, 22):
            await terminal.power_on(0)
            board.fault(parse("pull", after=after))
            try:
                result = await terminal.verify_pin(0, VERIFY)
            except CARD_GONE:
                board.insert(0, "cps-medecin")
                await board.settled()
            else:
                assert result.verified  # the pull came behind the last byte
                break
            tried = board.card(0).memory["verify"]
            assert tried - spent in (0, 1)
            spent = tried
            board.card(0).memory.store(tries_left=3)
        assert spent >= 1  # once the data were whole, the try was counted although its answer was lost
        assert after > 10

    run(replace(config, auto_pin=True), test)
    assert "34 37 31 31" not in (config.trace or Path()).read_text("utf-8")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("silent", errors.CardProtocolError),
        ("overrun", errors.CardProtocolError),
        ("bad-procedure", errors.CardProtocolError),
    ],
)
def test_a_card_that_fails_is_told_and_works_after_a_reset(
    config: BoardConfig, fault: str, error: type[Exception]
) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)
        board.fault(parse(fault, count=1), 1)
        with pytest.raises(error):
            await terminal.transmit(1, SELECT_MF)
        board.clear_faults()
        await terminal.power_on(1)
        assert (await terminal.transmit(1, SELECT_MF)).sw == 0x9000

    run(config, test)


def test_nulls_and_single_byte_transfers_are_only_slow(config: BoardConfig) -> None:
    """Twelve NULLs of 0.9 waiting time each are no time-out: told waits keep their order with the bytes."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)
        before = board.bus.now_ms()
        board.fault(parse("null-storm", count=12), 1)
        board.fault(parse("single-ack"), 1)
        answer = await terminal.transmit(1, SELECT_MF)
        assert (answer.sw, len(answer.data)) == (0x9000, 0x22)
        assert board.bus.now_ms() - before > 12 * 0.9 * 890

    run(config, test)


@pytest.mark.parametrize(("fault", "fidi"), [("pps-refused", 0x11), ("pps-mute", 0x11), ("pps-garbage", 0x11)])
def test_a_card_that_spoils_pps_works_at_the_default_rate_or_is_named(
    config: BoardConfig, fault: str, fidi: int
) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        board.fault(parse(fault, count=1), 1)
        try:
            power = await terminal.power_on(1)
        except errors.TerminalError:
            power = await terminal.power_on(1)  # the fault struck once
            assert power.fidi == 0x13
        else:
            assert power.fidi in (fidi, 0x13)
        assert (await terminal.transmit(1, SELECT_MF)).sw == 0x9000

    run(config, test)


def test_mute_foreign_and_garbled_cards(config: BoardConfig) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        with pytest.raises(errors.CardMute):
            await terminal.power_on(1)
        board.pull(1)
        await board.settled()
        board.insert(1, "carte-inconnue")
        await board.settled()
        assert (await terminal.power_on(1)).atr.hex().startswith("3b67")
        assert (await terminal.transmit(1, SELECT_MF)).sw == 0x6E00
        board.fault(parse("garbage-atr"), 0)
        with pytest.raises((errors.BadAtr, errors.CardMute, errors.CardProtocolError)):
            await terminal.power_on(0)
        board.clear_faults()
        await terminal.power_on(0)

    run(replace(config, vitale="carte-muette"), test)


def test_a_card_of_inverse_convention(config: BoardConfig) -> None:
    """A Vitale 1: the firmware works the convention out from TS and reads the card's memory."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        power = await terminal.power_on(1)
        assert power.atr == bytes.fromhex("3F652500A3096A9000")
        answer = await terminal.transmit(1, bytes.fromhex("BCB0028813"))
        assert (answer.data, answer.sw) == (b"SIMULATION SV-SIM 1", 0x9000)

    run(replace(config, vitale="vitale-ancienne"), test)


def test_tries_survive_pull_kill_and_a_new_terminal(config: BoardConfig) -> None:
    async def wrong(board: UnixBoard, terminal: Terminal) -> int:
        entry = asyncio.ensure_future(terminal.verify_pin(0, VERIFY))
        await board.wait_display(lambda lines: "valider" in lines[3])
        board.type("0000\r")
        return (await entry).sw

    async def first(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(0)
        assert await wrong(board, terminal) == 0x63C2
        board.pull(0)
        await board.settled()
        board.insert(0, "cps-medecin")
        await board.settled()
        await board.kill()
        assert not board.running
        await board.restart()

    async def second(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(0)
        assert await wrong(board, terminal) == 0x63C1
        assert board.counters()["cards"][0]["verify"] == 2

    run(config, first)
    run(config, second)


def test_a_kill_after_so_many_frames(config: BoardConfig) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)
        boot = terminal.boot_id
        board.fault(parse("kill", after=1, direction="to_board"))
        call = asyncio.ensure_future(terminal.transmit(1, SELECT_MF))
        await board.died()
        await board.restart()
        with pytest.raises(errors.TerminalError):
            await call
        await terminal.power_on(1)
        assert terminal.boot_id != boot

    run(config, test)


def test_figures_of_a_session(config: BoardConfig) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        before = board.counters()
        await terminal.power_on(1)
        await terminal.transmit(1, SELECT_MF)
        after = board.counters()
        assert after["apdus"] - before["apdus"] == 2  # SELECT and GET RESPONSE
        assert after["round_trips"] - before["round_trips"] == 2  # power on, transmit
        assert after["bytes_to_host"] > before["bytes_to_host"]
        assert after["frames_to_terminal"] - before["frames_to_terminal"] == 2

    run(config, test)


def test_what_cannot_be_started_says_why_and_nothing_else(
    config: BoardConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "micropython"
    broken.write_text("#!/bin/sh\necho no such memory >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TOURNEE_MICROPYTHON", str(broken))
    asides: list[str] = []

    async def start() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: asides.append(context["message"]))
        try:
            async with UnixBoard(config):
                pass
        finally:
            gc.collect()

    with pytest.raises(BoardError, match=r"(?s)ended with code 3.*no such memory"):
        asyncio.run(start())
    assert not asides


def test_slots_and_keys_that_are_none(config: BoardConfig) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        with pytest.raises(BoardError, match="pull it first"):
            board.insert(0, "cps-kine")
        with pytest.raises(BoardError, match="no slot 2"):
            board.insert(2, "cps-kine")
        with pytest.raises(BoardError, match="no key"):
            board.type("12x")
        board.pull(0)
        await board.settled()
        with pytest.raises(BoardError, match="empty"):
            board.pull(0)
        with pytest.raises(errors.CardAbsent):
            await terminal.power_on(0)

    run(config, test)


def test_the_radio_of_a_terminal_drops_and_comes_back(config: BoardConfig) -> None:
    need("ble")

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(1)
        before = board.counters()
        board.air(["drop"])
        assert (await terminal.transmit(1, SELECT_MF)).sw == 0x9000
        after = board.counters()
        assert after["round_trips"] > before["round_trips"]
        assert after["bytes_to_host"] > before["bytes_to_host"]
        with pytest.raises(FaultError, match="jam on"):
            board.air(["explode"])
        with pytest.raises(BoardError, match="no wired link"):
            board.fault(parse("link-cut"))

    run(replace(config, link="ble"), test)
