"""The terminal's side of the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tournee_sim.boards.unix import BoardError, UnixBoard
from tournee_sim.control import VERSION
from tournee_sim.faults import FaultError, parse
from tournee_sim.people import UnknownCard


class ControlServer:
    """Serves one board; `stopped` is set when somebody asked for the end."""

    def __init__(self, board: UnixBoard) -> None:
        self._board = board
        self._server: asyncio.Server | None = None
        self.stopped = asyncio.Event()

    async def start(self, path: Path) -> None:
        """Listen at `path`, in a directory of this user only."""
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                reply = await self._answer(line)
                writer.write(json.dumps({"version": VERSION} | reply, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            operation = self._operations[request.pop("op")]
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"ok": False, "error": "not a request", "remedy": f"operations: {', '.join(self._operations)}"}
        try:
            return {"ok": True} | await operation(**request)
        except TypeError:
            return {"ok": False, "error": "wrong parameters", "remedy": "see tournee sim --help"}
        except (BoardError, FaultError, UnknownCard) as exc:
            return {"ok": False, "error": str(exc), "remedy": "see tournee sim status and tournee sim cards"}

    @property
    def _operations(self) -> dict[str, Callable[..., Awaitable[dict[str, Any]]]]:
        return {
            "status": self._status,
            "insert": self._insert,
            "pull": self._pull,
            "type": self._type,
            "display": self._display,
            "fault": self._fault,
            "air": self._air,
            "clear": self._clear,
            "kill": self._kill,
            "restart": self._restart,
            "stop": self._stop,
        }

    async def _status(self) -> dict[str, Any]:
        return self._board.status()

    async def _insert(self, slot: int, card: str) -> dict[str, Any]:
        self._board.insert(slot, card)
        await self._board.settled()
        return {"slot": slot, "card": card}

    async def _pull(self, slot: int) -> dict[str, Any]:
        card = self._board.pull(slot)
        await self._board.settled()
        return {"slot": slot, "card": card}

    async def _type(self, keys: str) -> dict[str, Any]:
        self._board.type(keys)
        return {}

    async def _display(self) -> dict[str, Any]:
        return {"display": self._board.display}

    async def _fault(self, kind: str, slot: int = 0, **parameters: Any) -> dict[str, Any]:
        self._board.fault(parse(kind, **parameters), slot)
        return {"fault": kind}

    async def _air(self, words: list[str]) -> dict[str, Any]:
        return {"air": self._board.air(words)}

    async def _clear(self) -> dict[str, Any]:
        self._board.clear_faults()
        return {}

    async def _kill(self) -> dict[str, Any]:
        await self._board.kill()
        return {}

    async def _restart(self) -> dict[str, Any]:
        await self._board.restart()
        return {}

    async def _stop(self) -> dict[str, Any]:
        self.stopped.set()
        return {}
