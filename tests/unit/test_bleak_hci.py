"""The bleak backend over HCI as a driver of its own."""

from __future__ import annotations

import asyncio
import importlib.metadata
import subprocess
import sys

import pytest

from tournee_sim.pytest_plugin import need


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("ble")


def test_it_knows_neither_the_host_nor_the_simulator() -> None:
    script = (
        "import sys; from tournee_bleak_hci import backend; backend('tcp:127.0.0.1:1');"
        "print(*sorted({name.split('.')[0] for name in sys.modules if name.startswith('tournee')}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["tournee_bleak_hci"]


def test_importing_it_loads_neither_bleak_nor_bumble() -> None:
    script = "import sys, tournee_bleak_hci; print([n for n in ('bleak', 'bumble') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_found_by_its_entry_point() -> None:
    (point,) = importlib.metadata.entry_points(group="tournee.bleak_backends", name="hci")
    from tournee_bleak_hci import backend

    assert point.load() is backend


def test_stock_bleak_takes_its_classes() -> None:
    from bleak import BleakClient, BleakScanner
    from bleak.backends.adapter import BaseBleakAdapter

    from tournee_bleak_hci import backend

    made = backend("tcp:127.0.0.1:1")
    assert backend("tcp:127.0.0.1:1") is made
    assert issubclass(made.adapter, BaseBleakAdapter)

    async def scenario() -> None:
        assert not BleakClient("C0:00:00:00:00:01", backend=made.client).is_connected
        assert await (await made.adapter.get()).get_connected_devices(frozenset()) == []
        BleakScanner(backend=made.scanner)

    asyncio.run(scenario())


def test_no_controller_is_bleaks_own_error() -> None:
    from bleak import BleakScanner
    from bleak.exc import BleakBluetoothNotAvailableError

    from tournee_bleak_hci import backend

    async def scenario() -> None:
        with pytest.raises(BleakBluetoothNotAvailableError, match=r"no HCI controller at tcp:127\.0\.0\.1:1"):
            async with BleakScanner(backend=backend("tcp:127.0.0.1:1").scanner):
                pass

    asyncio.run(scenario())


def test_the_same_backend_serves_one_event_loop_after_another() -> None:
    from bleak import BleakScanner

    from tournee_bleak_hci import backend
    from tournee_sim.radio.hub import AirHub

    async def scenario(port: int) -> int:
        async with AirHub() as hub:
            (url,) = await hub.listen(f"tcp:127.0.0.1:{port}")
            async with BleakScanner(backend=backend(url).scanner):
                assert hub.client_count == 1
            return int(url.rsplit(":", 1)[1])

    port = asyncio.run(scenario(0))
    assert asyncio.run(scenario(port)) == port
