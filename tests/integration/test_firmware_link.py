"""At most once with the real firmware and byte-level cards: the link cut at every byte, and the terminal restarted.

What counts is what the card counted: PIN tries and signatures, never what the host believes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tournee.terminal import Patience, PinRequest, Terminal, errors
from tournee.terminal.adapters import connect
from tournee_protocol.link import CRC_BYTES, HEADER_BYTES
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.faults import Fault, LinkFault
from tournee_sim.pytest_plugin import need

CPS = 0
PIN = PinRequest(bytes([0x00, 0x20, 0x00, 0x01]), 4, 4, "Code porteur")
MESSAGE_HEAD = 6
FRAME = HEADER_BYTES + MESSAGE_HEAD + CRC_BYTES
PIN_REQUEST_BYTES = FRAME + 11 + len(PIN.prompt)
PIN_ANSWER_BYTES = (2 + 4) * (FRAME + 1) + FRAME + 4  # keypad opened and closed, an event per digit, the answer
SIGN = bytes.fromhex("002A9E9A00")
SIGN_REQUEST_BYTES = FRAME + 1 + len(SIGN)
SIGN_ANSWER_BYTES = FRAME + 1 + 256 + 2
HASH_LAST_BLOCK = bytes.fromhex("002A90A0 26 9000 80 22") + b"SVSIM1" + bytes(28)
PATIENCE = Patience(silence_ms=1500, repeats=3, reconnect_s=20)


@pytest.fixture
def config(keys: Path, tmp_path: Path) -> BoardConfig:
    need("micropython")
    return BoardConfig(keys=keys, state=tmp_path / "state", vitale=None, auto_pin=True, seed=1)


def run(body: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(body, 400))


def counted(board: UnixBoard, what: str) -> int:
    return int(board.counters()["cards"][CPS].get(what, 0))


async def with_terminal(
    config: BoardConfig, use: Callable[[UnixBoard, Terminal], Awaitable[None]], patience: Patience = PATIENCE
) -> None:
    async with UnixBoard(config) as board:
        terminal = await connect(board.url, patience=patience)
        try:
            await terminal.power_on(CPS)
            await use(board, terminal)
        finally:
            await terminal.close()


def cut(board: UnixBoard, direction: str, after: int) -> None:
    board.fault(Fault(LinkFault.CUT, after=after, direction=direction))


@pytest.mark.parametrize(("direction", "total"), [("to_board", PIN_REQUEST_BYTES), ("to_host", PIN_ANSWER_BYTES)])
def test_a_pin_try_is_made_once_with_the_link_cut_at_every_byte(
    config: BoardConfig, direction: str, total: int
) -> None:
    async def use(board: UnixBoard, terminal: Terminal) -> None:
        boot = terminal.boot_id
        for after in range(1, total + 1):
            await terminal.power_on(CPS)  # a PIN that holds would not be asked again
            before = counted(board, "verify"), board.counters()["cuts"]
            cut(board, direction, after)
            result = await terminal.verify_pin(CPS, PIN)
            assert result.verified, after
            assert counted(board, "verify") == before[0] + 1, after
            assert board.counters()["cuts"] == before[1] + 1, after
        assert terminal.boot_id == boot

    run(with_terminal(config, use))


def test_a_wrong_pin_costs_one_try_with_the_link_cut_at_every_third_byte(config: BoardConfig) -> None:
    """The counter of the card, not only the number of commands."""
    config = BoardConfig(**(vars(config) | {"auto_pin": False}))

    async def use(board: UnixBoard, terminal: Terminal) -> None:
        wrong = "0000" if board.pin != "0000" else "1111"
        for after in range(1, PIN_ANSWER_BYTES, 3):
            for typed, left in ((wrong, 2), (board.pin, None)):
                await terminal.power_on(CPS)
                if left is not None:
                    cut(board, "to_host", after)
                before = counted(board, "verify")
                task = asyncio.ensure_future(terminal.verify_pin(CPS, PIN))
                await board.wait_display(lambda lines: lines[3].startswith("OK=valider"))
                board.type(typed + "\r")
                result = await task
                assert result.verified == (left is None), after
                assert left is None or result.tries_left == left, after
                assert counted(board, "verify") == before + 1, after

    run(with_terminal(config, use))


@pytest.mark.parametrize(("direction", "total"), [("to_board", SIGN_REQUEST_BYTES), ("to_host", SIGN_ANSWER_BYTES)])
def test_a_signature_is_made_once_with_the_link_cut_at_every_byte(
    config: BoardConfig, direction: str, total: int
) -> None:
    async def use(board: UnixBoard, terminal: Terminal) -> None:
        assert (await terminal.verify_pin(CPS, PIN)).verified
        for apdu in ("00A4090C043F000001", "002241AA03800140"):
            assert (await terminal.transmit(CPS, bytes.fromhex(apdu))).sw == 0x9000
        made = set()
        for after in range(1, total + 1):
            assert (await terminal.transmit(CPS, HASH_LAST_BLOCK)).sw == 0x9000
            assert (await terminal.transmit(CPS, bytes.fromhex("002241B606800142840181"))).sw == 0x9000
            before = counted(board, "sign"), board.counters()["cuts"]
            cut(board, direction, after)
            answer = await terminal.transmit(CPS, SIGN)
            assert (len(answer.data), answer.sw) == (256, 0x9000), after
            assert counted(board, "sign") == before[0] + 1, after
            assert board.counters()["cuts"] == before[1] + 1, after
            made.add(answer.data)
        assert len(made) == 1  # PKCS#1 v1.5 over the same message: the answer given again is the right one, whole

    run(with_terminal(config, use))


def test_a_restarted_terminal_has_another_boot_id_and_the_try_is_unknown(config: BoardConfig) -> None:
    """Power cut of the terminal while the PIN is typed: no try was spent, and the host is not told otherwise."""
    config = BoardConfig(**(vars(config) | {"auto_pin": False}))

    async def use(board: UnixBoard, terminal: Terminal) -> None:
        boot = terminal.boot_id
        task = asyncio.ensure_future(terminal.verify_pin(CPS, PIN))
        await board.wait_display(lambda lines: lines[3].startswith("OK=valider"))
        await board.restart()
        cut(board, "any", 0)
        with pytest.raises(errors.OutcomeUnknown):
            await task
        assert terminal.boot_id not in (None, boot)
        assert counted(board, "verify") == 0
        await terminal.power_on(CPS)
        assert (await terminal.info()).pin_locked

    run(with_terminal(config, use))


def test_a_terminal_that_dies_after_the_signature_makes_it_unknown_never_twice(config: BoardConfig) -> None:
    async def use(board: UnixBoard, terminal: Terminal) -> None:
        assert (await terminal.verify_pin(CPS, PIN)).verified
        for apdu in ("00A4090C043F000001", "002241AA03800140", HASH_LAST_BLOCK.hex(), "002241B606800142840181"):
            assert (await terminal.transmit(CPS, bytes.fromhex(apdu))).sw == 0x9000
        cut(board, "to_host", 5)
        stopped = asyncio.ensure_future(_restart_when_signed(board))
        with pytest.raises(errors.OutcomeUnknown):
            await terminal.transmit(CPS, SIGN)
        await stopped
        assert counted(board, "sign") == 1

    run(with_terminal(config, use))


async def _restart_when_signed(board: UnixBoard) -> None:
    while counted(board, "sign") == 0:  # noqa: ASYNC110 (the card has no event for it)
        await asyncio.sleep(0)
    await board.restart()


def test_a_terminal_killed_at_each_message_of_a_signature(config: BoardConfig) -> None:
    """Power cut after the n-th message of power-on, PIN and signature, for every n: at most one try, at most one signature; the second
    attempt, after the restart, succeeds."""

    async def attempt(terminal: Terminal) -> bytes:
        await terminal.power_on(CPS)
        assert (await terminal.verify_pin(CPS, PIN)).verified
        for apdu in ("00A4090C043F000001", "002241AA03800140", HASH_LAST_BLOCK.hex(), "002241B606800142840181"):
            assert (await terminal.transmit(CPS, bytes.fromhex(apdu))).sw == 0x9000
        return (await terminal.transmit(CPS, SIGN)).data

    async def use(board: UnixBoard, terminal: Terminal) -> None:
        kept_up = asyncio.ensure_future(_keep_up(board))
        unknown = killed = 0
        for message in range(1, 100):
            before = counted(board, "verify"), counted(board, "sign")
            board.fault(Fault(LinkFault.KILL, after=message, direction="any"))
            boot = terminal.boot_id
            try:
                await attempt(terminal)
            except errors.OutcomeUnknown:
                unknown += 1
            except errors.TerminalError:  # restarted or no session: it was not run
                pass
            board.clear_faults()
            assert counted(board, "verify") <= before[0] + 1, message
            assert counted(board, "sign") <= before[1] + 1, message
            before = counted(board, "verify"), counted(board, "sign")
            assert len(await attempt(terminal)) == 256, message
            assert (counted(board, "verify"), counted(board, "sign")) == (before[0] + 1, before[1] + 1), message
            if terminal.boot_id == boot:
                break  # the attempt has fewer messages
            killed += 1
        kept_up.cancel()
        assert killed > 15 and unknown > 2, (killed, unknown)

    run(with_terminal(config, use, Patience(silence_ms=250, repeats=8, reconnect_s=20)))


async def _keep_up(board: UnixBoard) -> None:
    """Power comes back as soon as it has gone."""
    while True:
        if not board.running:
            await board.restart()
        await asyncio.sleep(0.01)


def test_two_boots_never_share_an_id(config: BoardConfig) -> None:
    async def use(board: UnixBoard, terminal: Terminal) -> None:
        ids = {terminal.boot_id}
        await terminal.detach()  # one host at a time
        for _ in range(3):
            await board.restart()
            other = await connect(board.url, session_id=os.urandom(8), patience=PATIENCE)
            ids.add(other.boot_id)
            await other.detach()
        assert len(ids) == 4

    run(with_terminal(config, use))
