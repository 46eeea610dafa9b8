"""A slot's I/O line: the card's bytes on the socket of the board's UART, at real pace or with the waits only told.

Fast pace: each wait goes to the board as `Notice.ADVANCE` before the bytes it stands before, and the next one only when the
board has read those bytes, so that time-outs and order are those of real time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from tournee_sim.cards.t0 import ByteCard, Emission
from tournee_sim.faults import CardFault

PIECE_BYTES: Final = 32
"""Bytes written at once; what a fault or a removal can cut is still every byte."""

Advance = Callable[[float], Awaitable[None]]


class CardLine:
    """One slot: the contacts as the I/O bus moves them, the bytes as the UART socket carries them.

    `wait(ms)` lets time pass, `write(data)` sends to the board, `removed()` is called when a fault pulls the card.
    """

    def __init__(self, wait: Advance, write: Callable[[bytes], Awaitable[None]], removed: Callable[[], None]) -> None:
        self._wait = wait
        self._write = write
        self._removed = removed
        self.card: ByteCard | None = None
        self.to_board = 0
        self.to_card = 0
        self._inbox = bytearray()
        self._worker: asyncio.Task[None] | None = None
        self._pull_after: int | None = None
        self._receive_ms = 0.0
        self._epoch = 0

    def insert(self, card: ByteCard) -> None:
        self.card = card
        self._pull_after = None

    def remove(self) -> ByteCard | None:
        """The contacts open: whatever was on its way is lost."""
        self._stop()
        card, self.card = self.card, None
        if card:
            card.vcc(0)
        return card

    def arm_pull(self, after: int) -> None:
        """The card leaves after `after` more bytes in either direction; now, when 0."""
        self._pull_after = after
        self._check_pull()

    def vcc(self, volt_class: int) -> None:
        if self.card:
            self.card.vcc(volt_class)
        if not volt_class:
            self._stop()

    def rst(self, level: int) -> None:
        self._stop()
        if self.card:
            self._worker = asyncio.create_task(self._play(self.card.rst(level)))

    def clk(self, khz: int) -> None:
        if self.card:
            self.card.clk(khz)

    def etu(self, f: int, d: int) -> None:
        if self.card:
            self.card.etu(f, d)

    def feed(self, data: bytes) -> None:
        """Bytes of the board's UART."""
        if self._pull_after is not None:
            data = data[: self._pull_after]
            self._pull_after -= len(data)
        self.to_card += len(data)
        if self.card:
            self._inbox += data
            if self._worker is None or self._worker.done():
                self._worker = asyncio.create_task(self._answer())
        if self._pull_after == 0:
            self._check_pull_later()

    def close(self) -> None:
        self._stop()

    async def _answer(self) -> None:
        while self._inbox and self.card:
            data = bytes(self._inbox)
            self._inbox.clear()
            self._receive_ms += len(data) * 12 * self.card.etu_ms
            await self._emit_all(self.card.receive(data))

    async def _play(self, emissions: Iterable[Emission]) -> None:
        await self._emit_all(emissions)
        await self._answer()

    async def _emit_all(self, emissions: Iterable[Emission]) -> None:
        epoch = self._epoch
        for emission in emissions:
            wait, self._receive_ms = emission.wait_ms + self._receive_ms, 0.0
            for piece, wire_ms in _pieces(emission):
                await self._wait(wait + wire_ms)
                wait = 0.0
                await self._send(piece)
                if epoch != self._epoch:  # the card went in the middle of it
                    return

    async def _send(self, data: bytes) -> None:
        if self._pull_after is not None:
            data = data[: self._pull_after]
            self._pull_after -= len(data)
        self.to_board += len(data)
        if data:
            await self._write(data)
        self._check_pull()

    def _check_pull(self) -> None:
        if self._pull_after == 0 and self.card:
            self._pull_after = None
            self.card.faults.strike(CardFault.PULL)
            self._removed()

    def _check_pull_later(self) -> None:
        """After the card has taken the last byte: the effect of a complete command stands, its answer is lost."""
        if self._worker and not self._worker.done():
            self._worker.add_done_callback(lambda _: self._check_pull())
        else:
            self._check_pull()

    def _stop(self) -> None:
        self._epoch += 1
        self._inbox.clear()
        self._receive_ms = 0.0
        worker, self._worker = self._worker, None
        if worker and worker is not asyncio.current_task():
            worker.cancel()


def _pieces(emission: Emission) -> Iterator[tuple[bytes, float]]:
    data = emission.data
    for at in range(0, len(data), PIECE_BYTES):
        piece = data[at : at + PIECE_BYTES]
        yield piece, emission.wire_ms * len(piece) / len(data)
