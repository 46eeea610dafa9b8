"""The cable: the USB Network Redirection protocol, side of the device. QEMU's `usb-redir` connects and gives it to its guest.

[SPEC usb-redirection-protocol 0.7 of the usbredir project: high] Packets of a type, a length and an id, integers little-endian.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from tournee_sim.usb import descriptors
from tournee_sim.usb.device import IN, Device, Setup, Stall
from tournee_sim.usb.pipes import InPipe, OutPipe

HELLO, CONNECT, DISCONNECT, RESET, INTERFACES, ENDPOINTS = range(6)
SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION = 6, 7, 8
SET_ALT, GET_ALT, ALT = 9, 10, 11
START_INTERRUPT, STOP_INTERRUPT, INTERRUPT = 15, 16, 17
CANCEL, FILTER_REJECT, FILTER, DISCONNECT_ACK = 21, 22, 23, 24
CONTROL_PACKET, BULK_PACKET = 100, 101
_SUCCESS, _CANCELLED, _INVALID, _STALL = 0, 1, 2, 4
_FULL_SPEED = 1
_CAPABILITIES: Final = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6
"""Device version, acknowledged disconnection, packet sizes, ids of 64 bits, bulk lengths of 32."""
_HEAD, _LONG_HEAD = struct.Struct("<III"), struct.Struct("<IIQ")
_CONTROL, _BULK = struct.Struct("<BBBBHHH"), struct.Struct("<BBHIH")
_QUIET: Final = {FILTER_REJECT, FILTER}


class Redirection:
    """Listens at a Unix socket for one QEMU; `plugged` says whether the device is there, `unplug` and `plug` change it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        device.replug = self._replug
        self._server: asyncio.Server | None = None
        self._host: asyncio.StreamWriter | None = None
        self._head = _HEAD
        self._gone = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._replugging: asyncio.Task[None] | None = None
        self._greeted = self._there = False  # the other side has said hello; the device was told to it
        self.plugged = True
        self.refused: list[str] = []
        """What the host asked and we could not make out."""

    async def start(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._server:
            self._server.close()
        if self._host:
            self._host.close()

    def plug(self) -> None:
        self.plugged = True
        self._connect()

    async def unplug(self) -> None:
        """Once the host has noticed, this returns."""
        self.plugged = False
        await self._leave()

    # --- coming and going ---------------------------------------------------------------------------------------------

    def _replug(self) -> None:
        if self.plugged and self._there and self._replugging is None:
            self._replugging = self._begin(self._again())

    async def _again(self) -> None:
        try:
            await self._leave()
        finally:
            self._replugging = None
        if self.plugged:
            self._connect()

    async def _leave(self) -> None:
        self._device.reset()
        if self._there:
            self._there = False
            self._gone.clear()
            self._send(DISCONNECT)
            await self._gone.wait()

    def _connect(self) -> None:
        if not self._greeted or self._there:
            return
        self._there = True
        device = self._device.face.device
        self._describe()
        vendor, product, version = struct.unpack_from("<HHH", device, 8)
        self._send(CONNECT, struct.pack("<BBBBHHH", _FULL_SPEED, *device[4:7], vendor, product, version))

    def _describe(self) -> None:
        """Interfaces and endpoints of the configuration: before the device, and after each change of it."""
        interfaces, endpoints = descriptors.parts(self._device.face.configuration)
        columns = [
            bytes(column).ljust(32, b"\0") for column in zip(*((i.number, *i.triple) for i in interfaces), strict=True)
        ]
        self._send(INTERFACES, struct.pack("<I", len(interfaces)) + b"".join(columns))
        kinds, intervals, owners, sizes = bytearray(b"\xff" * 32), bytearray(32), bytearray(32), [0] * 32
        kinds[0] = kinds[16] = 0
        sizes[0] = sizes[16] = 64
        for each in endpoints:
            at = (each.address & 15) + (16 if each.address & IN else 0)
            kinds[at], intervals[at], owners[at], sizes[at] = each.kind, each.interval, each.interface, each.packet
        self._send(ENDPOINTS, bytes(kinds) + bytes(intervals) + bytes(owners) + struct.pack("<32H", *sizes))

    # --- packets ------------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host, self._head = writer, _HEAD
        self._send(HELLO, b"Tournee".ljust(64, b"\0") + struct.pack("<I", _CAPABILITIES))
        try:
            while True:
                kind, length, number = self._head.unpack(await reader.readexactly(self._head.size))
                self._heard(kind, number, await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._host = None
            self._greeted = self._there = False
            self._gone.set()
            self._device.reset()
            writer.close()

    def _heard(self, kind: int, number: int, body: bytes) -> None:
        if kind == HELLO:
            if len(body) < 68 or struct.unpack_from("<I", body, 64)[0] & _CAPABILITIES != _CAPABILITIES:
                raise ConnectionError("the other side of the cable is too old")
            self._head, self._greeted = _LONG_HEAD, True
            if self.plugged:
                self._connect()
        elif kind == DISCONNECT_ACK:
            self._gone.set()
        elif kind == RESET:
            self._device.reset()
        elif kind == SET_CONFIGURATION:
            good = self._device.configure(body[0])
            self._describe()
            self._send(CONFIGURATION, bytes((_SUCCESS if good else _STALL, self._device.configuration)), number)
        elif kind == GET_CONFIGURATION:
            self._send(CONFIGURATION, bytes((_SUCCESS, self._device.configuration)), number)
        elif kind in (SET_ALT, GET_ALT):
            alt = body[1] if kind == SET_ALT else 0
            self._send(ALT, bytes((_STALL if alt else _SUCCESS, body[0], 0)), number)
        elif kind in (START_INTERRUPT, STOP_INTERRUPT):  # no notice is ever sent
            self._send(INTERRUPT, bytes((_SUCCESS, body[0])), number)
        elif kind == CANCEL:
            self._cancel(number)
        elif kind == CONTROL_PACKET:
            self._begin(self._control(number, body))
        elif kind == BULK_PACKET:
            self._bulk(number, body)
        elif kind not in _QUIET:
            self.refused.append(f"packet of type {kind}")

    async def _control(self, number: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = _CONTROL.unpack_from(body)
        status, answer = _SUCCESS, b""
        try:
            answer = await self._device.control(Setup(kind, request, value, index, length), body[_CONTROL.size :])
        except Stall:
            status = _STALL
        done = len(answer) if kind & IN or status else length
        self._send(CONTROL_PACKET, _CONTROL.pack(endpoint, request, kind, status, value, index, done) + answer, number)

    def _bulk(self, number: int, body: bytes) -> None:
        endpoint, _, low, stream, high = _BULK.unpack_from(body)
        data = body[_BULK.size :]

        def answer(done: bytes, status: int = _SUCCESS) -> None:
            head = _BULK.pack(endpoint, status, len(done) & 0xFFFF, stream, len(done) >> 16)
            self._send(BULK_PACKET, head + (done if endpoint & IN else b""), number)

        pipe = self._device.pipe(endpoint) if self._device.configuration else None
        if isinstance(pipe, InPipe):
            pipe.ask(number, low | high << 16, answer)
        elif isinstance(pipe, OutPipe):
            pipe.put(number, data, answer)
        else:
            self.refused.append(f"endpoint {endpoint:02x}")
            answer(b"", _INVALID)

    def _cancel(self, number: int) -> None:
        for endpoint in range(256):
            pipe = self._device.pipe(endpoint)
            if pipe is not None and pipe.cancel(number):
                self._send(BULK_PACKET, _BULK.pack(endpoint, _CANCELLED, 0, 0, 0), number)
                return

    def _send(self, kind: int, body: bytes = b"", number: int = 0) -> None:
        if self._host is not None and not self._host.is_closing():
            self._host.write(self._head.pack(kind, len(body), number) + body)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
