"""PC/SC at the seam of pyscard: what our reader makes of its connections and exceptions (the real stack: tests/integration/test_pcsc.py)."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tournee.cards.adapters.pcsc import PcscReader, ask_on_this_computer
from tournee.cards.script import apdu, build, read
from tournee.link.errors import LinkUnavailable
from tournee.link.url import parse
from tournee.terminal import errors
from tournee.terminal.model import PinRequest, StepAnswer
from tournee_protocol.link import SlotState

ATR = [0x3B, 0x00]
PIN = PinRequest(bytes([0, 0x20, 0, 1]), 4, 4, "Code")


class NoCard(Exception):
    pass


class Broken(Exception):
    pass


class Connection:
    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        slot.contexts += 1

    def connect(self) -> None:
        if self.slot.state == "absent":
            raise NoCard
        if self.slot.state == "mute":
            raise Broken

    def release(self) -> None:
        self.slot.contexts -= 1

    def getATR(self) -> list[int]:
        return ATR

    def getProtocol(self) -> int:
        return 1

    def transmit(self, command: list[int]) -> tuple[list[int], int, int]:
        if self.slot.state != "present":
            raise Broken
        self.slot.sent.append(bytes(command).hex())
        raw = bytes.fromhex(self.slot.answers.get(bytes(command).hex(), "6D00"))
        return list(raw[:-2]), raw[-2], raw[-1]


class Slot:
    def __init__(self, name: str, state: str = "present", answers: dict[str, str] | None = None) -> None:
        self.name, self.state, self.answers = name, state, answers or {}
        self.sent: list[str] = []
        self.contexts = 0

    def __str__(self) -> str:
        return self.name

    def createConnection(self) -> Connection:
        return Connection(self)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts readers in place of those of this computer."""

    def use(*slots: Slot) -> None:
        module = ModuleType("smartcard")
        module.System = SimpleNamespace(readers=lambda: list(slots))  # type: ignore[attr-defined]
        module.Exceptions = SimpleNamespace(NoCardException=NoCard, CardConnectionException=Broken)  # type: ignore[attr-defined]
        for name in ("smartcard", "smartcard.System", "smartcard.Exceptions"):
            monkeypatch.setitem(sys.modules, name, module)

    return use


def _open(name: str = "", pins: list[str] | None = None) -> PcscReader:
    def ask(prompt: str, least: int, most: int) -> str:
        if not pins:
            raise EOFError
        return pins.pop(0)

    return asyncio.run(PcscReader.open(parse(f"pcsc:{name}"), ask_pin=ask))


def test_names_choose_the_slots(library: Any) -> None:
    library(Slot("ACME 00 00"), Slot("Other"), Slot("ACME 00 01", "absent"))
    assert _open("acme").names == ["ACME 00 00", "ACME 00 01"]
    assert len(_open().names) == 3
    with pytest.raises(LinkUnavailable, match="ACME 00 00, Other"):
        _open("nobody")


def test_without_pyscard_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("smartcard", "smartcard.System"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LinkUnavailable, match="PC/SC") as caught:
        _open()
    assert "tournee[pcsc]" in caught.value.remedy


def test_6c_and_61_are_followed(library: Any) -> None:
    slot = Slot(
        "A",
        answers={
            "00b0000000": "6C03",
            "00b0000003": "0102039000",
            "0088000001ff00": "6102",
            "00c0000002": "AABB6101",
            "00c0000001": "CC9000",
        },
    )
    library(slot)

    async def use() -> None:
        reader = await PcscReader.open(parse("pcsc:A"))
        await reader.power_on(0)
        assert (await reader.transmit(0, bytes.fromhex("00B0000000"))).data == b"\1\2\3"
        answer = await reader.transmit(0, bytes.fromhex("0088000001FF00"))
        assert (answer.data, answer.sw) == (bytes.fromhex("AABBCC"), 0x9000)
        steps = [apdu("a", bytes.fromhex("00B0000000")), read("b", limit=3)]
        assert await reader.run_script(0, build(steps)) == [
            StepAnswer(0, 0x9000, b"\1\2\3"),
            StepAnswer(1, 0x9000, b"\1\2\3"),
        ]
        await reader.close()

    asyncio.run(use())
    assert slot.contexts == 0


@pytest.mark.parametrize(("state", "kind"), [("absent", errors.CardAbsent), ("mute", errors.CardMute)])
def test_power_on_of_nothing(library: Any, state: str, kind: type[Exception]) -> None:
    slot = Slot("A", state)
    library(slot)
    with pytest.raises(kind):
        asyncio.run(_open().power_on(0))
    assert slot.contexts == 0


def test_states_and_a_pull(library: Any) -> None:
    slot = Slot("A")
    slots = [slot, Slot("B", "absent"), Slot("C", "mute")]
    library(*slots)

    async def use() -> None:
        reader = await PcscReader.open(parse("pcsc:"))
        assert [s.state for s in await reader.slots()] == [SlotState.PRESENT, SlotState.ABSENT, SlotState.PRESENT]
        await reader.power_on(0)
        assert (await reader.slots())[0].state is SlotState.POWERED
        assert [s.contexts for s in slots] == [1, 0, 0]
        slot.state = "gone"
        with pytest.raises(errors.CardRemoved):
            await reader.transmit(0, b"\0\0\0\0")
        with pytest.raises(errors.CardNotPowered):
            await reader.transmit(0, b"\0\0\0\0")
        with pytest.raises(errors.TerminalError):
            await reader.power_on(7)

    asyncio.run(use())
    assert [s.contexts for s in slots] == [0, 0, 0]


def test_a_pin_never_goes_by_transmit_or_script(library: Any) -> None:
    slot = Slot("A")
    library(slot)

    async def use() -> None:
        reader = await PcscReader.open(parse("pcsc:A"))
        await reader.power_on(0)
        with pytest.raises(errors.Forbidden):
            await reader.transmit(0, bytes.fromhex("002000010439393939"))
        with pytest.raises(errors.Forbidden):
            await reader.run_script(0, build([apdu("x", bytes.fromhex("002000010439393939"))]))

    asyncio.run(use())
    assert slot.sent == []


@pytest.mark.parametrize(
    ("counter", "pins", "sent", "expected"),
    [
        ("63C3", ["4711"], True, (0x9000, None)),
        ("6983", ["4711"], False, errors.PinBlocked),
        ("63C3", [], False, errors.Cancelled),
    ],
)
def test_verify_reads_the_counter_first(library: Any, counter: str, pins: list[str], sent: bool, expected: Any) -> None:
    command = "002000010434373131"
    slot = Slot("A", answers={"00200001": counter, command: "9000"})
    library(slot)

    async def use() -> None:
        reader = _reader
        await reader.power_on(0)
        result = await reader.verify_pin(0, PIN)
        assert (result.sw, result.tries_left) == expected

    _reader = _open("A", list(pins))
    if isinstance(expected, tuple):
        asyncio.run(use())
    else:
        with pytest.raises(expected):
            asyncio.run(use())
    assert (command in slot.sent) is sent
    assert slot.sent[0] == "00200001"


def test_what_is_typed_must_be_digits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["12", "12a4", "4711"]
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    assert ask_on_this_computer("Code", 4, 4) == "4711"
    shown = capsys.readouterr().err
    assert "Préférez un terminal" in shown
    assert "4711" not in shown
