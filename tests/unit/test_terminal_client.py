"""The client: at most once whatever the line does, typed errors, events, requests as the protocol wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.tools.terminal_peer import CutLine, Peer
from tournee.link.errors import LinkLost, LinkTimeout, LinkUnavailable
from tournee.terminal import Patience, PinRequest, Terminal, errors
from tournee.terminal.model import LinkChanged, SlotChanged, StepAnswer
from tournee_protocol import link
from tournee_protocol.link import Event, Op, SlotState, Status

QUICK = Patience(silence_ms=60, repeats=2, reconnect_s=5.0, busy_ms=2000)
PIN = PinRequest(bytes([0, 0x20, 0, 1]), 4, 4, "Code porteur CPS")
VERIFIED = link.PinVerifyReply.build({"sw": 0x9000, "tries_left": 3})


def _answers(op: int, body: bytes) -> tuple[int, bytes]:
    if op == Op.PIN_VERIFY:
        return 0, VERIFIED
    if op == Op.APDU:
        return 0, bytes(256) + b"\x90\x00"
    return 0, b""


def _drive(
    use: Callable[[Terminal, CutLine], Awaitable[None]],
    handler: Callable[[int, bytes], tuple[int, bytes]] = _answers,
    patience: Patience = QUICK,
) -> Peer:
    peer = Peer(handler)
    line = CutLine(peer)

    async def run() -> None:
        terminal = Terminal(line, bytes(8), patience=patience)
        await terminal.open()
        try:
            await use(terminal, line)
        finally:
            await terminal.close()

    asyncio.run(asyncio.wait_for(run(), 30))
    return peer


def _frame_bytes(op: Op, body_bytes: int) -> int:
    return 8 + 6 + body_bytes + 4


def test_a_pin_try_is_run_once_with_the_line_cut_at_every_byte_of_the_request() -> None:
    total = _frame_bytes(Op.PIN_VERIFY, 11 + len(PIN.prompt))
    for cut in range(total + 1):

        async def use(terminal: Terminal, line: CutLine, cut: int = cut) -> None:
            line.cut_out = cut
            result = await terminal.verify_pin(0, PIN)
            assert result.verified

        peer = _drive(use)
        assert [op for op, _, _ in peer.ran].count(Op.PIN_VERIFY) == 1, cut


def test_a_signature_is_run_once_with_the_line_cut_at_every_byte_of_the_answer() -> None:
    total = _frame_bytes(Op.APDU, 1 + 258)
    for cut in range(total + 1):

        async def use(terminal: Terminal, line: CutLine, cut: int = cut) -> None:
            line.cut_in = cut
            answer = await terminal.transmit(0, bytes.fromhex("002A9E9A00"))
            assert (len(answer.data), answer.sw) == (256, 0x9000)

        peer = _drive(use)
        assert [op for op, _, _ in peer.ran].count(Op.APDU) == 1, cut


@pytest.mark.parametrize("cut", ["cut_in", "cut_out"])
@pytest.mark.parametrize("at", [0, 10, 20])
def test_a_reboot_in_mid_pin_try_is_told_as_unknown_and_not_repeated(cut: str, at: int) -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        setattr(line, cut, at)
        line.on_cut = line.peer.reboot
        with pytest.raises(errors.OutcomeUnknown) as caught:
            await terminal.verify_pin(0, PIN)
        assert caught.value.op == Op.PIN_VERIFY
        assert caught.value.restarted
        line.on_cut = lambda: None
        await terminal.display("encore là")  # the client goes on in the new session

    peer = _drive(use)
    assert [op for op, _, _ in peer.ran].count(Op.PIN_VERIFY) <= 1
    assert [op for op, _, _ in peer.ran].count(Op.DISPLAY) == 1


def test_a_reboot_in_mid_question_is_a_restart_and_a_mere_display_is_shown_again() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        line.cut_in, line.on_cut = 0, line.peer.reboot
        with pytest.raises(errors.TerminalRestarted):
            await terminal.confirm("x")
        line.cut_in = 0
        await terminal.display("x")

    peer = _drive(use)
    assert [op for op, _, _ in peer.ran] == [Op.CONFIRM, Op.DISPLAY, Op.DISPLAY, Op.GOODBYE]


def test_a_reboot_behind_a_line_that_stays_up() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        line.peer.reboot()
        await terminal.display("first after it")
        line.peer.reboot()
        with pytest.raises(errors.TerminalRestarted):  # sent once and refused: it was not run
            await terminal.verify_pin(0, PIN)
        line.deaf, line.on_deaf = 1, line.peer.reboot
        with pytest.raises(errors.OutcomeUnknown):  # run, its answer lost, then the boot
            await terminal.verify_pin(0, PIN)

    peer = _drive(use)
    assert [op for op, _, _ in peer.ran] == [Op.DISPLAY, Op.PIN_VERIFY, Op.GOODBYE]


def test_a_line_that_does_not_come_back_leaves_the_outcome_unknown() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        line.cut_in, line.refuse_opens = 3, 10**6
        with pytest.raises(errors.OutcomeUnknown) as caught:
            await terminal.verify_pin(0, PIN)
        assert not caught.value.restarted
        line.refuse_opens = 0
        await terminal.display("retour")

    peer = _drive(use, patience=Patience(silence_ms=60, repeats=1, reconnect_s=0.2))
    assert [op for op, _, _ in peer.ran] == [Op.PIN_VERIFY, Op.DISPLAY, Op.GOODBYE]
    numbers = [number for _, number, _ in peer.ran]
    assert numbers == sorted(set(numbers))


def test_the_line_is_opened_again_after_some_refusals() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        events = terminal.events()
        line.cut_in, line.refuse_opens = 1, 2
        assert (await terminal.verify_pin(0, PIN)).verified
        assert await anext(events) == LinkChanged(False)
        assert await anext(events) == LinkChanged(True)

    _drive(use)


def test_an_answer_that_is_lost_is_asked_for_again_and_not_run_again() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        line.deaf = 2
        assert (await terminal.verify_pin(0, PIN)).verified

    peer = _drive(use)
    assert [op for op, _, _ in peer.ran].count(Op.PIN_VERIFY) == 1


def test_a_terminal_that_says_nothing_any_more() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        line.deaf = 10**6
        with pytest.raises(LinkTimeout):
            await terminal.display("x")

    _drive(use, patience=Patience(silence_ms=20, repeats=1, reconnect_s=0.1))


def test_busy_is_waited_for() -> None:
    turns = iter([Status.BUSY, Status.BUSY])

    def handler(op: int, body: bytes) -> tuple[int, bytes]:
        return next(turns, Status.OK), b""

    async def use(terminal: Terminal, line: CutLine) -> None:
        peer = line.peer
        real = peer.answer

        def answer(message: bytes) -> bytes:
            reply: bytes = real(message)
            if reply[6] == Status.BUSY:
                peer.stored = (peer.stored[0] - 1, b"")  # BUSY is not stored
            return reply

        peer.answer = answer
        await terminal.display("x")

    _drive(use, handler)


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.OK, Status.BUSY, Status.NO_SESSION)])
def test_every_status_is_a_typed_error_with_a_remedy(status: Status) -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        with pytest.raises(errors.TerminalError) as caught:
            await terminal.transmit(1, b"\0\0\0\0")
        assert caught.value.status == status
        assert caught.value.slot == 1
        assert caught.value.what and caught.value.remedy
        assert "{" not in caught.value.what
        assert caught.value.exit_code == 4

    _drive(use, lambda op, body: (status, b"") if op == Op.APDU else (0, b""))


def test_a_status_of_a_newer_terminal_is_no_bug() -> None:
    assert "99" in errors.from_status(99).what


def test_requests_and_answers_of_each_call() -> None:
    replies = {
        Op.INFO: link.InfoReply.build(
            {
                "firmware": b"0.1.0",
                "board": b"UNIX",
                "micropython": b"1.28",
                "manifest": b"ab" * 32,
                "channel": b"none",
                "name": "Tournée".encode(),
                "boot_id": b"12345678",
                "pin_locked": 1,
                "free_heap": 1000,
                "uptime_s": 7,
            }
        ),
        Op.SLOTS: link.SlotsReply.build(
            {"slots": [{"slot": 0, "state": 2, "protocol": 0, "fidi": 0x11, "atr": b"\x3b\x00"}]}
        ),
        Op.POWER_ON: link.PowerOnReply.build({"protocol": 0, "fidi": 0x13, "voltage": 1, "atr": b"\x3b\x00"}),
        Op.SCRIPT: b"\x00\x00" + b"\x80\x90\x00\x00\x01a" + b"\x00\x90\x00\x00\x01b" + b"\x03\x6a\x82\x00\x00",
        Op.PIN_VERIFY: link.PinVerifyReply.build({"sw": 0x63C2, "tries_left": 2}),
        Op.CONFIRM: b"\x01",
        Op.LOG: "journal é".encode(),
    }

    async def use(terminal: Terminal, line: CutLine) -> None:
        info = await terminal.info()
        assert (info.name, info.pin_locked, info.channel) == ("Tournée", True, "none")
        (slot,) = await terminal.slots()
        assert (slot.state, slot.atr) == (SlotState.POWERED, b"\x3b\x00")
        assert (await terminal.power_on(0)).fidi == 0x13
        assert await terminal.run_script(0, b"") == [StepAnswer(0, 0x9000, b"ab"), StepAnswer(3, 0x6A82, b"")]
        result = await terminal.verify_pin(1, PIN)
        assert (result.verified, result.tries_left) == (False, 2)
        assert await terminal.confirm("Signer ?") is True
        assert await terminal.log() == "journal é"
        assert terminal.round_trips == 7

    peer = _drive(use, lambda op, body: (0, replies.get(op, b"")))
    sent = {op: body for op, _, body in peer.ran}
    assert sent[Op.PIN_VERIFY] == bytes.fromhex("0100200001040400ff3c") + bytes([len(PIN.prompt)]) + PIN.prompt.encode()
    assert sent[Op.CONFIRM] == b"\x3c\x08Signer ?"


def test_a_cut_answer_is_a_typed_error() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        for call in (terminal.info(), terminal.slots(), terminal.transmit(0, b"\0\0\0\0"), terminal.run_script(0, b"")):
            with pytest.raises(errors.TerminalError):
                await call

    _drive(use, lambda op, body: (0, b"\x05"))


def test_events_reach_every_listener_and_end_with_the_terminal() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        first, second = terminal.events(), terminal.events()
        line.event(Event.SLOT, b"\x01\x00")
        line.event(200, b"?")
        assert await anext(first) == await anext(second) == SlotChanged(1, SlotState.ABSENT)
        await terminal.close()
        with pytest.raises(StopAsyncIteration):
            await anext(first)
        with pytest.raises(LinkLost):
            await terminal.slots()

    _drive(use)


def test_concurrent_callers_wait_for_each_other() -> None:
    async def use(terminal: Terminal, line: CutLine) -> None:
        await asyncio.gather(*(terminal.display(str(n)) for n in range(5)))

    peer = _drive(use)
    assert [n for _, n, _ in peer.ran] == [1, 2, 3, 4, 5, 6]


def test_a_session_taken_over_ends_what_a_killed_program_left_running() -> None:
    peer = Peer(_answers)

    async def run() -> None:
        first = Terminal(CutLine(peer), bytes(8), patience=QUICK)
        await first.open()
        await first.display("x")
        await first.detach()
        assert peer.out_of_band == []
        second = Terminal(CutLine(peer), bytes(8), patience=QUICK)
        await second.open()
        assert peer.out_of_band == [Op.CANCEL]
        await second.display("y")
        await second.detach()

    asyncio.run(run())
    assert [number for _, number, _ in peer.ran] == [1, 3], "number 2 may have been sent and not run"


def test_no_terminal_there() -> None:
    line = CutLine(Peer(_answers))
    line.refuse_opens = 1
    with pytest.raises(LinkUnavailable):
        asyncio.run(Terminal(line, bytes(8)).open())
