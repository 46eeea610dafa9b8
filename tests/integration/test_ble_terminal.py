"""A whole terminal over Bluetooth LE: real firmware, byte-level cards, and a link that breaks at every PDU."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tournee.cards import iasecc, svsim
from tournee.cards.desk import Desk
from tournee.cards.script import QUIET, apdu, build, read
from tournee.link.adapters.ble import BleTraffic
from tournee.terminal import Patience, Terminal
from tournee.terminal.adapters import connect
from tournee.terminal.errors import TerminalRestarted
from tournee_protocol.link import PART_BYTES, SlotState
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.pytest_plugin import need
from tournee_sim.radio.air import AirConfig
from tournee_sim.radio.hub import AirHub

CPS, VITALE = 0, 1


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("micropython")
    need("ble")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 110))


@contextlib.asynccontextmanager
async def visit(
    keys: Path, state: Path, air: AirConfig | None = None
) -> AsyncIterator[tuple[AirHub, UnixBoard, Terminal]]:
    """The air, the terminal and the host's client of it."""
    async with AirHub(air) as hub:
        (hci,) = await hub.listen("tcp:127.0.0.1:0")
        config = BoardConfig(link="ble", hci=hci, keys=keys, state=state, auto_pin=True)
        async with UnixBoard(config) as board:
            terminal = await connect(board.url, patience=Patience(reconnect_s=30))
            try:
                yield hub, board, terminal
            finally:
                await terminal.close()


def test_both_cards_are_read_and_sign_over_the_air(keys: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with visit(keys, tmp_path, AirConfig(interval_ms=15, loss=0.02, seed=5)) as (hub, board, terminal):
            assert (await terminal.info()).channel == "none"
            desk = Desk(terminal)
            assert (await desk.open_cps()).situations
            assert (await desk.patient_rights()).droits
            assert len(await desk.sign_cps(b"x" * 48)) == iasecc.SIGNATURE_BYTES
            traffic = terminal.transport.traffic
            assert isinstance(traffic, BleTraffic)
            apdus = board.counters()["apdus"]
            assert traffic.round_trips < apdus / 2, "scripts must spare the air: a round trip is two intervals"
            assert traffic.bytes_in == board.counters()["bytes_to_host"]
            assert hub.stats.payload_bytes > traffic.bytes_in + traffic.bytes_out

    run(scenario())


def test_a_pin_try_is_made_once_wherever_the_link_breaks(keys: Path, tmp_path: Path) -> None:
    """V20 over the air: the link is dropped after every PDU of a PIN try and comes back."""

    async def scenario() -> None:
        async with visit(keys, tmp_path) as (hub, board, terminal):

            async def one_try() -> None:
                assert (await terminal.verify_pin(CPS, iasecc.pin_request("Code CPS"))).verified

            await terminal.power_on(CPS)
            pdus = await pdus_of(hub, one_try)
            for cut in range(pdus + 1):
                await terminal.power_on(CPS)  # forgets that the PIN was verified
                before = board.card(CPS).memory["verify"]
                hub.air.drop_after(cut)
                await one_try()
                assert board.card(CPS).memory["verify"] == before + 1, f"cut after {cut} of {pdus} PDUs"
            assert hub.stats.drops >= pdus

    run(scenario())


def test_a_signature_is_made_once_wherever_the_link_breaks(keys: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with visit(keys, tmp_path) as (hub, board, terminal):
            desk = Desk(terminal)
            await desk.open_cps()
            signed = await desk.sign_cps(b"same message")

            async def one_signature() -> None:
                assert await desk.sign_cps(b"same message") == signed

            pdus = await pdus_of(hub, one_signature)
            for cut in range(pdus + 1):
                before = board.card(CPS).memory["sign"]
                hub.air.drop_after(cut)
                await one_signature()
                assert board.card(CPS).memory["sign"] == before + 1, f"cut after {cut} of {pdus} PDUs"

    run(scenario())


def test_a_script_goes_ahead_and_comes_whole_wherever_the_link_breaks(keys: Path, tmp_path: Path) -> None:
    """Its answers are sent while the card reads on; those sent on a link that broke are asked for again, the card is not."""

    async def scenario() -> None:
        async with visit(keys, tmp_path) as (hub, board, terminal):
            certificate = svsim.SFI_CERTIFICATE
            script = build(
                [apdu("svsim", svsim.SELECT, QUIET), read("one", sfi=certificate), read("two", sfi=certificate)]
            )
            await terminal.power_on(VITALE)
            whole = await terminal.run_script(VITALE, script)
            assert sum(len(answer.data) for answer in whole) > 3 * PART_BYTES

            async def one_script() -> int:
                before = board.counters()["apdus"]
                assert await terminal.run_script(VITALE, script) == whole
                return board.counters()["apdus"] - before

            each = await one_script()
            pdus = await pdus_of(hub, one_script)
            for cut in range(pdus + 1):
                hub.air.drop_after(cut)
                assert await one_script() == each, f"the card was asked twice, cut after {cut} of {pdus} PDUs"
            assert hub.stats.drops >= pdus

    run(scenario())


def test_a_terminal_that_lost_its_power_is_found_again(keys: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with visit(keys, tmp_path) as (_hub, board, terminal):
            await terminal.power_on(VITALE)
            first = (await terminal.info()).boot_id
            await board.restart()
            with contextlib.suppress(TerminalRestarted):  # said when the loss is seen during a request only
                await terminal.info()
            assert (await terminal.info()).boot_id != first
            assert [slot.state for slot in await terminal.slots()] == [SlotState.PRESENT, SlotState.PRESENT]

    run(scenario())


async def pdus_of(hub: AirHub, work: Any) -> int:
    """PDUs that arrive while `work` runs undisturbed."""
    before = hub.stats.pdus
    await work()
    return hub.stats.pdus - before
