"""T=1 cards at byte level against the real firmware: LRC, CRC, both paces, extended length, channels, and every fault of the line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tournee.link.adapters import transport
from tournee.terminal import errors
from tournee.terminal.client import Terminal
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.cards import factory
from tournee_sim.faults import parse
from tournee_sim.pytest_plugin import need

SELECT = bytes.fromhex("00A4000C020101")
SMALL = bytes.fromhex("00A4000C020102")
READ = bytes.fromhex("00B0000004")
SLOT = 1


@pytest.fixture
def config(keys: Path, tmp_path: Path) -> Callable[..., BoardConfig]:
    need("micropython")

    def make(card: str = "generic-t1", pace: str = "fast") -> BoardConfig:
        return BoardConfig(keys=keys, state=tmp_path / "state", pin="4711", cps=None, vitale=card, seed=1, pace=pace)

    return make


def run(config: BoardConfig, test: Callable[[UnixBoard, Terminal], Awaitable[None]]) -> None:
    async def main() -> None:
        async with UnixBoard(config) as board, Terminal(transport(board.url), os.urandom(8)) as terminal:
            await test(board, terminal)

    asyncio.run(asyncio.wait_for(main(), 100))


async def read_small(terminal: Terminal) -> None:
    assert (await terminal.transmit(SLOT, SMALL)).sw == 0x9000
    answer = await terminal.transmit(SLOT, READ)
    assert (answer.data, answer.sw) == (b"\x01\x02\x03\x04", 0x9000)


# ISO7816: t0-wt chr-guard
@pytest.mark.parametrize("atr", ["3B804001", "3B40FE"])
def test_a_command_longer_on_the_line_than_the_waiting_time(
    config: Callable[..., BoardConfig], monkeypatch: pytest.MonkeyPatch, atr: str
) -> None:
    """WI = 1: 90 ms for the card, 284 for 255 bytes to it; N = 254: 893 and 6 300."""
    monkeypatch.setattr(factory, "_variant", lambda profile, card_id: replace(profile, atr=bytes.fromhex(atr)))

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(SLOT)
        assert (await terminal.transmit(SLOT, SELECT)).sw == 0x9000
        data = bytes(range(255))
        assert (await terminal.transmit(SLOT, bytes.fromhex("00D60000FF") + data)).sw == 0x9000
        assert (await terminal.transmit(SLOT, bytes.fromhex("00B00000FF"))).data == data

    run(config(), test)


# ISO7816: apdu-t1 apdu-envelope t1-chain
@pytest.mark.parametrize(
    ("card", "pace", "protocol"),
    [
        ("generic-t1", "fast", 1),
        ("generic-t1", "real", 1),
        ("generic-t1-crc", "fast", 1),
        ("generic-t0t1", "fast", 0),
    ],
)
def test_extended_length_both_ways(config: Callable[..., BoardConfig], card: str, pace: str, protocol: int) -> None:
    """900 bytes written by one command and read by one: chains on T=1, ENVELOPE and GET RESPONSE on T=0."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        power = await terminal.power_on(SLOT)
        assert (power.protocol, power.fidi) == (protocol, 0x13)
        byte_card = board.bus.lines[SLOT].card
        assert byte_card is not None and (byte_card.protocol, byte_card.f_d) == (protocol, (372, 4))
        assert (await terminal.transmit(SLOT, SELECT)).sw == 0x9000
        data = bytes(n * 7 & 0xFF for n in range(900))
        update = bytes.fromhex("00D60000 00") + len(data).to_bytes(2, "big") + data
        assert (await terminal.transmit(SLOT, update)).sw == 0x9000
        if protocol == 1:
            answer = await terminal.transmit(SLOT, bytes.fromhex("00B00000 00") + len(data).to_bytes(2, "big"))
            assert (answer.data, answer.sw) == (data, 0x9000)
        answer = await terminal.transmit(SLOT, bytes.fromhex("00B0000A20"))
        assert (answer.data, answer.sw) == (data[10:42], 0x9000)

    run(config(card, pace), test)


# ISO7816: apdu-channel
def test_logical_channels(config: Callable[..., BoardConfig]) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(SLOT)
        assert (await terminal.transmit(SLOT, bytes.fromhex("0070000001"))).data == b"\x01"
        assert (await terminal.transmit(SLOT, b"\x01" + SMALL[1:])).sw == 0x9000
        assert (await terminal.transmit(SLOT, b"\x01" + READ[1:])).data == b"\x01\x02\x03\x04"
        assert (await terminal.transmit(SLOT, READ)).sw == 0x6986

    run(config(), test)


# ISO7816: t1-r t1-wtx t1-edc
@pytest.mark.parametrize("card", ["generic-t1", "generic-t1-crc"])
@pytest.mark.parametrize("fault", ["bad-edc", "lost-block", "wtx", "silent"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_bad_line_is_repaired(config: Callable[..., BoardConfig], card: str, fault: str, count: int) -> None:
    """One or two bad blocks of any kind, the command is done once and answered."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(SLOT)
        await read_small(terminal)
        board.fault(parse(fault, count=count), SLOT)
        await read_small(terminal)

    run(config(card), test)


# ISO7816: t1-resynch
@pytest.mark.parametrize("fault", ["bad-edc", "lost-block"])
def test_three_bad_blocks_are_resynchronised_and_the_card_is_kept(
    config: Callable[..., BoardConfig], fault: str
) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(SLOT)
        await read_small(terminal)
        board.fault(parse(fault, count=3), SLOT)
        with pytest.raises(errors.TerminalError):
            await terminal.transmit(SLOT, READ)
        answer = await terminal.transmit(SLOT, READ)
        assert answer.data == b"\x01\x02\x03\x04"  # the file is still selected: there was no reset

    run(config(), test)


# ISO7816: t1-resynch act-mute
@pytest.mark.parametrize("fault", ["bad-edc", "silent", "mute"])
def test_a_line_that_stays_bad_frees_the_slot(config: Callable[..., BoardConfig], fault: str) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        if fault != "mute":
            await terminal.power_on(SLOT)
        board.fault(parse(fault), SLOT)
        with pytest.raises(errors.TerminalError):
            await (terminal.power_on(SLOT) if fault == "mute" else terminal.transmit(SLOT, READ))
        slots = await terminal.slots()
        assert not slots[SLOT].atr
        board.clear_faults()
        await terminal.power_on(SLOT)
        await read_small(terminal)

    run(config(), test)


# ISO7816: t1-abort t1-wtx
@pytest.mark.parametrize("fault", ["overrun", "card-abort", "wtx", "sw-6f00"])
def test_the_next_command_works_after(config: Callable[..., BoardConfig], fault: str) -> None:
    async def test(board: UnixBoard, terminal: Terminal) -> None:
        await terminal.power_on(SLOT)
        await read_small(terminal)
        board.fault(parse(fault, count=1), SLOT)
        try:
            await terminal.transmit(SLOT, READ)
        except errors.TerminalError:
            await terminal.power_on(SLOT)
        await read_small(terminal)

    run(config(), test)


# ISO7816: pps-failed atr-ts atr-tck
@pytest.mark.parametrize("fault", ["pps-mute", "pps-refused", "pps-garbage", "garbage-atr", "bad-tck"])
@pytest.mark.parametrize("card", ["generic-t1", "generic-t0t1"])
def test_activation_faults(config: Callable[..., BoardConfig], card: str, fault: str) -> None:
    """One bad reset or PPS: the card is used all the same, at 372/1 when it did not agree to more."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        board.fault(parse(fault, count=1), SLOT)
        power = await terminal.power_on(SLOT)
        assert power.fidi == (0x11 if fault.startswith("pps") else 0x13)
        await read_small(terminal)

    run(config(card), test)


# ISO7816: act-removed
def test_pulled_at_every_byte(config: Callable[..., BoardConfig]) -> None:
    """IFS, a command and its answer: removed after each byte of the line, said so, and usable with the next card."""

    async def test(board: UnixBoard, terminal: Terminal) -> None:
        for after in range(0, 44, 3):
            await terminal.power_on(SLOT)
            board.fault(parse("pull", after=after), SLOT)
            with pytest.raises((errors.CardRemoved, errors.CardAbsent, errors.CardNotPowered)):
                await terminal.transmit(SLOT, SMALL)
                await terminal.transmit(SLOT, READ)
                await terminal.transmit(SLOT, READ)
            board.insert(SLOT, "generic-t1")
            await board.settled()
        await terminal.power_on(SLOT)
        await read_small(terminal)

    run(config(), test)
