"""The emulated board's USB as a TCP port, so that a host's program talks to the firmware in it: `async with Served(pico) as served: served.url`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

from tests.tools.rp2040.pico import Pico

_SLICE_MS = 1.0


class Served:
    """Emulated time passes while it is open, as fast as it can; `watch()` is called after each emulated ms."""

    def __init__(self, pico: Pico, watch: Callable[[], None] = lambda: None) -> None:
        self._pico = pico
        self._watch = watch
        self._writer: asyncio.StreamWriter | None = None

    @property
    def url(self) -> str:
        return f"tcp:127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._host, "127.0.0.1", 0)
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running  # what broke the bench is told
        if self._writer:
            self._writer.close()
        self._server.close()

    async def _run(self) -> None:
        try:
            await self._pass_time()
        finally:
            if self._writer:
                self._writer.close()  # its host need not wait

    async def _pass_time(self) -> None:
        while True:
            self._pico.run(_SLICE_MS)
            self._watch()
            if self._pico.said and self._writer:
                self._writer.write(bytes(self._pico.said))
            self._pico.said.clear()
            await asyncio.sleep(0)

    async def _host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One host at a time; what is said while none is there is lost, as on a port that nobody has opened."""
        self._writer = writer
        while data := await reader.read(4096):
            self._pico.type(data)
        if self._writer is writer:
            self._writer = None
        writer.close()
