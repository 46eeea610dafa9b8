"""bleak's scanner over HCI."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, Literal

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData

from tournee_bleak_hci.radio import Radio

_TYPES = AdvertisingData.Type
_UUID_LISTS = (
    _TYPES.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    _TYPES.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    _TYPES.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    _TYPES.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)


def uuid_text(uuid: UUID) -> str:
    """A Bumble UUID as bleak writes it: 128 bits, lower case."""
    return normalize_uuid_str(uuid.to_hex_str("-").lower())


class HciScanner(BaseBleakScanner):
    radio: ClassVar[Radio]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        **_kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active_scan = scanning_mode == "active"
        self._device: Any = None

    async def start(self) -> None:
        self.seen_devices = {}
        device = await self.radio.acquire()
        device.on("advertisement", self._on_advertisement)
        try:
            await device.start_scanning(active=self._active_scan)
        except BaseException:
            device.remove_listener("advertisement", self._on_advertisement)
            await self.radio.release()
            raise
        self._device = device

    async def stop(self) -> None:
        device, self._device = self._device, None
        if device is None:
            return
        device.remove_listener("advertisement", self._on_advertisement)
        try:
            with contextlib.suppress(Exception):  # the controller may have gone: nothing scans any more
                await device.stop_scanning()
        finally:
            await self.radio.release()

    def _on_advertisement(self, report: Any) -> None:
        advertisement = _advertisement(report)
        if not self.is_allowed_uuid(advertisement.service_uuids):
            return
        address = report.address.to_string(False)
        device = self.create_or_update_device(address, address, advertisement.local_name, report.address, advertisement)
        self.call_detection_callbacks(device, advertisement)


def _advertisement(report: Any) -> AdvertisementData:
    data = report.data
    service_data: dict[str, bytes] = {}
    for kind in (_TYPES.SERVICE_DATA_16_BIT_UUID, _TYPES.SERVICE_DATA_128_BIT_UUID):
        service_data |= {uuid_text(uuid): bytes(value) for uuid, value in data.get_all(kind)}
    return AdvertisementData(
        local_name=data.get(_TYPES.COMPLETE_LOCAL_NAME) or data.get(_TYPES.SHORTENED_LOCAL_NAME),
        manufacturer_data={company: bytes(value) for company, value in data.get_all(_TYPES.MANUFACTURER_SPECIFIC_DATA)},
        service_data=service_data,
        service_uuids=[uuid_text(uuid) for kind in _UUID_LISTS for some in data.get_all(kind) for uuid in some],
        tx_power=data.get(_TYPES.TX_POWER_LEVEL),
        rssi=report.rssi,
        platform_data=(report,),
    )
