"""bleak's client over HCI: connection, discovery, reads, writes and notifications by Bumble's GATT client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from bleak import BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic, GattCharacteristicsFlags
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, hci
from bumble.core import BaseBumbleError, ProtocolError
from bumble.core import TimeoutError as BumbleTimeout
from bumble.device import Peer

from tournee_bleak_hci.radio import Radio
from tournee_bleak_hci.scanner import uuid_text

if TYPE_CHECKING:
    from bleak.args import SizedBuffer

_PREFERRED_MTU: Final = 517
_ATT_DEFAULT_MTU: Final = 23
_MAX_VALUE_BYTES: Final = 512
_MAX_PENDING_PDUS: Final = 32
_DISCONNECT_S: Final = 5.0
_T = TypeVar("_T")


class HciClient(BaseBleakClient):
    radio: ClassVar[Radio]
    scanner_type: ClassVar[type[BaseBleakScanner]]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        services: set[str] | None = None,
        timeout: float = 30.0,
        **_kwargs: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._ble_device = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._only = services
        self._device: Any = None
        self._connection: Any = None
        self._peer: Any = None
        self._subscriptions: dict[int, Callable[[bytes], None]] = {}
        self._releasing: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return (self._ble_device.name if self._ble_device else None) or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return int(self._need().att_mtu)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    # ---- connection

    async def connect(self, pair: bool, **_kwargs: Any) -> None:
        """Finds the peer by its address if need be, connects, asks for a large MTU, discovers."""
        if self._connection is not None:
            raise BleakError("already connected")
        if self._releasing is not None:
            await self._releasing
        target = await self._target()
        device = await self.radio.acquire()
        try:
            connection = await device.connect(target, timeout=self._timeout)
        except BaseException as exc:
            await self.radio.release()
            raise _connect_error(exc) from exc
        self._device, self._connection = device, connection
        connection.on("disconnection", self._on_disconnection)
        if device.connections.get(connection.handle) is not connection:  # gone before the listener was there
            self._on_disconnection(0)
        try:
            async with asyncio.timeout(self._timeout):
                self._peer = Peer(self._need())
                await self._att(lambda: self._peer.request_mtu(_PREFERRED_MTU))
                if pair:
                    await self.pair()
                await self._att(self._discover)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(hci.HCI_Error, BaseBumbleError, TimeoutError):
                await asyncio.wait_for(connection.disconnect(), _DISCONNECT_S)
            if self._connection is connection:  # the controller did not say so
                self._on_disconnection(0)
        if self._releasing is not None:
            await self._releasing

    async def _target(self) -> Any:
        if self._ble_device is None:
            self._ble_device = await BleakScanner.find_device_by_address(
                self.address, timeout=self._timeout, backend=self.scanner_type
            )
        if self._ble_device is None:
            raise BleakDeviceNotFoundError(self.address, f"device {self.address} was not found")
        return self._ble_device.details

    def _on_disconnection(self, _reason: int) -> None:
        if self._connection is None:
            return
        self._connection = self._peer = self._device = None
        self._subscriptions.clear()
        self.services = None
        self._releasing = asyncio.get_running_loop().create_task(self.radio.release())
        if self._disconnected_callback:
            self._disconnected_callback()

    async def _discover(self) -> None:
        found = BleakGATTServiceCollection()
        for service in await self._peer.discover_services():
            uuid = uuid_text(service.uuid)
            if self._only and uuid not in self._only:
                continue
            bleak_service = BleakGATTService(service, service.handle, uuid)
            found.add_service(bleak_service)
            for one in await self._peer.discover_characteristics(service=service):
                properties: list[Any] = [
                    flag.name.replace("_", "-")
                    for flag in GattCharacteristicsFlags
                    if flag.name and one.properties & flag.value
                ]
                characteristic = BleakGATTCharacteristic(
                    one, one.handle, uuid_text(one.uuid), properties, self._max_write_bytes, bleak_service
                )
                found.add_characteristic(characteristic)
                for below in await self._peer.discover_descriptors(one):
                    descriptor = BleakGATTDescriptor(below, below.handle, uuid_text(below.type), characteristic)
                    found.add_descriptor(descriptor)
        self.services = found

    def _max_write_bytes(self) -> int:
        mtu = self._connection.att_mtu if self._connection is not None else _ATT_DEFAULT_MTU
        return int(min(mtu - 3, _MAX_VALUE_BYTES))

    # ---- pairing

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """Encrypts with the stored key if there is one, else pairs."""
        connection = self._need()
        keystore = self._device.keystore
        keys = await keystore.get(str(connection.peer_address)) if keystore else None
        try:
            await self._att(connection.encrypt if keys and keys.ltk else connection.pair)
        except ProtocolError as exc:
            raise BleakError(f"could not pair: {exc.error_name or exc.error_code}") from exc
        except hci.HCI_Error as exc:
            raise BleakError(f"could not encrypt: {exc}") from exc

    async def unpair(self) -> None:
        keystore = self._device.keystore if self._device is not None else None
        await self.disconnect()
        if keystore and self._ble_device is not None:
            await keystore.delete(str(self._ble_device.details))

    # ---- values

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        return bytearray(await self._att(lambda: self._peer.read_value(characteristic.obj)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        return bytearray(await self._att(lambda: self._peer.read_value(descriptor.obj)))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """Without response: waits until the radio has taken enough of what was written before."""
        value = bytes(data)
        if not response and len(value) > self._max_write_bytes():
            raise BleakError(f"{len(value)} bytes do not fit a write without response: {self._max_write_bytes()}")
        await self._att(lambda: self._peer.write_value(characteristic.obj, value, with_response=response))
        if not response:
            await self._drain()

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        await self._att(lambda: self._peer.write_value(descriptor.obj, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        if characteristic.handle in self._subscriptions:
            raise ValueError("notifications of this characteristic are already on")

        def received(value: bytes) -> None:
            callback(bytearray(value))

        self._subscriptions[characteristic.handle] = received
        try:
            await self._att(lambda: self._peer.subscribe(characteristic.obj, received))
        except BaseException:
            self._subscriptions.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        received = self._subscriptions.pop(characteristic.handle, None)
        if received is not None:
            await self._att(lambda: self._peer.unsubscribe(characteristic.obj, received))

    # ---- inside

    def _need(self) -> Any:
        if self._connection is None:
            raise BleakError("not connected")
        return self._connection

    async def _att(self, procedure: Callable[[], Awaitable[_T]]) -> _T:
        """Runs one procedure; its errors become bleak's, a disconnection in its midst too."""
        connection = self._need()
        try:
            return await procedure()
        except att.ATT_Error as exc:
            raise BleakGATTProtocolError(exc.error_code) from exc
        except BumbleTimeout as exc:
            raise BleakError("the peer did not answer an ATT request within 30 s") from exc
        except asyncio.CancelledError as exc:
            # Bumble cancels the pending future when the link ends: that is no cancellation of this task
            task = asyncio.current_task()
            if self._connection is not connection and task is not None and not task.cancelling():
                raise BleakError("disconnected") from exc
            raise
        except (BaseBumbleError, AttributeError) as exc:
            if self._connection is not connection:
                raise BleakError("disconnected") from exc
            raise

    async def _drain(self) -> None:
        while self._connection is not None:
            connection = self._connection
            queue = self._device.host.get_data_packet_queue(connection.handle)
            if queue is None or queue.pending <= _MAX_PENDING_PDUS:
                return
            room = asyncio.get_running_loop().create_future()

            def wake(*_args: Any, room: asyncio.Future[None] = room) -> None:
                if not room.done():
                    room.set_result(None)

            queue.on("flow", wake)
            connection.on("disconnection", wake)
            try:
                await room
            finally:
                queue.remove_listener("flow", wake)
                connection.remove_listener("disconnection", wake)
        raise BleakError("disconnected")


def _connect_error(exc: BaseException) -> BaseException:
    if isinstance(exc, (BumbleTimeout, TimeoutError)):
        return TimeoutError("the device does not answer")
    if isinstance(exc, (BaseBumbleError, hci.HCI_Error)):
        return BleakError(f"could not connect: {exc}")
    return exc
