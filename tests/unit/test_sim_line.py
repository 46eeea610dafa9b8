"""A slot's simulated line: order of the contacts, parity and the error signal both ways, times between the directions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim_cards import PIN
from tournee_sim.cards.contacts import Contacts
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.line import CardLine
from tournee_sim.cards.t0 import ByteCard, State
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.faults import parse
from tournee_sim.pki import Pki

SELECT = bytes.fromhex("00A4000C02")
READ = bytes.fromhex("00B0000004")


class Board:
    """A board's end of the line: what it received, was told, and how long it all took."""

    def __init__(self, card: ByteCard) -> None:
        self.got = bytearray()
        self.told: list[int | None] = []
        self.ms = 0.0
        self.sent = 0
        self.line = CardLine(self._wait, self._write, lambda: None, self._parity, lambda: self.ms)
        self.line.insert(card)
        self.line.connected()

    async def _wait(self, ms: float) -> None:
        self.ms += ms
        await asyncio.sleep(0)

    async def _write(self, data: bytes) -> None:
        self.got += data

    async def _parity(self, taken: int | None) -> None:
        self.told.append(taken)
        await asyncio.sleep(0)

    async def settle(self) -> bytes:
        for _ in range(200):
            await asyncio.sleep(0)
        got = bytes(self.got)
        self.got.clear()
        return got

    async def power(self, f: int = 372, d: int = 1, *, signal: bool = True) -> bytes:
        line = self.line
        line.rst(0)
        line.vcc(1)
        line.io(1)
        line.clk(4000)
        line.rst(1)
        atr = await self.settle()
        line.etu(f, d, 0, signal)
        return atr

    async def say(self, data: bytes) -> bytes:
        self.sent += len(data)
        self.line.feed(data)
        return await self.settle()


@pytest.fixture
def card(keys: Path) -> Callable[[str], ByteCard]:
    return lambda card_id: ByteCard(TpduCard(make_card(card_id, pki=Pki(keys), pin=PIN)))


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


# ISO7816: act-order act-off
def test_the_order_of_the_contacts_is_judged() -> None:
    contacts = Contacts()
    for _ in range(2):
        contacts.rst(0)
        contacts.vcc(1)
        contacts.io(1)
        contacts.clk(4000)
        contacts.rst(1)
        contacts.clk(0)  # a stopped clock is no deactivation
        contacts.clk(4000)
        contacts.rst(0)
        contacts.clk(0)
        contacts.io(0)
        contacts.vcc(0)
    assert contacts.misuse == []


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("clk", "clocked before"),
        ("io", "I/O let go without VCC"),
        ("rst", "RST high without a clock"),
        ("vcc io clk rst VCC", "RST high"),
        ("vcc io clk VCC", "clock running"),
        ("vcc io VCC", "I/O let go"),
        ("vcc io clk rst IO", "I/O driven"),
        ("vcc vcc", "from one class to another"),
    ],
)
def test_contacts_out_of_order(steps: str, said: str) -> None:
    contacts = Contacts()
    moves: dict[str, Callable[[], None]] = {
        "vcc": lambda: contacts.vcc(1),
        "io": lambda: contacts.io(1),
        "clk": lambda: contacts.clk(4000),
        "rst": lambda: contacts.rst(1),
        "VCC": lambda: contacts.vcc(0),
        "IO": lambda: contacts.io(0),
    }
    for step in steps.split():
        moves[step]()
    assert said in contacts.misuse[0]


# ISO7816: act-order
def test_a_card_that_was_not_activated_in_order_is_mute(card: Callable[[str], ByteCard]) -> None:
    async def main() -> None:
        board = Board(card("generic-t0-stop"))
        board.line.vcc(1)
        board.line.clk(4000)
        board.line.io(1)
        board.line.rst(1)
        assert await board.settle() == b""

    run(main())


# ISO7816: chr-parity
@pytest.mark.parametrize("after", [0, 2, 4])
@pytest.mark.parametrize("count", [1, 3])
def test_a_refused_character_and_what_was_sent_behind_it(
    card: Callable[[str], ByteCard], after: int, count: int
) -> None:
    """The board is told how far the card came; what it sent meanwhile counts for nothing, also when it arrives later."""

    async def main() -> None:
        board = Board(card("generic-t0-stop"))
        await board.power()
        assert await board.say(SELECT) == b"\xa4"
        assert await board.say(b"\x01\x02") == b"\x90\x00"
        card_ = board.line.card
        assert card_ is not None
        card_.faults.arm(parse("parity", after=after, count=count, direction="to_card"))
        start = board.sent
        assert await board.say(READ[:3]) == b""
        assert await board.say(READ[3:]) == b""
        for _ in range(count):
            assert board.told.pop() == start + after
            board.line.sent(board.sent)
            start = board.sent - after
            assert await board.say(READ[after:]) == (b"\xb0\x01\x02\x03\x04\x90\x00" if not board.told else b"")
        assert not board.told

    run(main())


# ISO7816: chr-parity
@pytest.mark.parametrize(("count", "arrives"), [(1, True), (3, True), (4, False), (0, False)])
def test_a_damaged_character_is_signalled_three_times(
    card: Callable[[str], ByteCard], count: int, arrives: bool
) -> None:
    async def main() -> None:
        board = Board(card("generic-t0-stop"))
        await board.power()
        await board.say(SELECT)
        await board.say(b"\x01\x02")
        assert board.line.card is not None
        board.line.card.faults.arm(parse("parity", after=3, count=count, direction="to_board"))
        before = board.ms
        got = await board.say(READ)
        assert got == b"\xb0\x01\x02\x03\x04\x90\x00"[: None if arrives else 3]
        assert board.told == ([] if arrives else [None])
        etu = board.line.card.etu_ms
        assert board.ms - before > (5 + 3 + 15 * min(count or 3, 3)) * etu

    run(main())


# ISO7816: chr-parity t1-edc
def test_without_error_signal_a_damaged_character_is_delivered_as_it_came(card: Callable[[str], ByteCard]) -> None:
    async def main() -> None:
        byte_card = card("generic-t1")
        byte_card.faults.arm(parse("parity", after=2, count=1, direction="to_board"))
        board = Board(byte_card)
        atr = await board.power(signal=False)
        assert len(atr) == len(byte_card.tpdu.card.atr) and atr != byte_card.tpdu.card.atr
        assert board.told == [None]
        board.line.rst(0)
        board.line.rst(1)
        assert await board.settle() == byte_card.tpdu.card.atr
        byte_card.faults.arm(parse("parity", after=1, count=1, direction="to_card"))
        ifs = bytes.fromhex("00C101FE3E")
        assert (await board.say(ifs))[1] == 0x81  # R-block: error in the check
        assert await board.say(ifs) == bytes.fromhex("00E101FE1E")

    run(main())


# ISO7816: t0-turn
def test_16_etu_from_one_direction_to_the_other(card: Callable[[str], ByteCard]) -> None:
    """The simulated UART waits as `CardPort.write` has to: four etu more than behind a character of its own."""

    async def main() -> None:
        board = Board(card("generic-t0-stop"))
        await board.power()
        byte_card = board.line.card
        assert byte_card is not None
        etu = byte_card.etu_ms
        before = board.ms
        await board.say(SELECT)  # 16 + 4 * 12 etu to the card, 12 etu and 1 ms for its procedure byte
        assert board.ms - before == pytest.approx((4 + 5 * 12 + 12) * etu + 1.0)
        board.line.etu(372, 1, 5, True)
        before = board.ms
        await board.say(b"\x01")
        await board.say(b"\x02")  # the second byte needs no turn: guard time 5 for each, one turn, 2 characters back
        cost = byte_card.tpdu.card.profile.cost_ms("select")
        assert board.ms - before == pytest.approx((4 + 2 * 17 + 2 * 12) * etu + cost)

    run(main())


# ISO7816: act-clock-stop
def test_the_clock_may_stop_only_where_the_atr_says_so(card: Callable[[str], ByteCard]) -> None:
    async def main() -> None:
        for name, survives in (("generic-t0-stop", True), ("cps-medecin", False)):
            board = Board(card(name))
            await board.power()
            board.line.clk(0)
            board.line.clk(4000)
            byte_card = board.line.card
            assert byte_card is not None
            assert (byte_card.state is State.DEAD) != survives
            assert bool(await board.say(SELECT)) == survives
            board.line.clk(0)
            assert await board.say(SELECT) == b""  # nothing is understood without a clock

    run(main())
