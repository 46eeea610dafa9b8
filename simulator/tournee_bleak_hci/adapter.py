"""bleak's adapter class over HCI."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from bleak.backends.adapter import BaseBleakAdapter
from bleak.backends.device import BLEDevice

from tournee_bleak_hci.radio import Radio


class HciAdapter(BaseBleakAdapter):
    """The controller that `backend()` was given."""

    radio: ClassVar[Radio]

    @classmethod
    async def get(cls, **_kwargs: Any) -> Self:
        return cls()

    async def get_connected_devices(self, service_uuids: frozenset[str]) -> list[BLEDevice]:
        """Peers connected through this controller by this process."""
        device = self.radio.device
        connections = device.connections.values() if device is not None else ()
        return [BLEDevice(c.peer_address.to_string(False), c.peer_name, c.peer_address) for c in connections]
