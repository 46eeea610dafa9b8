"""The real firmware on a bad line: cards pulled after every byte of reset, PPS and commands; parity both ways; stopped clocks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tournee.link.adapters import transport
from tournee.terminal import errors
from tournee.terminal.client import Terminal
from tournee.terminal.model import SlotChanged
from tournee_protocol.link import SlotState, Status
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.faults import parse
from tournee_sim.pytest_plugin import need

Run = Callable[..., None]
SLOT = 1
GONE = (errors.CardRemoved, errors.CardAbsent, errors.CardNotPowered)
# What works on the card, and the commands of one session: (command, answer without SW)
GENERIC = (("00A4000C020102", ""), ("00B0000004", "01020304"))
VITALE2 = (("00A4040C0BD250000002564954414C45", ""),)
VITALE1 = (("BCB0028803", "53494D"),)
CARDS = {
    "generic-t1": GENERIC,  # PPS, S(IFS), blocks
    "generic-t0t1": GENERIC,  # PPS, T=0
    "vitale-famille": VITALE2,  # PPS, T=0, case 3
    "vitale-ancienne": VITALE1,  # inverse convention, no PPS
}


@pytest.fixture
def run(keys: Path, tmp_path: Path) -> Run:
    need("micropython")

    def go(card: str, test: Callable[[UnixBoard, Terminal], Awaitable[None]]) -> None:
        config = BoardConfig(keys=keys, state=tmp_path / "state", pin="4711", cps=None, vitale=card, seed=1)

        async def main() -> None:
            async with UnixBoard(config) as board, Terminal(transport(board.url), os.urandom(8)) as terminal:
                await test(board, terminal)
                assert board.bus.lines[SLOT].contacts.misuse == []

        asyncio.run(asyncio.wait_for(main(), 120))

    return go


async def session(terminal: Terminal, card: str) -> None:
    """Power on and all commands."""
    await terminal.power_on(SLOT)
    for command, data in CARDS[card]:
        answer = await terminal.transmit(SLOT, bytes.fromhex(command))
        assert (answer.data.hex().upper(), answer.sw) == (data, 0x9000)


async def listen(terminal: Terminal, events: list[SlotChanged]) -> None:
    async for event in terminal.events():
        if isinstance(event, SlotChanged):
            events.append(event)  # noqa: PERF401 (they are looked at while more may come)


def line_bytes(board: UnixBoard) -> int:
    line = board.bus.lines[SLOT]
    return line.to_card + line.to_board


# ISO7816: act-removed act-off
@pytest.mark.parametrize("card", list(CARDS))
def test_pulled_after_every_byte(run: Run, card: str) -> None:
    """After each byte on the line since power-on: VCC cut in order, the request answered, the slot free, an event sent, the next card read."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        events: list[SlotChanged] = []
        listening = asyncio.create_task(listen(terminal, events))
        before = line_bytes(board)
        await session(terminal, card)
        whole = line_bytes(board) - before
        assert whole > 12
        contacts = board.bus.lines[SLOT].contacts
        for after in range(whole):
            await terminal.power_off(SLOT)
            await board.settled()
            events.clear()
            board.fault(parse("pull", after=after), SLOT)
            with pytest.raises(GONE):
                await session(terminal, card)
                await terminal.power_on(SLOT)  # the last byte has arrived before the card went
            await board.settled()
            assert (contacts.volt_class, contacts.khz, contacts.level, contacts.released) == (0, 0, 0, False), after
            assert (await terminal.slots())[SLOT].state is SlotState.ABSENT
            assert any(e.slot == SLOT and e.state is SlotState.ABSENT for e in events), after
            board.insert(SLOT, card)
            await board.settled()
        await session(terminal, card)
        listening.cancel()

    run(card, test)


# ISO7816: chr-parity
@pytest.mark.parametrize("direction", ["to_card", "to_board"])
@pytest.mark.parametrize("card", ["generic-t0t1", "generic-t1", "vitale-ancienne"])
def test_one_damaged_character_anywhere_costs_nothing(run: Run, card: str, direction: str) -> None:
    """One to three times damaged, in the answer to reset, the PPS or a command: the session goes on as if nothing were."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        line = board.bus.lines[SLOT]
        start = line.to_card, line.to_board
        await session(terminal, card)
        whole = line.to_card - start[0] if direction == "to_card" else line.to_board - start[1]
        for after in range(0, whole, 4):
            for count in (1, 3) if card != "generic-t1" and after > 24 else (1,):
                board.fault(parse("parity", after=after, count=count, direction=direction), SLOT)
                await session(terminal, card)
                assert board.bus.lines[SLOT].card is not None
                board.clear_faults()

    run(card, test)


# ISO7816: chr-parity
@pytest.mark.parametrize("direction", ["to_card", "to_board"])
def test_a_character_that_stays_damaged_is_a_parity_error_and_frees_the_slot(run: Run, direction: str) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await session(terminal, "generic-t0t1")
        for after in (0, 3):
            await terminal.power_on(SLOT)
            board.fault(parse("parity", after=after, direction=direction), SLOT)
            with pytest.raises(errors.CardProtocolError) as caught:
                await session_commands(terminal)
            assert caught.value.status == Status.PARITY
            assert not (await terminal.slots())[SLOT].atr
            board.clear_faults()
            await session(terminal, "generic-t0t1")

    async def session_commands(terminal: Terminal) -> None:
        for command, _ in GENERIC:
            await terminal.transmit(SLOT, bytes.fromhex(command))

    run("generic-t0t1", test)


# ISO7816: act-clock-stop
def test_an_idle_card_loses_its_clock_and_not_its_state(run: Run) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        contacts = board.bus.lines[SLOT].contacts
        await terminal.power_on(SLOT)
        assert (await terminal.transmit(SLOT, bytes.fromhex(GENERIC[0][0]))).sw == 0x9000
        await board.bus.wait(1500)
        for _ in range(2000):
            await board.settled()
            if not contacts.khz:
                break
        assert (contacts.khz, contacts.level, contacts.volt_class) == (0, 1, 1)
        answer = await terminal.transmit(SLOT, bytes.fromhex(GENERIC[1][0]))
        assert answer.data == b"\x01\x02\x03\x04"  # the file is still selected
        assert contacts.khz == 4000

    run("generic-t0-stop", test)
