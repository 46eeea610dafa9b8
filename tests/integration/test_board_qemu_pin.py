"""A code typed on the keypad of the Cortex-M3: afterwards it is nowhere in the machine's memory, nor did it leave by another way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_sim_terminal import running
from tests.tools import qemu as images
from tournee.terminal.client import Terminal
from tournee.terminal.errors import TerminalError
from tournee.terminal.model import PinRequest
from tournee_sim.boards.link import FrameCounter
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.boards.unix import BoardConfig, BoardError, UnixBoard

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image
PIN = "8064"
WRONG = "80639517"
VERIFY_ANSWER = bytes.fromhex("9000FF")
CANCEL, CORRECT, OK = "\x1b", "\b", "\r"
SHORT = PinRequest(bytes.fromhex("00200001"), 4, 4, "Code porteur")
LONG = PinRequest(bytes.fromhex("00200001"), 4, 8, "Code porteur", pad_to=8, pad=0xFF)


@pytest.fixture
def config(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardConfig:
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    return BoardConfig(
        keys=keys, state=tmp_path / "state", pin=PIN, trace=tmp_path / "apdu.log", seed=1, board="qemu", vitale=None
    )


def traces(digits: str) -> Iterator[tuple[str, bytes]]:
    """Ways in which `digits` may stand in memory; short ones in twos are left out, chance would find them."""
    numbers = [int(digit) for digit in digits]
    packed = bytes.fromhex(digits)
    yield "characters", digits.encode()
    yield "characters, backwards", digits[::-1].encode()
    yield "numbers", bytes(numbers)
    yield "template of ISO 9564 format 2", bytes([0x20 | len(digits)]) + packed
    yield "a string in the heap, as UTF-16", digits.encode("utf-16-le")
    if len(digits) >= 8:
        yield "BCD", packed
        yield "swapped BCD", bytes((byte << 4 | byte >> 4) & 0xFF for byte in packed)
    for name, of in (("numbers", numbers), ("characters", [ord(digit) for digit in digits])):
        yield f"{name} in words", b"".join(n.to_bytes(4, "little") for n in of)
        yield f"{name} as small integers", b"".join((n << 1 | 1).to_bytes(4, "little") for n in of)
        yield f"{name} in half words", b"".join(n.to_bytes(2, "little") for n in of)


def found(memory: bytes, digits: str) -> list[str]:
    return [name for name, pattern in traces(digits) if pattern in memory]


async def entered(board: UnixBoard, terminal: Terminal, request: PinRequest, keys: str) -> int | str:
    """SW of a VERIFY whose code was typed, or what refused it."""
    entry = asyncio.ensure_future(terminal.verify_pin(0, request))
    await board.wait_display(lambda lines: "OK=valider" in lines[3])
    board.type(keys)
    try:
        return (await entry).sw
    except TerminalError as error:
        return type(error).__name__


def test_nothing_of_a_typed_code_stays_in_memory_files_or_link(
    config: BoardConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossed = bytearray()
    feed = FrameCounter.feed

    def seen(counter: FrameCounter, data: bytes) -> int:
        crossed.extend(data)
        return feed(counter, data)

    monkeypatch.setattr(FrameCounter, "feed", seen)

    async def main() -> None:
        async with running(config) as (board, terminal):
            await terminal.power_on(0)
            before = await board.memory()
            assert len(before) > 8 * 1024 * 1024
            assert b"Code porteur" in before  # the firmware's texts are in it
            assert not found(before, PIN) and not found(before, WRONG)
            assert await entered(board, terminal, LONG, WRONG + OK) in (0x63C2, 0x6700)
            assert not found(await board.memory(), WRONG), "after a wrong code"
            assert await entered(board, terminal, LONG, WRONG[:7] + CANCEL) == "Cancelled"
            assert not found(await board.memory(), WRONG[:4]), "after a cancelled entry"
            assert await entered(board, terminal, SHORT, PIN[:3] + "9" + CORRECT + PIN[3] + OK) == 0x9000
            for _ in range(3):  # what garbage holds it is not collected for long
                memory = await board.memory()
                assert not found(memory, PIN), "after the right code"
                await terminal.info()
            log = await terminal.log()
            assert PIN not in str(log)

    asyncio.run(asyncio.wait_for(main(), 200))
    assert VERIFY_ANSWER in crossed  # both directions are seen
    assert not found(bytes(crossed), PIN) and not found(bytes(crossed), WRONG)
    for path in [tmp_path / "apdu.log", *(tmp_path / "state").glob("*.log")]:
        text = path.read_bytes()
        assert PIN.encode() not in text and WRONG.encode() not in text and PIN.encode().hex().encode() not in text, path


def test_a_code_on_its_way_is_found_by_the_same_search(config: BoardConfig) -> None:
    """Else the search could be blind: half typed, the digits stand in the keypad's buffer."""

    async def main() -> None:
        async with running(config) as (board, terminal):
            await terminal.power_on(0)
            entry = asyncio.ensure_future(terminal.verify_pin(0, LONG))
            await board.wait_display(lambda lines: "OK=valider" in lines[3])
            board.type(WRONG)
            await board.wait_display(lambda lines: lines[1].count("*") == len(WRONG))
            assert found(await board.memory(), WRONG) == ["characters"]
            board.type(CANCEL)
            with pytest.raises(TerminalError):
                await entry

    asyncio.run(asyncio.wait_for(main(), 100))


def test_only_qemu_can_be_looked_into(config: BoardConfig) -> None:
    async def main() -> None:
        board = UnixBoard(replace(config, board="unix"))
        with pytest.raises(BoardError, match="--board qemu"):
            await board.memory()

    asyncio.run(main())
