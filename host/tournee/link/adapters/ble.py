"""Bluetooth LE by bleak: `ble:Tournee-0001`, `ble:AA:BB:CC:DD:EE:FF`, with `?hci=tcp:127.0.0.1:9811` over an HCI controller.

Without `hci` the operating system's Bluetooth is used. `hci` names a driver of the entry-point group `tournee.bleak_backends`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tournee.link.errors import BadUrl, LinkError, LinkLost, LinkUnavailable
from tournee.link.transport import Traffic
from tournee.link.url import Url
from tournee_protocol.link import BLE_CHUNK_BYTES, BLE_RX, BLE_SERVICE, BLE_TX

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

DRIVER_GROUP: Final = "tournee.bleak_backends"
DEFAULT_TIMEOUT_S: Final = 10.0
_VALUE_OVERHEAD_BYTES: Final = 3
_DEFAULT_MTU: Final = 23
_CHUNKS_PER_ACK: Final = 8
"""Every eighth value is acknowledged: not every system's stack holds back writes without response."""
_ADDRESS: Final = re.compile(
    r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE
)
"""A Bluetooth address, or the UUID that macOS gives instead."""
_OPTIONS: Final = frozenset({"hci", "timeout_s"})


@dataclass
class BleTraffic(Traffic):
    """`round_trips`: writes that followed an answer; each costs about two connection intervals."""

    notifications: int = 0
    round_trips: int = 0
    mtu: int = _DEFAULT_MTU
    connections: int = 0


@dataclass(frozen=True)
class Found:
    """A terminal that was heard."""

    name: str
    address: str
    rssi_dbm: int


def make(url: Url) -> BleTransport:
    return BleTransport(url)


async def scan(timeout_s: float = 5.0, *, hci: str | None = None) -> list[Found]:
    """The terminals in range, the nearest first; raises LinkUnavailable when there is no Bluetooth."""
    found: dict[str, Found] = {}
    try:
        async with _scanner(hci, lambda device, heard: _note(found, device, heard)):
            await asyncio.sleep(timeout_s)
    except Exception as exc:
        raise _unavailable(exc, hci) from exc
    return sorted(found.values(), key=lambda one: -one.rssi_dbm)


class BleTransport:
    """One terminal; bytes are cut to what a value carries, `min(MTU - 3, 244)`."""

    def __init__(self, url: Url) -> None:
        unknown = sorted(set(url.options) - _OPTIONS)
        if unknown:
            raise BadUrl(f"Option inconnue dans {url} : {unknown[0]}.", "Les options de ble: sont hci et timeout_s.")
        self.url = str(url)
        self.traffic = BleTraffic()
        self._target = url.target
        self._hci = url.options.get("hci") or None
        self._timeout_s = _seconds(url)
        self._client: BleakClient | None = None
        self._rx: BleakGATTCharacteristic | None = None
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._write_lock = asyncio.Lock()
        self._answered = True

    async def open(self) -> None:
        await self.close()
        try:
            device = await self._find()
            await self._connect(device)
        except LinkError:
            await self.close()
            raise
        except Exception as exc:
            await self.close()
            raise _unavailable(exc, self._hci, self._target) from exc
        except asyncio.CancelledError:
            await self.close()
            raise

    async def read(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            self._queue.put_nowait(None)  # every later read ends too
            raise LinkLost
        return data

    async def write(self, data: bytes) -> None:
        async with self._write_lock:
            client, rx = self._client, self._rx
            if client is None or rx is None or not client.is_connected:
                raise LinkLost
            if self._answered:
                self._answered = False
                self.traffic.round_trips += 1
            try:
                for number, chunk in enumerate(_chunks(data, _value_bytes(rx)), 1):
                    await client.write_gatt_char(rx, chunk, response=number % _CHUNKS_PER_ACK == 0)
                    self.traffic.bytes_out += len(chunk)
                    self.traffic.writes += 1
            except Exception as exc:  # BleakError, or what the system's stack raises when the link ends
                raise LinkLost from exc

    async def close(self) -> None:
        client, self._client, self._rx = self._client, None, None
        self._queue.put_nowait(None)
        if client is not None:
            with contextlib.suppress(Exception):
                await client.disconnect()

    async def _find(self) -> BLEDevice:
        seen: dict[str, Found] = {}
        wanted = self._target.lower()
        by_address = _ADDRESS.fullmatch(self._target) is not None
        matched: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

        def heard(device: BLEDevice, advertisement: Any) -> None:
            _note(seen, device, advertisement)
            name = advertisement.local_name or device.name or ""
            if wanted == (device.address if by_address else name).lower() and not matched.done():
                matched.set_result(device)

        async with _scanner(self._hci, heard):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(matched, self._timeout_s)
        raise _not_found(self._target, [one.name for one in seen.values() if one.name])

    async def _connect(self, device: BLEDevice) -> None:
        from bleak import BleakClient

        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        backend = _driver(self._hci).client if self._hci else None
        client = BleakClient(
            device,
            lambda _client: queue.put_nowait(None),
            services=[BLE_SERVICE],  # each other service costs round trips
            timeout=self._timeout_s,
            backend=backend,
        )

        def notified(_sender: BleakGATTCharacteristic, value: bytearray) -> None:
            self.traffic.notifications += 1
            self.traffic.bytes_in += len(value)
            self._answered = True
            queue.put_nowait(bytes(value))

        self._client, self._queue, self._answered = client, queue, True
        await client.connect()
        rx = client.services.get_characteristic(BLE_RX)
        tx = client.services.get_characteristic(BLE_TX)
        if rx is None or tx is None:
            raise LinkUnavailable(
                f"« {self._target} » n'est pas un terminal Tournée.", "Cherchez le terminal : tournee terminal scan."
            )
        await client.start_notify(tx, notified)
        self._rx = rx
        self.traffic.mtu = rx.max_write_without_response_size + _VALUE_OVERHEAD_BYTES
        self.traffic.connections += 1


def _value_bytes(rx: BleakGATTCharacteristic) -> int:
    """What one value carries; asked of the characteristic, because BlueZ knows no MTU of the connection."""
    return max(1, min(rx.max_write_without_response_size, BLE_CHUNK_BYTES))


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _seconds(url: Url) -> float:
    text = url.options.get("timeout_s", "")
    if not text:
        return DEFAULT_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 300:
        raise BadUrl(f"Durée invalide dans {url} : timeout_s={text}.", "Écrivez des secondes, de 1 à 300.")
    return seconds


def _driver(hci: str) -> Any:
    points = importlib.metadata.entry_points(group=DRIVER_GROUP, name="hci")
    if not points:
        raise LinkUnavailable(
            "Le pilote Bluetooth « hci » n'est pas installé.", "Installez-le : pip install 'tournee[sim]'."
        )
    try:
        return next(iter(points)).load()(hci)
    except ImportError as exc:
        raise LinkUnavailable(
            f"Le pilote Bluetooth « hci » ne se charge pas ({exc.name}).", "Installez-le : pip install 'tournee[sim]'."
        ) from exc


def _scanner(hci: str | None, heard: Any) -> Any:
    from bleak import BleakScanner

    return BleakScanner(heard, backend=_driver(hci).scanner) if hci else BleakScanner(heard)


def _note(found: dict[str, Found], device: BLEDevice, advertisement: Any) -> None:
    if BLE_SERVICE not in advertisement.service_uuids and device.address not in found:
        return
    name = advertisement.local_name or device.name or ""
    found[device.address] = Found(name, device.address, advertisement.rssi)


def _not_found(target: str, seen: list[str]) -> LinkUnavailable:
    heard = f"Terminaux entendus : {', '.join(sorted(seen))}." if seen else "Aucun terminal n'a été entendu."
    return LinkUnavailable(
        f"Terminal « {target} » introuvable en Bluetooth. {heard}",
        "Allumez-le, rapprochez-le, et vérifiez qu'aucun autre appareil n'y est relié (tournee terminal scan).",
    )


def _unavailable(exc: Exception, hci: str | None, target: str = "") -> LinkError:
    """What a person can do about it; the words of the stack stay in the chained exception."""
    from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError
    from bleak.exc import BleakBluetoothNotAvailableReason as Reason

    if isinstance(exc, LinkError):
        return exc
    if isinstance(exc, BleakBluetoothNotAvailableError):
        if hci:
            return LinkUnavailable(
                f"Aucun contrôleur Bluetooth à {hci}.",
                "Démarrez-le (tournee sim air), ou corrigez ?hci= dans l'adresse.",
            )
        if exc.reason is Reason.POWERED_OFF:
            return LinkUnavailable("Le Bluetooth est éteint.", "Allumez-le dans les réglages, puis recommencez.")
        if exc.reason in (Reason.DENIED_BY_USER, Reason.DENIED_BY_SYSTEM, Reason.DENIED_BY_UNKNOWN):
            return LinkUnavailable(
                "Le système refuse l'accès au Bluetooth.", "Autorisez-le pour ce programme dans les réglages."
            )
        return LinkUnavailable(
            "Cet appareil n'a pas de Bluetooth LE.",
            "Branchez une clé Bluetooth, ou reliez le terminal par câble (serial:).",
        )
    if isinstance(exc, (BleakDBusError, FileNotFoundError, ConnectionRefusedError)) and not hci:
        return LinkUnavailable(
            "Le service Bluetooth du système ne répond pas (D-Bus, bluetoothd).",
            "Démarrez-le (sudo systemctl start bluetooth), ou reliez le terminal par câble (serial:).",
        )
    if isinstance(exc, TimeoutError):
        return LinkUnavailable(
            f"Le terminal « {target} » a été entendu mais ne répond pas.",
            "Rapprochez-le, ou éteignez puis rallumez-le.",
        )
    return LinkUnavailable(
        f"La liaison Bluetooth avec « {target} » ne s'établit pas ({type(exc).__name__}).",
        "Rapprochez le terminal, vérifiez qu'aucun autre appareil n'y est relié, puis recommencez.",
    )
