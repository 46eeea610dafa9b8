"""The bit-level card is a judge: a right reader passes, and every kind of wrong one is named."""

from __future__ import annotations

import ast
import heapq
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tournee_sim.cards import bitlevel
from tournee_sim.cards.bitlevel import BitCard, Character

ETU = 1000


class Rig:
    """A wire, a clock, and a reader that is nothing but edges at given times."""

    def __init__(self, **card: object) -> None:
        self.time = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._low = {"card": False, "reader": False}
        self._high = True
        self.card = BitCard(self, ETU, **card)  # type: ignore[arg-type]

    def now(self) -> int:
        return self.time

    def at(self, ticks: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (ticks, next(self._order), what))

    def pull(self, low: bool) -> None:
        self._drive("card", low)

    def _drive(self, who: str, low: bool) -> None:
        self._low[who] = low
        high = not any(self._low.values())
        if high != self._high:
            self._high = high
            self.card.level(high)

    def edge(self, etu: float, low: bool) -> None:
        self.at(etu * ETU, lambda: self._drive("reader", low))

    def character(
        self, start_etu: float, byte: int, *, parity: int | None = None, stretch: float = 1.0, release: float = 10.0
    ) -> None:
        bits = [byte >> i & 1 for i in range(8)]
        levels = [0, *bits, sum(bits) & 1 if parity is None else parity]
        for n, level in enumerate(levels):
            self.edge(start_etu + n * stretch, not level)
        self.edge(start_etu + release * stretch, False)

    def run(self) -> list[str]:
        while self._events:
            self.time, _, what = heapq.heappop(self._events)  # type: ignore[assignment]
            what()
        return self.card.faults


def test_a_right_reader_is_heard_without_a_fault() -> None:
    rig = Rig()
    for i, byte in enumerate(range(256)):
        rig.character(12 * i, byte)
    assert rig.run() == []
    assert bytes(rig.card.received) == bytes(range(256))


def test_a_right_reader_repeats_what_was_refused() -> None:
    rig = Rig()
    rig.card.refuse.append(2)
    for start in (0, 13.2, 26.4):
        rig.character(start, 0x5A)
    assert rig.run() == []
    assert bytes(rig.card.received) == b"\x5a"


def test_a_right_reader_refuses_and_gets_it_again() -> None:
    rig = Rig()
    rig.card.send([Character(0x3B, spoilt=1), Character(0x00)])
    rig.edge(10.5, True)
    rig.edge(12.0, False)
    assert rig.run() == []
    assert rig.card.signals == 1


def test_11_etu_between_characters_are_rejected() -> None:
    rig = Rig()
    rig.character(0, 0xA5)
    rig.character(11, 0xA5)
    assert rig.run() == ["11.00 etu after the reader's leading edge: 12 wanted"]


def test_wrong_parity_is_rejected_and_refused() -> None:
    rig = Rig()
    rig.character(0, 0xA5, parity=1)
    assert rig.run() == ["wrong parity in A5"]
    assert not rig.card.received


def test_a_reader_without_error_signal_is_rejected() -> None:
    rig = Rig()
    rig.card.send([Character(0x3B, spoilt=1)])
    assert rig.run() == ["no error signal for 3B with wrong parity"]


def test_an_early_repetition_is_rejected() -> None:
    rig = Rig()
    rig.card.refuse.append(1)
    rig.character(0, 0x5A)
    rig.character(12.5, 0x5A)
    assert rig.run() == ["repeated 12.50 etu after the leading edge: 13 wanted"]


def test_a_late_repetition_is_rejected() -> None:
    rig = Rig()
    rig.card.refuse.append(1)
    rig.character(0, 0x5A)
    rig.character(9700, 0x5A)
    assert rig.run() == ["repeated only 9700 etu after the leading edge"]


def test_an_error_signal_of_2_and_a_half_etu_is_rejected() -> None:
    rig = Rig()
    rig.card.send([Character(0x3B, spoilt=1)])
    rig.edge(10.5, True)
    rig.edge(13.0, False)
    assert rig.run() == ["error signal of more than 2.25 etu: 1 to 2 wanted"]


@pytest.mark.parametrize(("start", "end"), [(10.2, 11.7), (10.8, 12.3), (10.5, 11.2)])
def test_an_error_signal_at_a_wrong_time_is_rejected(start: float, end: float) -> None:
    rig = Rig()
    rig.card.send([Character(0x3B, spoilt=1)])
    rig.edge(start, True)
    rig.edge(end, False)
    assert rig.run()


def test_a_slow_reader_is_rejected_by_its_edges() -> None:
    rig = Rig()
    rig.character(0, 0x55, stretch=1.03)
    assert any("an edge" in fault for fault in rig.run())


def test_a_reader_that_answers_too_soon_or_talks_into_the_card_is_rejected() -> None:
    rig = Rig()
    rig.card.send([Character(0x60)])
    rig.character(13.5, 0xFF)
    assert rig.run() == ["13.50 etu after the card's leading edge: 16 wanted"]
    rig = Rig(signal=False)
    rig.card.send([Character(0x60)])
    rig.character(18, 0xFF)
    assert rig.run() == ["18.00 etu after the card's leading edge: 22 wanted"]


def test_inverse_convention_has_odd_parity_for_a_direct_uart() -> None:
    rig = Rig(inverse=True)
    rig.character(0, 0xA5, parity=1)
    assert rig.run() == []


def test_a_removed_card_neither_hears_nor_speaks() -> None:
    rig = Rig()
    rig.card.send([Character(0x00), Character(0x00)])
    rig.at(4 * ETU, rig.card.remove)
    rig.character(5, 0xA5)
    rig.run()
    assert not rig.card.faults
    assert not rig.card.received
    assert not rig.card.sending


def test_the_judge_knows_nothing_of_the_firmware() -> None:
    tree = ast.parse(Path(bitlevel.__file__).read_text("utf-8"))
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    assert names == {"__future__", "collections", "collections.abc", "dataclasses", "typing"}
