"""The simulator's side of `boards/mpy/watch.py`: something is done to the terminal in exactly one state of one of its machines.

`machine_states()` reads the firmware's own tables, so that a state added there is known here.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from tournee_sim.boards.process import BoardError, find_firmware

LAUNCHER: Final = Path(__file__).with_name("mpy") / "watch.py"
_ANSWER_S: Final = 20.0

Strike = Callable[[], Awaitable[None]]
"""Done while the terminal stands still; may call `StateWatch.drain`."""


class StateWatch:
    """Listens for one board. `arm` one state at a time; `struck` is set when the machine was there and the strike was done."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.struck = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._board: asyncio.StreamWriter | None = None
        self._strike: Strike | None = None
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._striking: asyncio.Task[None] | None = None

    async def start(self, directory: Path) -> dict[str, str]:
        """Listen; gives the launcher's argument."""
        path = directory / "watch"
        self._server = await asyncio.start_unix_server(self._serve, path)
        return {"watch": f"unix:{path}"}

    async def close(self) -> None:
        if self._striking:
            self._striking.cancel()
        if self._server:
            self._server.close()
        if self._board:
            self._board.close()

    async def arm(self, slot: int, machine: str, state: str, strike: Strike) -> None:
        """Call `strike` once `machine` of `slot` is in `state`, at once if it is there already. Raises BoardError."""
        states = machine_states()
        if state not in states.get(machine, ()):
            known = ", ".join(f"{name}: {' '.join(table)}" for name, table in states.items())
            raise BoardError(f"no state {machine}/{state}; there are {known}")
        self.struck.clear()
        self._strike = strike
        await self._ask(f"arm {slot} {machine} {state}", "armed")

    async def disarm(self) -> None:
        """Nothing is struck any more; a strike that has begun ends first."""
        if self._strike is None:
            return
        await self._ask("disarm", "disarmed")
        self._strike = None
        if self._striking:
            await self._striking

    async def drain(self) -> bytes:
        """Inside a strike: the card's characters that were on their way; they are lost."""
        return bytes.fromhex(await self._ask("drain", ""))

    async def _ask(self, order: str, wanted: str) -> str:
        if self._board is None:
            raise BoardError("the terminal is off: it cannot be watched")
        self._board.write(order.encode() + b"\n")
        answer = await asyncio.wait_for(self._answers.get(), _ANSWER_S)
        if wanted and answer != wanted:
            raise BoardError(f"the watched terminal said {answer!r} to {order!r}")
        return answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._board = writer
        self.connected.set()
        try:
            while line := (await reader.readline()).decode("ascii").strip("\n"):
                if line == "hit":
                    self._striking = asyncio.create_task(self._hit(writer))
                else:
                    self._answers.put_nowait(line if line != "-" else "")
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if self._board is writer:
                self._board = None
                self.connected.clear()
            writer.close()

    async def _hit(self, writer: asyncio.StreamWriter) -> None:
        strike, self._strike = self._strike, None
        try:
            if strike:
                await strike()
                self.struck.set()
        finally:
            writer.write(b"go\n")


@cache
def machine_states() -> Mapping[str, tuple[str, ...]]:
    """States by machine, as the firmware's modules list them: `slot`, `pin`, then each of `iso7816/` by its module's name."""
    package = find_firmware()
    found = {}
    for path in (package / "slots.py", package / "pin.py", *sorted((package / "iso7816").glob("*.py"))):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["STATES"]:
                found["slot" if path.stem == "slots" else path.stem] = tuple(ast.literal_eval(node.value))
    return found
