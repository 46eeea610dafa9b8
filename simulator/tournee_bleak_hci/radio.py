"""The central's side of one HCI controller: a Bumble device that is open only while somebody uses it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import Any, Final

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble import hci
from bumble.device import Device
from bumble.transport import open_transport

_NAME: Final = "bleak-hci"
_POWER_ON_S: Final = 10.0
_log = logging.getLogger(__name__)


class Radio:
    """Counted use: `device = await acquire()` … `await release()`; the last one out closes the HCI connection."""

    def __init__(self, hci_url: str) -> None:
        self.hci_url = hci_url
        self.address = _static_random_address()
        self.device: Device | None = None
        self._transport: Any = None
        self._users = 0
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def acquire(self) -> Device:
        """Opens the controller at the first use; raises BleakBluetoothNotAvailableError that says why not."""
        self._adopt_loop()
        async with self._lock:
            if self.device is None:
                await self._open()
            self._users += 1
            return self.device

    async def release(self) -> None:
        """Never raises; one per `acquire`."""
        self._adopt_loop()
        async with self._lock:
            self._users = max(0, self._users - 1)
            if self._users == 0:
                await self._close()

    def _adopt_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an earlier loop ended with the radio open: its transport died with it
            self._loop, self._lock = loop, asyncio.Lock()
            self.device, self._transport, self._users = None, None, 0

    async def _open(self) -> None:
        try:
            transport = await open_transport(_bumble_spec(self.hci_url))
        except Exception as exc:  # OSError, or whatever the transport's library raises
            raise _unavailable(f"no HCI controller at {self.hci_url}: {exc}") from exc
        device = Device.with_hci(_NAME, hci.Address(self.address), transport.source, transport.sink)
        device.on("flush", self._lost)
        try:
            await asyncio.wait_for(device.power_on(), _POWER_ON_S)
        except BaseException as exc:
            await _close_quietly(transport)
            if isinstance(exc, Exception):
                raise _unavailable(f"the HCI controller at {self.hci_url} does not start: {exc!r}") from exc
            raise
        self.device, self._transport = device, transport

    async def _close(self) -> None:
        device, transport = self.device, self._transport
        self.device = self._transport = None
        if device is not None:
            device.remove_listener("flush", self._lost)
        if transport is not None:
            await _close_quietly(transport)

    def _lost(self) -> None:
        _log.info("the HCI controller at %s went away", self.hci_url)
        self.device = None  # the next acquire opens a new one


def _bumble_spec(hci_url: str) -> str:
    return "tcp-client:" + hci_url.removeprefix("tcp:") if hci_url.startswith("tcp:") else hci_url


def _static_random_address() -> str:
    """Top two bits set [SPEC Core 5.4 Vol 6 Part B 1.3.2.1]."""
    raw = bytearray(secrets.token_bytes(6))
    raw[0] |= 0xC0
    return ":".join(f"{byte:02X}" for byte in raw)


def _unavailable(message: str) -> BleakBluetoothNotAvailableError:
    return BleakBluetoothNotAvailableError(message, BleakBluetoothNotAvailableReason.NO_BLUETOOTH)


async def _close_quietly(transport: Any) -> None:
    with contextlib.suppress(Exception):
        await transport.close()
