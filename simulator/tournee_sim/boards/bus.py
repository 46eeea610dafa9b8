"""The board's side sockets: the I/O bus (`tournee_protocol.iobus`) and the card UARTs, and simulated time. SIMULATION hardware."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from tournee_protocol.iobus import Command, Notice, Packet
from tournee_sim.cards.struck import StruckLine

SLOTS: Final = 2
COLUMNS: Final = 20
LONG_WAIT_MS: Final = 300
_DRAIN_S: Final = 2.0


class BoardBus:
    """Listens for one board; keeps its display, slots and clock.

    `pace`: `real` waits, `fast` tells the board the waits. `on_display` is called after each change of the display, `on_removed`
    with the slot when a fault pulled the card.
    """

    def __init__(self, pace: str = "fast") -> None:
        self.pace = pace
        self.on_display: Callable[[list[str]], None] = lambda lines: None
        self.on_removed: Callable[[int], None] = lambda slot: None
        self.display = [" " * COLUMNS] * 4
        self.commands = 0
        self._started = time.monotonic()
        self._advanced_ms = 0.0
        self._owed_ms = 0.0
        self._servers: list[asyncio.Server] = []
        self._bus: asyncio.StreamWriter | None = None
        self._uarts: list[asyncio.StreamWriter | None] = [None] * SLOTS
        self.lines = [self._line(n) for n in range(SLOTS)]
        self.connected = asyncio.Event()
        self.held = b""
        """Key that is down whenever the board is powered on."""

    async def start(self, directory: Path) -> dict[str, str]:
        """Listen on sockets in `directory`; gives the board's arguments."""
        arguments = {}
        for slot in range(SLOTS):
            path = directory / f"slot{slot}"
            self._servers.append(await asyncio.start_unix_server(self._uart_server(slot), path))
            arguments[f"slot{slot}"] = f"unix:{path}"
        self._servers.append(await asyncio.start_unix_server(self._serve_bus, directory / "iobus"))
        return arguments | {"iobus": f"unix:{directory / 'iobus'}"}

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for writer in [self._bus, *self._uarts]:
            if writer:
                writer.close()
        for line in self.lines:
            line.close()

    @property
    def told_ms(self) -> float:
        """Simulated ms that were told to the board: what does not depend on how fast this computer is."""
        return self._advanced_ms

    def now_ms(self) -> float:
        """Simulated ms since the start: real time and what was told to the board."""
        return (time.monotonic() - self._started) * 1000 + self._advanced_ms

    def present(self, slot: int, there: bool) -> None:
        """Tell the board that a card came or went."""
        self._notify(Notice.PRESENCE, slot, bytes([there]))

    def keys(self, keys: bytes) -> None:
        """Keypad: ASCII digits, 0D OK, 1B cancel, 08 correct."""
        for key in keys:
            self._notify(Notice.KEY, 0, bytes([key]))

    async def wait(self, ms: float) -> None:
        """Let simulated time pass."""
        if self.pace == "real":
            await asyncio.sleep(ms / 1000)
            return
        self._owed_ms += ms
        whole = int(self._owed_ms)
        if whole <= 0 or self._bus is None:
            return
        self._owed_ms -= whole
        for uart in self._uarts:
            await drained(uart)
        if whole > LONG_WAIT_MS:  # the last ms apart: the board has looked at its time-outs before what follows
            await self._advance(whole - 2)
            await self._advance(1)
            whole = 1
        await self._advance(whole)

    async def settled(self) -> None:
        """Wait until the board has taken what it was told and turned its loop once more."""
        if self._bus is None:
            return
        await drained(self._bus)
        await self._advance(1)
        await self._advance(1)

    async def _advance(self, ms: int) -> None:
        self._advanced_ms += ms
        self._notify(Notice.ADVANCE, 0, struct.pack(">I", ms))
        await drained(self._bus)

    def _line(self, slot: int) -> StruckLine:
        async def write(data: bytes) -> None:
            uart = self._uarts[slot]
            if uart and not uart.is_closing():
                uart.write(data)

        async def parity(taken: int | None) -> None:
            self._notify(Notice.PARITY, slot, b"\x01" if taken is None else b"\x00" + taken.to_bytes(4, "big"))
            await drained(self._bus)

        return StruckLine(self.wait, write, lambda: self.on_removed(slot), parity, self.now_ms)

    def _uart_server(
        self, slot: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._uarts[slot] = writer
            self.lines[slot].connected()
            try:
                while data := await reader.read(4096):
                    self.lines[slot].feed(data)
            except (ConnectionError, asyncio.CancelledError):
                pass
            finally:
                if self._uarts[slot] is writer:
                    self._uarts[slot] = None
                writer.close()

        return serve

    async def _serve_bus(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._bus = writer
        if self.held:
            self.keys(self.held)
        self.connected.set()
        try:
            while True:
                kind, slot, size = await reader.readexactly(3)
                data = await reader.readexactly(size)
                self.commands += 1
                reply = self._command(kind, slot, data)
                writer.write(Packet.build({"type": kind | 0x80, "slot": slot, "data": reply}))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if self._bus is writer:  # the board is gone, and its supply with it
                self._bus = None
                self.connected.clear()
                for line in self.lines:
                    line.supply_lost()
                self._set_display([" " * COLUMNS] * 4)
            writer.close()

    def _command(self, kind: int, slot: int, data: bytes) -> bytes:
        """Done before it is answered; a command that is none is acknowledged and does nothing."""
        line = self.lines[slot] if slot < SLOTS else None
        if kind == Command.STATE:
            return bytes(int(each.card is not None) for each in self.lines)
        if kind == Command.RANDOM and len(data) == 1:
            return os.urandom(data[0])
        if kind == Command.DISPLAY and slot < 4:
            text = data.decode("utf-8", "replace")[:COLUMNS].ljust(COLUMNS)
            self._set_display([*self.display[:slot], text, *self.display[slot + 1 :]])
        elif line and kind == Command.VCC and data:
            line.vcc(data[0])
        elif line and kind == Command.RST and data:
            line.rst(data[0])
        elif line and kind == Command.IO and data:
            line.io(data[0])
        elif line and kind == Command.CLK and len(data) == 3:
            line.clk(int.from_bytes(data[:2], "big"))
        elif line and kind == Command.ETU and len(data) == 6:
            f, d, guard, signal = struct.unpack(">HBhB", data)
            line.etu(f, d, guard, bool(signal))
        elif line and kind == Command.SENT and len(data) == 4:
            line.sent(int.from_bytes(data, "big"))
        return b""

    def _set_display(self, lines: list[str]) -> None:
        if lines != self.display:
            self.display = lines
            self.on_display(lines)

    def _notify(self, notice: Notice, slot: int, data: bytes) -> None:
        if self._bus and not self._bus.is_closing():
            self._bus.write(Packet.build({"type": notice, "slot": slot, "data": data}))


async def drained(writer: asyncio.StreamWriter | None) -> None:
    """Wait until the peer has read all that was written (unix sockets tell); gives up after 2 s, a peer may be stopped."""
    if writer is None:
        return
    sock: socket.socket | None = writer.get_extra_info("socket")
    deadline = time.monotonic() + _DRAIN_S
    pause = 0.0
    while sock is not None and not writer.is_closing() and time.monotonic() < deadline:
        if not writer.transport.get_write_buffer_size() and not _unread(sock):
            return
        await asyncio.sleep(pause)
        pause = min(pause + 0.0001, 0.002)


def _unread(sock: socket.socket) -> int:
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    except OSError:
        return 0
    return int(count)
