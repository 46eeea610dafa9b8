"""Runs card programs on a reader, and finds which card is in which slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tournee.cards.atr import CardKind, recognise
from tournee.cards.commands import Apdu, Card, Command, Program, RunScript
from tournee.cards.errors import CardMissing, TwoCardsAlike, UnknownCard, UnsupportedCard
from tournee.errors import CardError
from tournee.terminal.errors import CardAbsent, TerminalError
from tournee.terminal.model import Reader
from tournee_protocol.link import SlotState

T = TypeVar("T")
SUPPORTED = frozenset({"cps3", "vitale2"})


@dataclass(frozen=True)
class Found:
    slot: int
    atr: bytes
    kind: CardKind
    fresh: bool  # powered just now: no PIN, no authentication


@dataclass
class Located:
    """Which card is where; `failures` says what is wrong with each slot that gave no known card."""

    cards: dict[str, Found] = field(default_factory=dict)
    failures: list[CardError] = field(default_factory=list)

    def need(self, card: Card) -> Found:
        """Raises UnsupportedCard, or why a slot could not be read, or CardMissing."""
        found = self.cards.get(card)
        if found is None:
            raise next((f for f in self.failures if not isinstance(f, CardAbsent)), CardMissing(card))
        if found.kind.kind not in SUPPORTED:
            raise UnsupportedCard(found.kind.label)
        return found


async def locate(reader: Reader, wanted: Card | None = None) -> Located:
    """Works out by ATR which card is where (the slots may be swapped). Powers the cards that are there, but only until `wanted` is found."""
    located = Located()
    entries = [e for e in await reader.slots() if e.state is not SlotState.ABSENT]
    for entry in sorted(entries, key=lambda e: e.state is not SlotState.POWERED):
        powered = entry.state is SlotState.POWERED
        if not powered and wanted in located.cards:
            continue
        try:
            atr = entry.atr if powered else (await reader.power_on(entry.slot)).atr
        except TerminalError as exc:
            if exc.slot is None:
                raise  # the terminal, not the card
            located.failures.append(exc)
            continue
        kind = recognise(atr)
        if kind is None or kind.card == "other":
            located.failures.append(UnknownCard(entry.slot, atr, kind.label if kind else ""))
        elif kind.card in located.cards:
            raise TwoCardsAlike(kind.card)
        else:
            located.cards[kind.card] = Found(entry.slot, atr, kind, not powered)
    return located


async def run(reader: Reader, slots: Mapping[str, int], program: Program[T]) -> T:
    """Drives `program`; `slots` says where each card is. A command whose card is not there raises CardMissing inside the program."""
    try:
        command = next(program)
        while True:
            try:
                reply = await _execute(reader, slots, command)
            except Exception as exc:
                command = program.throw(exc)
            else:
                command = program.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result


async def _execute(reader: Reader, slots: Mapping[str, int], command: Command) -> Any:
    slot = slots.get(command.card)
    if slot is None:
        raise CardMissing(command.card)
    if isinstance(command, Apdu):
        return await reader.transmit(slot, command.apdu)
    if isinstance(command, RunScript):
        return await reader.run_script(slot, command.script)
    return await reader.verify_pin(slot, command.request)
