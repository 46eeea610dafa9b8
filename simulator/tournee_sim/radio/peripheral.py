"""One power-up of the simulated terminal's radio: a Bumble device on its own HCI connection."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from bumble import hci
from bumble.device import AdvertisingType, Device
from bumble.transport import open_transport

from tournee_sim.radio.gatt import Database

CENTRAL_CONNECT, CENTRAL_DISCONNECT, GATTS_WRITE = 1, 2, 3
INDICATE_DONE, MTU_EXCHANGED, CONNECTION_UPDATE = 20, 21, 27
"""IRQ numbers of MicroPython's `bluetooth` [IMPL MicroPython docs/library/bluetooth.rst]."""
_ADVERTISEMENT_BYTES: Final = 31
_MAX_PENDING_PDUS: Final = 24  # about NimBLE's pool of buffers: then gatts_notify raises ENOMEM


@dataclass
class RadioStats:
    """Counted since the radio host started."""

    calls: int = 0
    events: int = 0
    connections: int = 0
    bytes_in: int = 0  # written by centrals
    bytes_out: int = 0  # notified
    refused_full: int = 0  # gatts_notify that raised ENOMEM

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class Peripheral:
    """`emit(event, data)` gets the IRQs; methods raise OSError with the errno that the firmware shall see."""

    def __init__(
        self, device: Device, transport: Any, emit: Callable[[int, tuple[Any, ...]], None], stats: RadioStats
    ) -> None:
        self.device = device
        self._emit = emit
        self._stats = stats
        self._transport = transport
        self._advertisement = self._response = b""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.database = Database(device, self._written)
        device.on("connection", self._connected)

    @classmethod
    async def open(
        cls,
        hci_url: str,
        address: str,
        config: dict[str, Any],
        emit: Callable[[int, tuple[Any, ...]], None],
        stats: RadioStats,
    ) -> Peripheral:
        """`config`: `gap_name` and `mtu`. Raises OSError when there is no controller at `hci_url`."""
        spec = hci_url.replace("tcp:", "tcp-client:", 1) if hci_url.startswith("tcp:") else hci_url
        transport = await open_transport(spec)
        device = Device.with_hci(config["gap_name"], hci.Address(address), transport.source, transport.sink)
        radio = cls(device, transport, emit, stats)
        radio.configure(config)
        try:
            await device.power_on()
        except BaseException:
            await transport.close()
            raise
        return radio

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._transport.close()

    def configure(self, config: dict[str, Any]) -> None:
        self.device.gatt_server.max_mtu = config["mtu"]

    async def advertise(
        self, interval_us: int | None, advertisement: bytes | None, response: bytes | None, connectable: bool
    ) -> None:
        self._advertisement = self._advertisement if advertisement is None else advertisement
        self._response = self._response if response is None else response
        if max(len(self._advertisement), len(self._response)) > _ADVERTISEMENT_BYTES:
            raise OSError(errno.EINVAL, "an advertisement holds 31 bytes")
        await self.device.stop_advertising()
        if interval_us is None:
            return
        kinds = AdvertisingType
        await self.device.start_advertising(
            advertising_type=kinds.UNDIRECTED_CONNECTABLE_SCANNABLE if connectable else kinds.UNDIRECTED_SCANNABLE,
            advertising_data=self._advertisement,
            scan_response_data=self._response,
            advertising_interval_min=interval_us / 1000,
            advertising_interval_max=interval_us / 1000,
        )

    def disconnect(self, connection_handle: int) -> bool:
        connection = self.device.connections.get(connection_handle)
        if connection is None:
            return False
        self._spawn(connection.disconnect())
        return True

    async def notify(self, connection_handle: int, handle: int, data: bytes | None) -> None:
        connection = self._connection(connection_handle)
        queue = self.device.host.get_data_packet_queue(connection.handle)
        if queue is not None and queue.pending > _MAX_PENDING_PDUS:
            self._stats.refused_full += 1
            raise OSError(errno.ENOMEM, "all buffers wait for the air")
        value = self.database.value(handle) if data is None else data
        self._stats.bytes_out += len(value)
        await self.device.notify_subscriber(connection, self.database.attribute(handle), value, force=True)

    def indicate(self, connection_handle: int, handle: int, data: bytes | None) -> None:
        connection = self._connection(connection_handle)
        value = self.database.value(handle) if data is None else data

        async def run() -> None:
            status = 0
            try:
                await self.device.indicate_subscriber(connection, self.database.attribute(handle), value, force=True)
            except Exception:  # whatever ended it, the firmware is told by the status
                status = 1
            self._emit(INDICATE_DONE, (connection_handle, handle, status))

        self._spawn(run())

    def _connection(self, connection_handle: int) -> Any:
        connection = self.device.connections.get(connection_handle)
        if connection is None:
            raise OSError(errno.ENOTCONN, "no such connection")
        return connection

    def _written(self, connection: Any, handle: int, byte_count: int) -> None:
        self._stats.bytes_in += byte_count
        self._emit(GATTS_WRITE, (connection.handle, handle))

    def _connected(self, connection: Any) -> None:
        emit, handle = self._emit, connection.handle
        peer = (int(connection.peer_address.is_random), bytes(connection.peer_address)[::-1])
        self._stats.connections += 1

        def updated() -> None:
            parameters = connection.parameters
            interval = round(parameters.connection_interval / 1.25)
            timeout = round(parameters.supervision_timeout / 10)
            emit(CONNECTION_UPDATE, (handle, interval, parameters.peripheral_latency, timeout, 0))

        emit(CENTRAL_CONNECT, (handle, *peer))
        connection.on("disconnection", lambda _reason: emit(CENTRAL_DISCONNECT, (handle, *peer)))
        connection.on("connection_att_mtu_update", lambda: emit(MTU_EXCHANGED, (handle, connection.att_mtu)))
        connection.on("connection_parameters_update", updated)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _quietly(work: Any) -> None:
        with contextlib.suppress(Exception):  # e.g. the other side hung up first
            await work
