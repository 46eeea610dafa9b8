"""Serial line or USB CDC by pyserial; a thread reads, all 256 values pass (raw, no flow control)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading

import serial

from tournee.link.errors import LinkLost, LinkUnavailable
from tournee.link.transport import Traffic
from tournee.link.url import Url

_DEFAULT_BAUD = 115200
_WRITE_S = 10.0


def make(url: Url) -> SerialTransport:
    return SerialTransport(url)


class SerialTransport:
    """`serial:/dev/ttyACM0?baud=115200` (the speed means nothing on USB)."""

    def __init__(self, url: Url) -> None:
        self.url = str(url)
        self.traffic = Traffic()
        self._device = url.target
        baud = url.options.get("baud", "")
        self._baud = int(baud) if baud.isascii() and baud.isdigit() else _DEFAULT_BAUD
        self._port: serial.Serial | None = None
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        await self.close()
        try:
            port = await asyncio.to_thread(
                serial.Serial, self._device, self._baud, timeout=None, write_timeout=_WRITE_S, exclusive=True
            )
        except (OSError, ValueError) as exc:  # SerialException is an OSError
            raise _unavailable(self._device, exc) from exc
        self._port, self._queue = port, asyncio.Queue()
        self._thread = threading.Thread(
            target=_pump,
            args=(port, asyncio.get_running_loop(), self._queue),
            name=f"serial {self._device}",
            daemon=True,
        )
        self._thread.start()

    async def read(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            self._queue.put_nowait(None)  # every later read ends too
            raise LinkLost
        self.traffic.bytes_in += len(data)
        return data

    async def write(self, data: bytes) -> None:
        if self._port is None:
            raise LinkLost
        try:
            await asyncio.to_thread(self._port.write, data)
        except (OSError, TypeError) as exc:  # TypeError: pyserial, when the port is closed during a write
            raise LinkLost from exc
        self.traffic.bytes_out += len(data)
        self.traffic.writes += 1

    async def close(self) -> None:
        port, self._port = self._port, None
        thread, self._thread = self._thread, None
        if port is None:
            return
        with contextlib.suppress(OSError, AttributeError):
            port.cancel_read()
        if thread is not None:
            await asyncio.to_thread(thread.join, 2.0)
        with contextlib.suppress(OSError):
            port.close()
        self._queue.put_nowait(None)


def _pump(port: serial.Serial, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[bytes | None]) -> None:
    def post(data: bytes | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            loop.call_soon_threadsafe(queue.put_nowait, data)

    try:
        while data := port.read(1):  # empty: cancelled by close
            post(data + port.read(port.in_waiting))
    except (OSError, TypeError):
        pass
    post(None)


def _unavailable(device: str, exc: Exception) -> LinkUnavailable:
    code = getattr(exc, "errno", None)
    if code in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
        return LinkUnavailable(f"{device} est déjà utilisé par un autre programme.", "Fermez-le, puis recommencez.")
    if code in (errno.EACCES, errno.EPERM) or isinstance(exc, PermissionError):
        return LinkUnavailable(
            f"Pas le droit d'ouvrir {device}.", "Ajoutez votre compte au groupe « dialout », puis reconnectez-vous."
        )
    if code in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return LinkUnavailable(
            f"Aucun terminal sur {device}.", "Branchez le terminal, puis cherchez-le : tournee terminal scan."
        )
    return LinkUnavailable(
        f"{device} ne s'ouvre pas ({type(exc).__name__}).", "Débranchez puis rebranchez le terminal."
    )
