"""A slot's I/O line: the card's bytes on the socket of the board's UART, at real pace or with the waits only told.

Fast pace: each wait goes to the board as `Notice.ADVANCE` before the bytes it stands before, and the next one only when the
board has read those bytes, so that time-outs and order are those of real time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

from tournee_sim.cards.contacts import Contacts
from tournee_sim.cards.t0 import ByteCard, Emission
from tournee_sim.faults import CardFault

PIECE_BYTES: Final = 32
"""Bytes written at once; what a fault or a removal can cut is still every byte."""

TO_CARD: Final = "to_card"
TO_BOARD: Final = "to_board"
_COUNTER: Final = 1 << 30  # the board's count of sent characters wraps there
_DAMAGE: Final = 0x08
_REPEATS: Final = 3
_SILENCE_MS: Final = 300  # less may be the machine's own delay
_TURN_ETU: Final = 4  # 16 etu between the starts of two characters in opposite directions, where 12 follow each other
_SIGNAL_ETU: Final = 15  # a damaged character, the error signal, two etu more [ISO 7816-3 §7.3]

Advance = Callable[[float], Awaitable[None]]


class CardLine:
    """One slot: the contacts as the I/O bus moves them, the bytes as the UART socket carries them.

    `wait(ms)` lets time pass, `write(data)` sends to the board, `removed()` is called when a fault pulls the card. `parity(taken)`
    tells the board that the card refused a character after `taken` of them since `connected`, `parity(None)` that one came damaged;
    `now()` gives simulated ms.
    """

    def __init__(
        self,
        wait: Advance,
        write: Callable[[bytes], Awaitable[None]],
        removed: Callable[[], None],
        parity: Callable[[int | None], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        self._now = now
        self._last_ms = 0.0
        self._wait = wait
        self._write = write
        self._removed = removed
        self._parity = parity
        self.card: ByteCard | None = None
        self.contacts = Contacts()
        self.to_board = 0
        self.to_card = 0
        self._inbox = bytearray()
        self._inbox_at = 0
        self._fed = 0
        self._skip = 0
        self._refusing = False
        self._signal = False
        self._guard = 0
        self._turning = False
        self._worker: asyncio.Task[None] | None = None
        self._pull_after: int | None = None
        self._receive_ms = 0.0
        self._epoch = 0

    def connected(self) -> None:
        """A board's UART is there and counts its characters from 0."""
        self._fed = self._skip = 0
        self._refusing = False

    def insert(self, card: ByteCard) -> None:
        self.card = card
        pull = card.faults.get(CardFault.PULL)
        self._pull_after = pull.after if pull else None

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
        self.contacts.vcc(volt_class)
        if self.card:
            self.card.vcc(volt_class)
        if not volt_class:
            self._stop()

    def io(self, level: int) -> None:
        self.contacts.io(level)

    def rst(self, level: int) -> None:
        """A card that was not activated in order stays mute."""
        self.contacts.rst(level)
        self._stop()
        self._signal, self._guard = False, 0
        if self.card and not (level and self.contacts.misuse):
            self._worker = asyncio.create_task(self._play(self.card.rst(level)))

    def clk(self, khz: int) -> None:
        self.contacts.clk(khz)
        if self.card:
            self.card.clk(khz)

    def etu(self, f: int, d: int, guard: int, signal: bool) -> None:
        self._signal, self._guard = signal, guard
        if self.card:
            self.card.etu(f, d)

    def supply_lost(self) -> None:
        """The board is gone."""
        self.contacts.supply_lost()
        if self.card:
            self.card.vcc(0)
        self._stop()

    def sent(self, count: int) -> None:
        """The board knows that a character was refused and has sent `count` in all: what it sends from now on counts again."""
        if self._refusing:
            self._refusing = False
            self._skip = (count - self._fed) % _COUNTER

    def feed(self, data: bytes) -> None:
        """Bytes of the board's UART."""
        at = self._fed
        self._fed += len(data)
        if self._refusing:
            return
        skip = min(self._skip, len(data))
        self._skip -= skip
        at, data = at + skip, data[skip:]
        if self._pull_after is not None:
            data = data[: self._pull_after]
            self._pull_after -= len(data)
        self.to_card += len(data)
        if self.card:
            now = self._now()
            if not self._inbox:
                self._inbox_at = at
                if now - self._last_ms > _SILENCE_MS:
                    self.card.silence(now - self._last_ms)
            self._last_ms = now
            self._inbox += data
            if self._worker is None or self._worker.done():
                self._worker = asyncio.create_task(self._answer())
        if self._pull_after == 0:
            self._check_pull_later()

    def close(self) -> None:
        self._stop()

    async def _answer(self) -> None:
        while self._inbox and self.card:
            at, data = self._inbox_at, bytes(self._inbox)
            self._inbox.clear()
            struck = self.card.faults.struck(CardFault.PARITY, TO_CARD, len(data))
            if struck is not None and not self._signal:  # T=1: a damaged block
                data = data[:struck] + bytes([data[struck] ^ _DAMAGE]) + data[struck + 1 :]
                struck = None
            taken = data if struck is None else data[:struck]
            self._receive_ms += len(taken) * (12 + self._guard) * self.card.etu_ms
            if self._turning and self._signal:
                self._receive_ms += _TURN_ETU * self.card.etu_ms
            self._turning = False
            await self._emit_all(self.card.receive(taken))
            if struck is not None:
                await self._refuse(at + struck)

    async def _refuse(self, taken: int) -> None:
        """The error signal of the card: the board stops, and nothing counts until it has said how far it had come."""
        self._inbox.clear()
        self._refusing = True
        if self.card:
            self._receive_ms += _SIGNAL_ETU * self.card.etu_ms
        await self._parity(taken % _COUNTER)

    async def _play(self, emissions: Iterable[Emission]) -> None:
        await self._emit_all(emissions)
        await self._answer()

    async def _emit_all(self, emissions: Iterable[Emission]) -> None:
        epoch = self._epoch
        for emission in emissions:
            wait, self._receive_ms = emission.wait_ms + self._receive_ms, 0.0
            self._turning = True
            for piece, wire_ms in _pieces(emission):
                await self._wait(wait + wire_ms)
                wait = 0.0
                if not await self._deliver(piece) or epoch != self._epoch:  # given up, or the card went meanwhile
                    return

    async def _deliver(self, piece: bytes) -> bool:
        """`piece` to the board; False when its UART gave a damaged character up."""
        while self.card and (struck := self.card.faults.struck(CardFault.PARITY, TO_BOARD, len(piece))) is not None:
            if not self._signal:
                await self._parity(None)
                piece = piece[:struck] + bytes([piece[struck] ^ _DAMAGE]) + piece[struck + 1 :]
                await self._send(piece[: struck + 1])
                piece = piece[struck + 1 :]
                continue
            await self._send(piece[:struck])
            piece = piece[struck:]
            for _ in range(_REPEATS):
                await self._wait(_SIGNAL_ETU * self.card.etu_ms)
                if self.card.faults.struck(CardFault.PARITY, TO_BOARD, 1) is None:
                    break
            else:
                await self._parity(None)
                return False
            await self._send(piece[:1])
            piece = piece[1:]
        await self._send(piece)
        return True

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
        self._turning = self._refusing = False
        worker, self._worker = self._worker, None
        if worker and worker is not asyncio.current_task():
            worker.cancel()


def _pieces(emission: Emission) -> Iterator[tuple[bytes, float]]:
    data = emission.data
    for at in range(0, len(data), PIECE_BYTES):
        piece = data[at : at + PIECE_BYTES]
        yield piece, emission.wire_ms * len(piece) / len(data)
