"""A terminal in a thread of its own, with plain calls: for tests and scripts that are not asyncio."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.faults import parse
from tournee_sim.loopthread import LoopThread


class ThreadedBoard:
    """`UnixBoard` behind blocking methods; `stop` ends thread and terminal."""

    def __init__(self, config: BoardConfig) -> None:
        self._thread = LoopThread("terminal")
        self.board: UnixBoard = self._thread.run(_make(config))
        try:
            self._thread.run(self.board.start())
        except BaseException:
            self._thread.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self.board.url

    @property
    def pin(self) -> str:
        return self.board.pin

    def insert(self, slot: int, card_id: str) -> None:
        """The terminal has noticed it when this returns; so for `pull`."""
        self._thread.call(lambda: self.board.insert(slot, card_id))
        self._thread.run(self.board.settled())

    def pull(self, slot: int) -> str:
        card_id = self._thread.call(lambda: self.board.pull(slot))
        self._thread.run(self.board.settled())
        return card_id

    def type(self, keys: str) -> None:
        self._thread.call(lambda: self.board.type(keys))

    def display(self) -> list[str]:
        return self._thread.call(lambda: self.board.display)

    def wait_display(self, text: str, timeout_s: float = 20.0) -> list[str]:
        """The display once a line contains `text`, whatever the case."""
        wanted = text.lower()
        return self._thread.run(
            self.board.wait_display(lambda ls: any(wanted in line.lower() for line in ls), timeout_s)
        )

    def fault(self, name: str, slot: int = 0, **parameters: int | str) -> None:
        """See `tournee_sim.faults`."""
        self._thread.call(lambda: self.board.fault(parse(name, **parameters), slot))

    def air(self, *words: str) -> dict[str, Any]:
        """A fault of the radio: `air("drop")`, `air("jam", "on")`, `air("loss", "0.2")`."""
        return self._thread.call(lambda: self.board.air(list(words)))

    def clear_faults(self) -> None:
        self._thread.call(self.board.clear_faults)

    def counters(self) -> dict[str, Any]:
        return self._thread.call(self.board.counters)

    def status(self) -> dict[str, Any]:
        return self._thread.call(self.board.status)

    def unplug(self) -> None:
        """Pull the USB cable (`link="usb"`); the host has noticed it when this returns."""
        assert self.board.usb is not None
        self._thread.run(self.board.usb.cable.unplug())

    def plug(self) -> None:
        assert self.board.usb is not None
        self._thread.call(self.board.usb.cable.plug)

    def kill(self) -> None:
        self._thread.run(self.board.kill())

    def restart(self) -> None:
        self._thread.run(self.board.restart())

    def restart_when_off(self) -> Future[None]:
        """Somebody switches it on again as soon as a fault has switched it off; the host loses the link too.

        Cancel it if no fault came.
        """
        return self._thread.begin(self._restart_when_off())

    async def _restart_when_off(self) -> None:
        await self.board.died()
        await self.board.restart()
        if self.board.link:
            self.board.link.cut("any", 0)

    def stop(self) -> None:
        if self._thread.alive:
            try:
                self._thread.run(self.board.stop())
            finally:
                self._thread.end()


async def _make(config: BoardConfig) -> UnixBoard:
    return UnixBoard(config)
