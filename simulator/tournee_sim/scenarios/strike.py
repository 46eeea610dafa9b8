"""What is done to a terminal in exactly one state of one of its machines: the faults of the matrix.

The board stands still while it is done (`boards.watch`). The card's characters on their way are taken back first: what the machine
has heard is what brought it into the state, and nothing more.
"""

from __future__ import annotations

import asyncio
from typing import Final

from tournee_sim.boards.unix import UnixBoard
from tournee_sim.boards.watch import StateWatch
from tournee_sim.scenarios.errors import Failed
from tournee_sim.scenarios.matrix import NEXT_CARD
from tournee_sim.scenarios.peer import HostPeer

_OF_CARDS: Final = frozenset({"pull", "mute", "parity", "null-storm", "overrun"})


class Striker:
    """At most one strike armed at a time."""

    def __init__(self, board: UnixBoard, peer: HostPeer) -> None:
        self._board = board
        self._peer = peer
        self._armed = ""
        self.at_work = False
        self.host_silent = False

    async def arm(self, slot: int, machine: str, state: str, fault: str) -> None:
        """`fault` of `model.MATRIX_FAULTS` as soon as `machine` is in `state`."""
        watch = self._watch
        self._armed = f"{machine}/{state}"

        async def strike() -> None:
            self.at_work = True
            try:
                self._board.trace.event("strike", slot=slot, machine=machine, state=state, fault=fault)
                await self._do(watch, slot, fault)
            finally:
                self.at_work = False

        await watch.arm(slot, machine, state, strike)
        await self._board.settled()

    async def struck(self) -> None:
        """The armed strike was done; raises Failed when the machine never was there."""
        if not self._watch.struck.is_set():
            try:
                await asyncio.wait_for(self._watch.struck.wait(), 1.0)
            except TimeoutError:
                raise Failed(f"the terminal never was in {self._armed}") from None
        self._armed = ""

    async def end(self) -> None:
        """Nothing armed stays so."""
        if self._board.watch and self._armed:
            await self._board.watch.disarm()

    @property
    def _watch(self) -> StateWatch:
        watch = self._board.watch
        if watch is None:
            raise Failed("this terminal is not watched")
        return watch

    async def _do(self, watch: StateWatch, slot: int, fault: str) -> None:
        board, line = self._board, self._board.bus.lines[slot]
        if fault in _OF_CARDS and not line.card:  # it comes with the next card
            board.insert(slot, NEXT_CARD)
        if fault == "pull":
            line.hold()
            await watch.drain()
            board.pull(slot)
            line.release()
        elif fault == "mute":
            line.hold()
            await watch.drain()
            line.mute()
        elif fault == "null-storm":
            line.hold()
            await watch.drain()
            line.storm()
        elif fault == "overrun":
            line.hold()
            line.overrun(await watch.drain())
        elif fault == "parity":
            line.spoil()
        elif fault == "link-drop":
            assert board.link is not None
            board.link.cut("any", 0)
            await self._peer.lost()
        elif fault == "host-silent":
            self._peer.silent(True)
            self.host_silent = True
