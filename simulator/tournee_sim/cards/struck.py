"""A card line that can be held in the midst of an answer, and made to go on wrongly: mute, NULLs without end, too late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from tournee_sim.cards.line import CardLine
from tournee_sim.cards.t0 import ByteCard, Emission, State
from tournee_sim.faults import CardFault, Fault

_ALLOWANCE_MS: Final = 1200
"""Twice what the simulated boards allow a loaded machine (`slack_ms`): later than that is late on any of them."""


class StruckLine(CardLine):
    """`hold()` first: what the card has yet to say waits; then one of the others, each of which lets it go on."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._gate = asyncio.Event()
        self._gate.set()
        self._late = self._storm_next = False
        self._kept = b""

    @property
    def busy(self) -> bool:
        """The card has something to say, or is told time."""
        return self._worker is not None and not self._worker.done()

    def insert(self, card: ByteCard) -> None:
        super().insert(card)
        self._late = self._storm_next = False

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def mute(self) -> None:
        """Not a word more, whatever is sent, nor after a reset."""
        self._stop()
        if self.card:
            self.card.state = State.DEAD if self.card.state is not State.OFF else State.OFF
            self.card.faults.arm(Fault(CardFault.MUTE))
        self.release()

    def storm(self) -> None:
        """NULL (60) every 0.9 waiting times instead of what it would say, until a reset; of a card that is off, after it."""
        self._stop()
        if self.card and self.card.state in (State.OFF, State.RESET):
            self._storm_next = True
        elif self.card:
            self._worker = asyncio.create_task(self._emit_all(_nulls(self.card)))
        self.release()

    def overrun(self, kept: bytes) -> None:
        """What comes next, `kept` before it, comes after two waiting times and the boards' allowance."""
        self._late, self._kept = True, kept
        if kept and not self.busy:
            self._worker = asyncio.create_task(self._send(b""))
        self.release()

    def spoil(self) -> None:
        """The next character, in whichever direction, is damaged once."""
        if self.card:
            self.card.faults.arm(Fault(CardFault.PARITY, count=1))

    async def _send(self, data: bytes) -> None:
        epoch = self._epoch
        await self._gate.wait()
        if self._late and self.card:
            self._late = False
            await self._wait(2 * max(self.card.waiting_time_ms, self.card.block_waiting_time_ms) + _ALLOWANCE_MS)
        if epoch != self._epoch:
            return
        if self._storm_next and self.card:
            self._storm_next = False
            for null in _nulls(self.card):
                await self._wait(null.wait_ms)
                await super()._send(null.data)
                if epoch != self._epoch:
                    return
        data, self._kept = self._kept + data, b""
        await super()._send(data)

    def _stop(self) -> None:
        super()._stop()
        self._kept = b""


def _nulls(card: ByteCard) -> Iterator[Emission]:
    while True:
        yield card._emit(b"\x60", 0.9 * card.waiting_time_ms)
