"""The board `stock`: MicroPython as it comes, an empty file system and a serial port; `tournee flash` makes it a terminal.

It starts `main.py` of its file system if there is one, and what ends there leaves its REPL; a soft reset or a fault of the program is
a power-on. Cards, keypad and display hang on it as on the board `unix`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Mapping, Sequence
from pathlib import Path

from tournee_sim.boards.process import FirmwareProcess, find_micropython

_PAUSE_S = 0.05
"""Between two power-ons, so that a board that ends at once does not use up the machine."""


class StockPort:
    """A pseudo terminal: `slave` for hosts, named by the link `path`; `master` is the board's REPL."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.environment: dict[str, str] = {}
        self.master, self.slave = (
            pty.openpty()
        )  # our end of the slave stays open: the board's reads would fail without a host
        tty.setraw(self.slave)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self.slave))
        self.url = f"serial:{path}"

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        for handle in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(handle)


class StockProcess(FirmwareProcess):
    """Powered from `start` to `kill`; in between it is started again whenever it ends. `flash` is the folder of its file system."""

    def __init__(self, log: Path, heap: str, port: StockPort, flash: Path) -> None:
        super().__init__(log, heap)
        self._port = port
        self._flash = flash
        self._arguments: Mapping[str, str] = {}
        self._keeper: asyncio.Task[None] | None = None
        self.power_ons = 0

    async def start(self, arguments: Mapping[str, str], connected: Sequence[asyncio.Event]) -> None:
        """What hangs on the board is told apart from the firmware, which may not be there: nothing of `connected` is awaited."""
        async with self._turn:
            await self._kill()
            self._arguments = arguments
            self._process = await self._spawn(arguments)
        self._keeper = asyncio.create_task(self._keep())

    async def _kill(self) -> bool:
        if self._keeper is not None and self._keeper is not asyncio.current_task():
            self._keeper.cancel()
            self._keeper = None
        return await super()._kill()

    async def _keep(self) -> None:
        while True:
            await self.died()
            await asyncio.sleep(_PAUSE_S)
            async with self._turn:
                if self._process is None:
                    return
                self._process = await self._spawn(self._arguments)

    async def _spawn(self, arguments: Mapping[str, str]) -> asyncio.subprocess.Process:
        self._flash.mkdir(parents=True, exist_ok=True)
        self.power_ons += 1
        command = [find_micropython(), "-X", f"heapsize={self._heap}"]
        if (self._flash / "main.py").exists():
            command += ["-i", "main.py"]
        wired = " ".join(f"{key}={value}" for key, value in arguments.items() if key != "link")
        environment = {"TOURNEE_BOARD": wired, "PATH": os.environ.get("PATH", ""), **self._port.environment}
        return await self._execute(command, environment, self._port.master, self._flash)
