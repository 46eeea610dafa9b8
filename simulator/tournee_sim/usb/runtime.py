"""The firmware's part of the device: a socket to `mpy/machine.py`, which calls the firmware back as MicroPython's C half does.

First the board is told the built-in descriptors. Messages are a letter, a length (2 bytes, little-endian) and a body.
From the board: `D`, `C`, `S` descriptors and a string, `A` active or not, `X` a transfer (endpoint; data, or room for a packet), `R` the
answer to `K`. To the board: `Z` reset, `O` interfaces opened, `K` a stage of a control request (and what came for its buffer), `T` a
transfer is done (endpoint, data or size).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tournee_sim.usb import descriptors
from tournee_sim.usb.device import IN, Device, Face, Setup, Stall
from tournee_sim.usb.pipes import InPipe, OutPipe

_SETUP, _DATA, _ACK = 1, 2, 3
_REFUSED, _BUFFER = 0, 2


class Runtime:
    """`Function` of the firmware that is connected; one at a time."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._server: asyncio.Server | None = None
        self._board: asyncio.StreamWriter | None = None
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._dev = self._cfg = b""
        self._strings: dict[int, str] = {}
        self._room: dict[int, int] = {}
        self.pipes: Mapping[int, InPipe | OutPipe] = {}

    async def start(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._board:
            self._board.close()

    # --- the host -----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        self._make_pipes()
        self._say("Z")

    def opened(self) -> None:
        configuration = self._device.face.configuration
        own = next(i for i in descriptors.parts(configuration)[0] if i.number >= descriptors.ITF_MAX)
        self._say("O", configuration[own.at :])

    async def control(self, setup: Setup, data: bytes) -> bytes:
        async with self._turn:
            answer = await self._ask(_SETUP, setup)
            if answer[0] == _REFUSED:
                raise Stall
            read = answer[1:] if answer[0] == _BUFFER and setup.kind & IN else b""
            if answer[0] == _BUFFER and (await self._ask(_DATA, setup, data))[0] == _REFUSED:
                raise Stall
            await self._ask(_ACK, setup)
            return read[: setup.length]

    async def _ask(self, stage: int, setup: Setup, data: bytes = b"") -> bytes:
        self._say("K", bytes((stage,)) + bytes(setup) + data)
        answer = await self._answers.get()
        if not answer:  # the board has gone
            self._answers.put_nowait(b"")
            raise Stall
        return answer

    # --- the board ----------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._board, self._answers, self._strings = writer, asyncio.Queue(), {}
        face = self._device.builtin_face
        writer.write(face.device + bytes((len(face.configuration),)) + face.configuration)
        try:
            while True:
                head = await reader.readexactly(3)
                self._heard(chr(head[0]), await reader.readexactly(int.from_bytes(head[1:], "little")))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._answers.put_nowait(b"")
            if self._board is writer:
                self._board = None
                if self._device.runtime is self:
                    self._device.show(self._device.builtin_face, None)
            writer.close()

    def _heard(self, what: str, body: bytes) -> None:
        if what == "D":
            self._dev = body
        elif what == "C":
            self._cfg = body
        elif what == "S":
            self._strings[body[0]] = body[1:].decode()
        elif what == "A" and body[0]:
            self._make_pipes()
            self._device.show(Face(self._dev, self._cfg, dict(self._strings)), self)
        elif what == "A":
            if self._device.runtime is self:
                self._device.show(self._device.builtin_face, None)
        elif what == "R":
            self._answers.put_nowait(body)
        elif what == "X":
            pipe = self.pipes.get(body[0])
            if isinstance(pipe, InPipe):
                pipe.give(body[1:])
            elif isinstance(pipe, OutPipe):
                self._room[body[0]] = int.from_bytes(body[1:3], "little")
                pipe.run()

    def _make_pipes(self) -> None:
        self._room = {}
        made: dict[int, InPipe | OutPipe] = {}
        for each in descriptors.parts(self._cfg)[1]:
            if each.interface >= descriptors.ITF_MAX and each.kind == descriptors.BULK:
                ep = each.address
                made[ep] = InPipe(partial(self._taken, ep)) if ep & IN else OutPipe(partial(self._accept, ep))
        self.pipes = made

    def _taken(self, ep: int, n: int) -> None:
        self._say("T", bytes((ep,)) + n.to_bytes(2, "little"))

    def _accept(self, ep: int, packet: bytes) -> bool:
        room = self._room.pop(ep, None)
        if room is None:
            return False
        self._say("T", bytes((ep,)) + packet[:room])
        return True

    def _say(self, what: str, body: bytes = b"") -> None:
        if self._board and not self._board.is_closing():
            self._board.write(what.encode() + len(body).to_bytes(2, "little") + body)
