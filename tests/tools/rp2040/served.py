"""The emulated board's USB as a port of this computer: `async with Served(pico, TcpPort(0)) as served`, or a `PtyPort`; then `served.url`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

from tests.tools.rp2040.pico import Pico
from tournee_sim.boards.link import HostPort

_SLICE_MS = 1.0


class Served:
    """Emulated time passes while it is open, as fast as it can; `watch()` is called after each emulated ms."""

    def __init__(self, pico: Pico, port: HostPort, watch: Callable[[], None] = lambda: None) -> None:
        self._pico = pico
        self._port = port
        self._watch = watch

    @property
    def url(self) -> str:
        return self._port.url

    async def __aenter__(self) -> Self:
        await self._port.start(self._pico.type)
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running  # what broke the bench is told
        await self._port.close()

    async def _run(self) -> None:
        try:
            while True:
                self._pico.run(_SLICE_MS)
                self._watch()
                if self._pico.said:
                    self._port.send(bytes(self._pico.said))
                    self._pico.said.clear()
                await asyncio.sleep(0)
        except BaseException:
            await self._port.drop()  # its host need not wait
            raise
