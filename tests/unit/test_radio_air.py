"""The simulated air alone: Bumble devices on virtual controllers, no firmware."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from tournee_sim.pytest_plugin import need
from tournee_sim.radio import faults
from tournee_sim.radio.air import AirConfig
from tournee_sim.radio.host import static_address
from tournee_sim.radio.hub import AirHub, ListenError

PERIPHERAL, CENTRAL = static_address("terminal"), static_address("host")
CONNECTION_TIMEOUT = 0x08


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("ble")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


@dataclass
class Pair:
    hub: AirHub
    peripheral: Any
    central: Any


async def device(url: str, address: str) -> tuple[Any, Any]:
    from bumble import hci
    from bumble.device import Device
    from bumble.transport import open_transport

    transport = await open_transport(url.replace("tcp:", "tcp-client:"))
    made = Device.with_hci("x", hci.Address(address), transport.source, transport.sink)
    await made.power_on()
    return made, transport


@contextlib.asynccontextmanager
async def pair(config: AirConfig | None = None) -> AsyncIterator[Pair]:
    async with AirHub(config) as hub:
        (url,) = await hub.listen("tcp:127.0.0.1:0")
        peripheral, one = await device(url, PERIPHERAL)
        central, two = await device(url, CENTRAL)
        try:
            yield Pair(hub, peripheral, central)
        finally:
            await one.close()
            await two.close()


async def advertise(peripheral: Any, name: bytes = b"A") -> None:
    await peripheral.start_advertising(
        advertising_data=b"\x02\x01\x06",
        scan_response_data=bytes((1 + len(name), 9)) + name,
        advertising_interval_min=20,
        advertising_interval_max=20,
    )


async def connect(two: Pair) -> tuple[Any, Any]:
    """(central's, peripheral's) connection."""
    from bumble import hci

    there: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    two.peripheral.once("connection", there.set_result)
    await advertise(two.peripheral)
    here = await two.central.connect(hci.Address(PERIPHERAL), timeout=10)
    return here, await there


def test_a_name_in_the_scan_response_is_heard_by_an_active_scan_only() -> None:
    async def heard(two: Pair, active: bool, until: int) -> list[bytes]:
        """Reports of a scan: `until` so many, or the first with a name."""
        reports: list[bytes] = []
        enough = asyncio.Event()

        def report(one: Any) -> None:
            reports.append(bytes(one.data))
            if len(reports) >= until or b"Tournee" in reports[-1]:
                enough.set()

        two.central.on("advertisement", report)
        await two.central.start_scanning(active=active)
        await enough.wait()
        await two.central.stop_scanning()
        two.central.remove_listener("advertisement", report)
        return reports

    async def scenario() -> None:
        async with pair() as two:
            await advertise(two.peripheral, b"Tournee-7")
            assert b"Tournee-7" in (await heard(two, active=True, until=100))[-1]
            assert not any(b"Tournee-7" in data for data in await heard(two, active=False, until=8))

    run(scenario())


def test_connecting_to_nobody_can_be_given_up_and_tried_again() -> None:
    async def scenario() -> None:
        from bumble import core, hci

        async with pair() as two:
            with pytest.raises((core.TimeoutError, core.ConnectionError)):
                await two.central.connect(hci.Address(PERIPHERAL), timeout=0.05)
            here, _there = await connect(two)
            assert here.att_mtu == 23

    run(scenario())


def test_both_sides_are_told_the_interval_of_the_air() -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=30)) as two:
            here, there = await connect(two)
            assert here.parameters.connection_interval == pytest.approx(30)
            assert there.parameters.connection_interval == pytest.approx(30)

    run(scenario())


async def exchange(two: Pair, writes: int) -> list[bytes]:
    """`writes` writes of 100 bytes without response; what arrives, in order."""
    from bumble.device import Peer
    from bumble.gatt import Characteristic, CharacteristicValue, Service

    got: list[bytes] = []
    done = asyncio.Event()

    def written(_connection: Any, value: bytes) -> None:
        got.append(bytes(value))
        if len(got) == writes:
            done.set()

    one = Characteristic(
        "6E400002-B5A3-F393-E0A9-E50E24DCCA9E",
        Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
        Characteristic.Permissions.WRITEABLE,
        CharacteristicValue(write=written),
    )
    two.peripheral.add_service(Service("6E400001-B5A3-F393-E0A9-E50E24DCCA9E", [one]))
    here, _there = await connect(two)
    peer = Peer(here)
    await peer.request_mtu(247)
    (service,) = await peer.discover_service("6E400001-B5A3-F393-E0A9-E50E24DCCA9E")
    (found,) = await peer.discover_characteristics(service=service)
    before = two.hub.stats.events
    for i in range(writes):
        await peer.write_value(found, bytes([i]) * 100, with_response=False)
    await done.wait()
    two.hub.stats.events -= before
    return got


@pytest.mark.parametrize("per_event", [1, 4])
def test_a_connection_event_carries_no_more_than_it_may(per_event: int) -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=5, max_pdus_per_event=per_event)) as two:
            got = await exchange(two, 12)
            assert got == [bytes([i]) * 100 for i in range(12)]
            assert two.hub.stats.events >= math.ceil(12 / per_event)

    run(scenario())


def test_airtime_bounds_an_event() -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=7.5)) as two:
            await exchange(two, 30)
            # 107 bytes on the air with overheads take about 1.35 ms of 7.1 ms
            assert two.hub.stats.events >= 30 / 6

    run(scenario())


def test_loss_delays_and_keeps_the_order() -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=5, loss=0.3, seed=3)) as two:
            assert await exchange(two, 20) == [bytes([i]) * 100 for i in range(20)]
            assert two.hub.stats.drops == 0
            assert two.hub.stats.lost > 0

    run(scenario())


def test_total_loss_ends_by_the_supervision_timeout() -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=5, supervision_ms=50)) as two:
            here, _there = await connect(two)
            gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            here.on("disconnection", gone.set_result)
            faults.apply(two.hub, ["loss", "1"])
            asking = asyncio.create_task(ask(here))
            assert await gone == CONNECTION_TIMEOUT
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asking
            assert two.hub.stats.drops == 1

    run(scenario())


async def ask(connection: Any) -> None:
    from bumble.device import Peer

    await Peer(connection).request_mtu(100)


def test_a_dead_host_is_silence_for_its_peer() -> None:
    async def scenario() -> None:
        async with AirHub() as hub:
            (url,) = await hub.listen("tcp:127.0.0.1:0")
            peripheral, one = await device(url, PERIPHERAL)
            central, two = await device(url, CENTRAL)
            _here, there = await connect(Pair(hub, peripheral, central))
            gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            there.on("disconnection", gone.set_result)
            await two.close()
            assert await gone == CONNECTION_TIMEOUT
            assert hub.air.connection_count == 0
            await one.close()

    run(scenario())


def test_foreign_bytes_end_their_client_only() -> None:
    async def scenario() -> None:
        async with pair() as two:
            port = two.hub._servers[0].sockets[0].getsockname()[1]
            for garbage in (b"\xff" * 64, b"\x01\xff\xff\x00", b"\x04\x01", b"GET / HTTP/1.1\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(garbage)
                writer.write_eof()
                await reader.read()
                writer.close()
            here, _there = await connect(two)
            assert here.handle

    run(scenario())


def test_unix_socket_and_wrong_addresses(tmp_path: Any) -> None:
    async def scenario() -> None:
        async with AirHub() as hub:
            path = tmp_path / "hci"
            path.touch()  # left by an earlier run
            assert await hub.listen(f"unix:{path}") == [f"unix:{path}"]
            made, transport = await device(f"unix:{path}", CENTRAL)
            assert made.random_address
            await transport.close()
            for wrong in ("udp:1.2.3.4:5", "tcp:nope", "tcp:127.0.0.1:http"):
                with pytest.raises(ListenError, match=r"give tcp:127\.0\.0\.1:PORT or unix:PATH"):
                    await hub.listen(wrong)

    run(scenario())


def test_faults_by_name() -> None:
    async def scenario() -> None:
        async with pair(AirConfig(interval_ms=5)) as two:
            here, _there = await connect(two)
            gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            here.on("disconnection", gone.set_result)
            assert faults.apply(two.hub, ["stats"])["connected"] == 1
            assert faults.apply(two.hub, ["jam", "on"])["jammed"] is True
            assert faults.apply(two.hub, ["jam", "off"])["jammed"] is False
            assert faults.apply(two.hub, ["loss", "0.25"])["loss"] == 0.25
            assert faults.apply(two.hub, ["drop"])["ended"] == 1
            assert await gone == CONNECTION_TIMEOUT
            for wrong in (
                [],
                ["melt"],
                ["jam"],
                ["jam", "maybe"],
                ["loss", "2"],
                ["loss", "x"],
                ["drop", "all"],
                ["drop", "-1"],
            ):
                with pytest.raises(faults.FaultError):
                    faults.apply(two.hub, wrong)

    run(scenario())


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"loss": -0.1}, {"interval_ms": -1}])
def test_a_wrong_air_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        AirConfig(**wrong)


def test_static_addresses_are_static_and_random() -> None:
    addresses = {static_address(f"terminal {i}") for i in range(50)}
    assert len(addresses) == 50
    assert all(int(address[:2], 16) >= 0xC0 for address in addresses)
    assert static_address("a") == static_address("a")
