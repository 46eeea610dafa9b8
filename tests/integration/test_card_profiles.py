"""Card profiles against the real firmware: CPS4 in both kinds, the volet CPS2ter, and every card of the negative set."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tournee.cards.desk import Desk
from tournee.link.adapters import transport
from tournee.terminal import errors
from tournee.terminal.client import Terminal
from tournee_protocol.link import SlotState, Status
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.people import negative
from tournee_sim.pytest_plugin import need

CHIPDOC = bytes.fromhex("01A4040C088025000001FF0100")
VOLET = bytes.fromhex("00A4040C088025000001FF0002")
SERIAL = bytes.fromhex("01B09C000C")
SELECT = bytes.fromhex("00A4000C023F00")
SMALL = bytes.fromhex("00A4000C020102")
READ = bytes.fromhex("00B0000004")
Test = Callable[[UnixBoard, Terminal], Awaitable[None]]
Run = Callable[..., None]

WRONG: dict[str, tuple[Status | None, Status | int]] = {
    "negative-mute": (Status.MUTE, 0),
    "negative-wrong-tck": (Status.BAD_ATR, 0),
    "negative-ts-garbage": (Status.BAD_ATR, 0),
    "negative-pulled": (None, Status.REMOVED),
    "negative-null-storm": (None, Status.TIMEOUT),
    "negative-overrun": (None, Status.TIMEOUT),
    "negative-parity-1": (None, 0x9000),
    "negative-parity-2": (None, 0x9000),
    "negative-parity-3": (None, 0x9000),
    "negative-parity-4": (None, Status.PARITY),
    "negative-pps-refused": (None, 0x9000),
    "negative-pps-mute": (None, 0x9000),
    "negative-sw-6f00": (None, 0x6F00),
    "negative-pin-blocked": (None, 0x9000),
    "negative-agent": (None, 0x6E00),
    "negative-bank": (None, 0x6E00),
}
"""What power-on ends with, then what a SELECT ends with: a status of the terminal, or the card's status word."""


@pytest.fixture
def run(keys: Path, tmp_path: Path) -> Run:
    need("micropython")

    def go(test: Test, cps: str | None = None, vitale: str | None = None) -> None:
        config = BoardConfig(
            keys=keys, state=tmp_path / "state", pin="4711", cps=cps, vitale=vitale, seed=1, auto_pin=True
        )

        async def main() -> None:
            async with UnixBoard(config) as board, Terminal(transport(board.url), os.urandom(8)) as terminal:
                await test(board, terminal)
                assert all(line.contacts.misuse == [] for line in board.bus.lines)

        asyncio.run(asyncio.wait_for(main(), 100))

    return go


def test_the_table_here_has_every_card_of_the_set() -> None:
    assert set(WRONG) == set(negative())


@pytest.mark.parametrize("card_id", list(WRONG))
def test_negative_cards(run: Run, card_id: str) -> None:
    """Answered as it should be, within its time; the slot takes the next card, and the other slot does not notice."""
    at_power, at_command = WRONG[card_id]

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(0)
        if at_power is not None:
            with pytest.raises(errors.TerminalError) as caught:
                await terminal.power_on(1)
            assert caught.value.status == at_power
        else:
            power = await terminal.power_on(1)
            if card_id.startswith("negative-pps"):
                assert power.fidi == 0x11
            command = SMALL if "parity" in card_id else SELECT
            if at_command in (Status.REMOVED, Status.TIMEOUT, Status.PARITY):
                with pytest.raises(errors.TerminalError) as caught:
                    await terminal.transmit(1, command)
                    await terminal.transmit(1, command)
                assert caught.value.status == at_command
                assert (await terminal.slots())[1].state in (SlotState.ABSENT, SlotState.PRESENT)
            else:
                assert (await terminal.transmit(1, command)).sw == at_command
            if card_id == "negative-pin-blocked":
                with pytest.raises(errors.PinBlocked):
                    await Desk(terminal).open_cps()
        if board.bus.lines[1].card:
            board.pull(1)
        await board.settled()
        board.insert(1, "vitale-famille")
        await board.settled()
        assert (await terminal.power_on(1)).fidi == 0x13
        assert (await terminal.transmit(1, SELECT)).sw == 0x9000
        assert (await terminal.transmit(0, SMALL)).sw == 0x9000  # still powered since before

    # the blocked CPS is looked for in both slots: a card without a person stands in the other one
    run(test, cps="generic-t0t1", vitale=card_id)


def test_swapped_slots_are_found_by_their_atr(run: Run) -> None:
    """Vitale in slot 0, CPS in slot 1 [§7.5]: a known trouble of the field, none here."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        desk = Desk(terminal)
        assert (await desk.patient()).beneficiaires
        assert (await desk.open_cps()).situations

    run(test, cps="vitale-famille", vitale="cps-medecin")


@pytest.mark.parametrize("card_id", ["cps4", "cps4-t0"])
def test_cps4(run: Run, card_id: str) -> None:
    """PPS to 31 clocks per etu, T=0 although T=1 is offered, ChipDoc on logical channel 1, GET RESPONSE on its channel."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        power = await terminal.power_on(0)
        assert (power.protocol, power.fidi) == (0, 0x18)
        byte_card = board.bus.lines[0].card
        assert byte_card is not None and byte_card.f_d == (372, 12)
        assert (await terminal.transmit(0, SERIAL)).sw == 0x6881
        assert (await terminal.transmit(0, CHIPDOC)).sw == 0x9000
        answer = await terminal.transmit(0, SERIAL)
        assert (answer.data[:7].hex(), answer.sw) == ("5a0a8025000001", 0x9000)
        fcp = await terminal.transmit(0, bytes.fromhex("01A4000402D00300"))
        assert (fcp.data[0], fcp.sw) == (0x62, 0x9000)

    run(test, cps=card_id)


def test_volet_cps2ter_of_a_cps3(run: Run) -> None:
    """9Fxx is the host's to follow."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(0)
        assert (await terminal.transmit(0, bytes.fromhex("A0A40000023F00"))).sw == 0x6E00
        assert (await terminal.transmit(0, VOLET)).sw == 0x9000
        assert (await terminal.transmit(0, bytes.fromhex("A0A40000023F00"))).sw == 0x9F07
        answer = await terminal.transmit(0, bytes.fromhex("A0C0000007"))
        assert (answer.data.hex(), answer.sw) == ("850500003f0001", 0x9000)

    run(test, cps="cps-medecin")
