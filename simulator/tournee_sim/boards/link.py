"""The terminal's wired link: from the board's socket to a TCP port or a pty, counted, and cut where a test says.

A cut drops the host's side only: the terminal notices nothing, as with a USB cable pulled behind a hub. What it says while no host is
there is lost.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tournee_protocol.link import CRC_BYTES, HEADER_BYTES, SYNC, Flag, Kind

TO_HOST: Final = "to_host"
TO_BOARD: Final = "to_board"


class FrameCounter:
    """Counts whole frames in a byte stream, however it is cut into pieces, and the responses among the messages."""

    def __init__(self) -> None:
        self.frames = 0
        self.responses = 0
        self._inside = False
        self._buffer = bytearray()

    def feed(self, data: bytes) -> int:
        """How many frames ended in `data`."""
        self._buffer += data
        before = self.frames
        while True:
            start = self._buffer.find(SYNC)
            if start < 0:
                del self._buffer[:-1]
                break
            del self._buffer[:start]
            if len(self._buffer) < HEADER_BYTES:
                break
            total = HEADER_BYTES + int.from_bytes(self._buffer[6:8], "big") + CRC_BYTES
            if len(self._buffer) < total:
                break
            self._count(bytes(self._buffer[:total]))
            del self._buffer[:total]
        return self.frames - before

    def _count(self, frame: bytes) -> None:
        self.frames += 1
        message = frame[HEADER_BYTES:-CRC_BYTES]
        if not self._inside and message[:1] == bytes([Kind.RESPONSE]) and any(message[2:6]):
            self.responses += 1
        self._inside = bool(frame[3] & Flag.MORE)


@dataclass
class Traffic:
    """What reached the other side since the start; a round trip is an answered request (PING and CANCEL are none)."""

    bytes_to_host: int = 0
    bytes_to_terminal: int = 0
    frames_to_host: int = 0
    frames_to_terminal: int = 0
    round_trips: int = 0
    cuts: int = 0


class HostPort(Protocol):
    """The host's end."""

    url: str

    async def start(self, received: Callable[[bytes], None]) -> None: ...

    def send(self, data: bytes) -> None:
        """To the host; lost when none is there."""
        ...

    async def drop(self) -> None:
        """The host loses the link and may come again."""
        ...

    async def close(self) -> None: ...


class TcpPort:
    """One host at a time; a second one is turned away."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._host: asyncio.StreamWriter | None = None
        self.url = ""

    async def start(self, received: Callable[[bytes], None]) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._host is not None:
                writer.close()
                return
            self._host = writer
            try:
                while data := await reader.read(4096):
                    if self._host is not writer:
                        break
                    received(data)
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                if self._host is writer:
                    self._host = None
                writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", self._port)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"tcp:127.0.0.1:{port}"

    def send(self, data: bytes) -> None:
        if self._host and not self._host.is_closing():
            self._host.write(data)

    async def drop(self) -> None:
        host, self._host = self._host, None
        if host:
            host.close()

    async def close(self) -> None:
        if self._server:
            self._server.close()
        await self.drop()


class PtyPort:
    """A pseudo terminal behind a stable name; after a drop the name leads to a new one."""

    def __init__(self, name: Path) -> None:
        self._name = name
        self._master = -1
        self._slave = -1
        self._received: Callable[[bytes], None] = lambda data: None
        self.url = f"serial:{name}"

    async def start(self, received: Callable[[bytes], None]) -> None:
        self._received = received
        self._open()

    def send(self, data: bytes) -> None:
        while data and self._master >= 0:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:  # nobody reads: a serial line loses it
                return

    async def drop(self) -> None:
        self._shut()
        self._open()

    async def close(self) -> None:
        self._shut()
        self._name.unlink(missing_ok=True)

    def _open(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        temporary = self._name.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.ttyname(self._slave))
        temporary.replace(self._name)

    def _shut(self) -> None:
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        self._received(data)


class LinkBridge:
    """Board's socket on one side, a `HostPort` on the other; `on_frame(direction, count)` after each whole frame."""

    def __init__(self, port: HostPort) -> None:
        self.port = port
        self.traffic = Traffic()
        self.on_frame: Callable[[str, int], None] = lambda direction, count: None
        self.connected = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._board: asyncio.StreamWriter | None = None
        self._counters = {TO_HOST: FrameCounter(), TO_BOARD: FrameCounter()}
        self._cut: dict[str, int] = {}
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self, directory: Path) -> dict[str, str]:
        """Listen for the board; gives its argument."""
        await self.port.start(self._from_host)
        path = directory / "link"
        self._server = await asyncio.start_unix_server(self._serve, path)
        return {"link": f"unix:{path}"}

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._board:
            self._board.close()
        await self.port.close()

    def cut(self, direction: str, after: int) -> None:
        """The host loses the link once `after` more bytes have gone in `direction` (`to_host`, `to_board`, `any`)."""
        if after == 0:
            self._drop()
            return
        self._cut = dict.fromkeys((TO_HOST, TO_BOARD) if direction == "any" else (direction,), after)

    def _from_host(self, data: bytes) -> None:
        data, cut = self._limited(TO_BOARD, data)
        self.traffic.bytes_to_terminal += len(data)
        if self._board and not self._board.is_closing():
            self._board.write(data)
        self._count(TO_BOARD, data)
        if cut:
            self._drop()

    def _from_board(self, data: bytes) -> None:
        data, cut = self._limited(TO_HOST, data)
        self.traffic.bytes_to_host += len(data)
        self.port.send(data)
        self._count(TO_HOST, data)
        if cut:
            self._drop()

    def _limited(self, direction: str, data: bytes) -> tuple[bytes, bool]:
        left = self._cut.get(direction)
        if left is None:
            return data, False
        if len(data) < left:
            self._cut[direction] = left - len(data)
            return data, False
        self._cut = {}
        return data[:left], True

    def _count(self, direction: str, data: bytes) -> None:
        counter = self._counters[direction]
        ended = counter.feed(data)
        if direction == TO_HOST:
            self.traffic.frames_to_host = counter.frames
            self.traffic.round_trips = counter.responses
        else:
            self.traffic.frames_to_terminal = counter.frames
        for n in range(counter.frames - ended + 1, counter.frames + 1):
            self.on_frame(direction, n)

    def _drop(self) -> None:
        self.traffic.cuts += 1
        task = asyncio.get_running_loop().create_task(self.port.drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._board = writer
        self.connected.set()
        try:
            while data := await reader.read(4096):
                self._from_board(data)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if self._board is writer:
                self._board = None
                self.connected.clear()
            writer.close()
