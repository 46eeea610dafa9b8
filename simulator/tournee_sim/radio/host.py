"""The radio of a simulated terminal: a Bumble GATT server behind the `bluetooth` module of a real MicroPython process.

The firmware process connects twice to a unix socket: `calls` (one request, one reply) and `events` (the IRQs). Its death is
a power cut: the connection to the HCI hub closes and the central is told. Peripheral role without pairing [SIMULATION of
`bluetooth.BLE`; the link has its own channel, DESIGN §5].
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bumble.core import BaseBumbleError

from tournee_sim.radio.mpy.tagged import decode, encode
from tournee_sim.radio.peripheral import Peripheral, RadioStats

_EVENTS_SOCKET_S: Final = 5.0
_log = logging.getLogger(__name__)


def static_address(identity: str) -> str:
    """A static random address (top two bits set) [SPEC Core 5.4 Vol 6 Part B 1.3.2.1], the same for the same identity."""
    raw = bytearray(hashlib.sha256(identity.encode()).digest()[:6])
    raw[0] |= 0xC0
    return ":".join(f"{byte:02X}" for byte in raw)


class RadioHost:
    """`async with RadioHost("/run/x/ble", "tcp:127.0.0.1:9811")`, then start MicroPython with `ble=unix:/run/x/ble`."""

    def __init__(self, socket_path: str | Path, hci_url: str, *, address: str | None = None) -> None:
        self.socket_path = Path(socket_path)
        self.hci_url = hci_url
        self.address = address or static_address(str(self.socket_path))
        self.stats = RadioStats()
        self.on_notified: Callable[[bytes], None] = lambda data: None
        self._server: asyncio.Server | None = None
        self._calls: asyncio.StreamWriter | None = None
        self._events: asyncio.StreamWriter | None = None
        self._events_there = asyncio.Event()
        self._radio: Peripheral | None = None
        self._config: dict[str, Any] = {"gap_name": "MPY BLE", "mtu": 256, "rxbuf": 512, "addr_mode": 0}

    async def __aenter__(self) -> RadioHost:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self.socket_path))

    async def close(self) -> None:
        """Power cut of the radio; the socket goes too."""
        if self._server is not None:
            self._server.close()
        for writer in (self._calls, self._events):
            if writer is not None:
                writer.close()
        await self._set_active(False)
        self.socket_path.unlink(missing_ok=True)

    @property
    def truncated_writes(self) -> int:
        """Writes of the central that the firmware's buffer could not hold whole."""
        return self._radio.database.truncated_writes if self._radio is not None else 0

    # ---- the two sockets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (kind,) = await _read(reader)
            if kind == "events":
                self._events = writer
                self._events_there.set()
                await reader.read()  # nothing is said here; its end is the end of the firmware
            elif kind == "calls":
                self._calls = writer
                await self._set_active(False)  # a firmware before this one, whose end was not seen yet
                await self._serve_calls(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except ValueError as exc:
            _log.error("the firmware's bluetooth module sent what cannot be read: %s", exc)
        finally:
            await self._hung_up(writer)

    async def _serve_calls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            operation, *arguments = await _read(reader)
            self.stats.calls += 1
            writer.write(encode(await self._answer(operation, arguments)))

    async def _hung_up(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        if writer is self._events:
            self._events = None
            self._events_there.clear()
        elif writer is self._calls:
            self._calls = None
            await self._set_active(False)

    async def _answer(self, operation: str, arguments: list[Any]) -> tuple[Any, ...]:
        """(0, result) or (errno,)."""
        handler = getattr(self, f"_op_{operation}", None)
        try:
            if handler is None:
                raise OSError(errno.EOPNOTSUPP, operation)
            return 0, await handler(*arguments)
        except OSError as exc:
            return (exc.errno or errno.EIO,)
        except BaseBumbleError:  # the HCI connection ended
            return (errno.EIO,)
        except Exception:
            _log.exception("radio operation %s failed", operation)
            return (errno.EIO,)

    def _emit(self, event: int, data: tuple[Any, ...]) -> None:
        self.stats.events += 1
        if self._events is not None and not self._events.is_closing():
            self._events.write(encode((event, data)))

    # ---- operations of the module

    async def _op_active(self, on: bool) -> None:
        await self._set_active(on)

    async def _set_active(self, on: bool) -> None:
        if on and self._radio is None:
            await asyncio.wait_for(self._events_there.wait(), _EVENTS_SOCKET_S)
            self._radio = await Peripheral.open(self.hci_url, self.address, self._config, self._emit, self.stats)
        elif not on and self._radio is not None:
            radio, self._radio = self._radio, None
            await radio.close()

    async def _op_config_get(self, key: str) -> Any:
        if key == "mac":
            return (1, bytes.fromhex(self.address.replace(":", "")))
        if key not in self._config:
            raise OSError(errno.EINVAL, key)
        value = self._config[key]
        return value.encode() if isinstance(value, str) else value

    async def _op_config_set(self, key: str, value: Any) -> None:
        if key not in self._config:
            raise OSError(errno.EINVAL, key)
        self._config[key] = value.decode() if isinstance(value, bytes) else value
        if self._radio is not None:
            self._radio.configure(self._config)

    async def _op_gap_advertise(
        self, interval_us: int | None, advertisement: bytes | None, response: bytes | None, connectable: bool
    ) -> None:
        await self._need_radio().advertise(interval_us, advertisement, response, connectable)

    async def _op_gap_disconnect(self, connection_handle: int) -> bool:
        return self._need_radio().disconnect(connection_handle)

    async def _op_gatts_register_services(self, services: list[Any]) -> Any:
        return self._need_radio().database.register(services)

    async def _op_gatts_read(self, handle: int) -> bytes:
        return self._need_radio().database.read(handle)

    async def _op_gatts_write(self, handle: int, data: bytes, send: bool) -> None:
        radio = self._need_radio()
        radio.database.write(handle, data)
        if send:
            await radio.device.notify_subscribers(radio.database.attribute(handle), data)

    async def _op_gatts_set_buffer(self, handle: int, max_bytes: int, append: bool) -> None:
        self._need_radio().database.set_buffer(handle, max_bytes, append)

    async def _op_gatts_notify(self, connection_handle: int, handle: int, data: bytes | None) -> None:
        await self._need_radio().notify(connection_handle, handle, data)
        if data is not None:
            self.on_notified(data)

    async def _op_gatts_indicate(self, connection_handle: int, handle: int, data: bytes | None) -> None:
        self._need_radio().indicate(connection_handle, handle, data)

    def _need_radio(self) -> Peripheral:
        if self._radio is None:
            raise OSError(errno.ENODEV, "bluetooth is not active")
        return self._radio


async def _read(reader: asyncio.StreamReader) -> list[Any]:
    """The next message; raises asyncio.IncompleteReadError at the end of the stream."""
    (length,) = struct.unpack("<H", await reader.readexactly(2))
    return decode(await reader.readexactly(length), 0, length)
