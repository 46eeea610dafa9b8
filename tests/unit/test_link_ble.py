"""What the BLE transport says when Bluetooth does not work, and its options."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError, BleakError

from tournee.link.adapters import ble, transport
from tournee.link.errors import BadUrl, LinkLost, LinkUnavailable

Reason = BleakBluetoothNotAvailableReason


@pytest.mark.parametrize(
    ("exc", "hci", "what", "remedy"),
    [
        (BleakBluetoothNotAvailableError("x", Reason.POWERED_OFF), None, "éteint", "Allumez-le"),
        (BleakBluetoothNotAvailableError("x", Reason.DENIED_BY_USER), None, "refuse l'accès", "Autorisez-le"),
        (BleakBluetoothNotAvailableError("x", Reason.NO_BLUETOOTH), None, "pas de Bluetooth", "par câble"),
        (
            BleakBluetoothNotAvailableError("x", Reason.NO_BLUETOOTH),
            "tcp:h:1",
            "contrôleur Bluetooth à tcp:h:1",
            "hci=",
        ),
        (FileNotFoundError("/run/dbus/system_bus_socket"), None, "D-Bus", "systemctl start bluetooth"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []), None, "D-Bus", "systemctl"),
        (TimeoutError(), None, "ne répond pas", "Rapprochez-le"),
        (BleakError("le-connection-abort-by-local"), None, "ne s'établit pas", "aucun autre appareil"),
    ],
)
def test_each_failure_has_one_remedy(
    exc: Exception, hci: str | None, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def __aenter__(self) -> None:
            raise exc

        async def __aexit__(self, *_exc: object) -> None: ...

    monkeypatch.setattr(ble, "_scanner", lambda _hci, _heard: Broken())
    made = transport("ble:Tournee-0001" + (f"?hci={hci}" if hci else ""))
    with pytest.raises(LinkUnavailable) as seen:
        asyncio.run(made.open())
    assert what in seen.value.what
    assert remedy in seen.value.remedy
    assert seen.value.exit_code == 4


def test_missing_driver_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble.importlib.metadata, "entry_points", lambda **_kw: ())
    with pytest.raises(LinkUnavailable) as seen:
        asyncio.run(transport("ble:Tournee-0001?hci=tcp:127.0.0.1:1").open())
    assert "pip install" in seen.value.remedy


@pytest.mark.parametrize(
    "url", ["ble:T?hcl=tcp:h:1", "ble:T?timeout_s=soon", "ble:T?timeout_s=0", "ble:T?timeout_s=nan"]
)
def test_wrong_options_are_named(url: str) -> None:
    with pytest.raises(BadUrl, match=url.split("?")[1].split("=")[0]):
        transport(url)


def test_a_transport_that_was_not_opened_is_a_lost_link() -> None:
    async def scenario() -> None:
        made = transport("ble:Tournee-0001")
        with pytest.raises(LinkLost):
            await made.write(b"x")
        await made.close()
        with pytest.raises(LinkLost):
            await made.read()

    asyncio.run(scenario())


def test_values_are_cut_to_what_the_link_carries() -> None:
    class Rx:
        def __init__(self, mtu: int) -> None:
            self.max_write_without_response_size = mtu - 3

    sizes: dict[int, Any] = {mtu: ble._value_bytes(Rx(mtu)) for mtu in (23, 185, 247, 517)}  # type: ignore[arg-type]
    assert sizes == {23: 20, 185: 182, 247: 244, 517: 244}
