"""bleak → Bumble central → HCI → air → Bumble GATT server → `bluetooth` → the firmware's link_ble in real MicroPython."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.integration.ble.chain import NAME, chain, pattern, receive
from tournee.link.adapters.ble import scan
from tournee.link.errors import LinkLost, LinkUnavailable
from tournee_sim.pytest_plugin import need
from tournee_sim.radio.air import AirConfig

AIRS = {
    "instant-mtu247": (AirConfig(), 247),
    "instant-mtu23": (AirConfig(), 23),
    "30ms-loss-mtu247": (AirConfig(interval_ms=30, loss=0.05, seed=7), 247),
}
WINDOW_BYTES = 2048


@pytest.fixture(autouse=True)
def _needs() -> None:
    need("micropython")
    need("ble")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 110))


@pytest.mark.parametrize("air", AIRS)
def test_every_byte_value_passes_both_ways(air: str) -> None:
    config, mtu = AIRS[air]

    async def scenario() -> None:
        async with chain(config, mtu=mtu) as radio, radio.firmware(), radio.link() as link:
            data = bytes(range(256)) + bytes(reversed(range(256)))
            await link.write(data)
            assert await receive(link, len(data)) == data
            assert link.traffic.mtu == mtu
            assert (link.traffic.bytes_out, link.traffic.bytes_in) == (len(data), len(data))
            assert link.traffic.round_trips == 1
            assert link.traffic.writes == -(-len(data) // min(mtu - 3, 244))

    run(scenario())


@pytest.mark.parametrize("air", AIRS)
def test_100_kb_to_the_host(air: str) -> None:
    config, mtu = AIRS[air]
    size = 100_000

    async def scenario() -> None:
        async with chain(config, mtu=mtu) as radio, radio.firmware("source"), radio.link() as link:
            await link.write(struct.pack(">I", size))
            assert await receive(link, size) == pattern(size)
            if config.loss:
                assert radio.hub.stats.lost > 0
            assert radio.radio.stats.bytes_out == size

    run(scenario())


@pytest.mark.parametrize("air", AIRS)
def test_100_kb_to_the_terminal(air: str) -> None:
    config, mtu = AIRS[air]
    data = pattern(100_000)

    async def scenario() -> None:
        async with chain(config, mtu=mtu) as radio, radio.firmware("sink"), radio.link() as link:
            await link.write(struct.pack(">I", len(data)))
            answers = b""
            for at in range(0, len(data), WINDOW_BYTES):
                await link.write(data[at : at + WINDOW_BYTES])
                due = min(at + WINDOW_BYTES, len(data)) // 1024
                answers += await receive(link, due - len(answers))
            assert await receive(link, 32) == hashlib.sha256(data).digest()
            assert radio.radio.truncated_writes == 0

    run(scenario())


def test_link_dropped_in_mid_message_then_reconnected() -> None:
    async def scenario() -> None:
        async with chain(AirConfig(interval_ms=7.5)) as radio, radio.firmware("source") as peer:
            link = radio.transport()
            await link.open()
            await link.write(struct.pack(">I", 100_000))
            await receive_some(link, 2000)
            assert radio.hub.air.drop() == 1
            with pytest.raises(LinkLost):
                await receive(link, 100_000)
            with pytest.raises(LinkLost):
                await link.write(b"\0\0\0\1")
            await peer.says("advertising")
            await link.open()
            await link.write(struct.pack(">I", 600))
            assert await receive(link, 600) == pattern(600), "bytes of the lost message came after the reconnection"
            assert link.traffic.connections == 2
            await link.close()

    run(scenario())


def test_jammed_air_ends_by_the_supervision_timeout() -> None:
    async def scenario() -> None:
        config = AirConfig(interval_ms=10, supervision_ms=200)
        async with chain(config) as radio, radio.firmware() as peer:
            link = radio.transport()
            await link.open()
            await link.write(b"one")
            assert await receive(link, 3) == b"one"
            radio.hub.air.jam(True)
            await link.write(b"lost")
            with pytest.raises(LinkLost):
                await link.read()
            radio.hub.air.jam(False)
            await peer.says("advertising")
            await link.open()
            await link.write(b"two")
            assert await receive(link, 3) == b"two"
            await link.close()

    run(scenario())


def test_a_short_jam_delays_and_loses_nothing() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware(), radio.link() as link:
            radio.hub.air.jam(True)
            await link.write(b"kept")
            radio.hub.air.jam(False)
            assert await receive(link, 4) == b"kept"
            assert radio.hub.stats.drops == 0

    run(scenario())


def test_killed_firmware_is_told_to_the_host() -> None:
    async def scenario() -> None:
        async with chain() as radio:
            link = radio.transport()
            async with radio.firmware() as peer:
                await link.open()
                await link.write(b"x")
                await receive(link, 1)
                await peer.kill()
                with pytest.raises(LinkLost):
                    await link.read()
            async with radio.firmware():
                await link.open()
                await link.write(b"again")
                assert await receive(link, 5) == b"again"
                await link.close()

    run(scenario())


def test_hub_gone_is_told_to_the_host() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware():
            link = radio.transport()
            await link.open()
            await radio.hub.close()
            with pytest.raises(LinkLost):
                await link.read()
            with pytest.raises(LinkUnavailable, match="Aucun contrôleur Bluetooth"):
                await link.open()

    run(scenario())


def test_host_process_gone_frees_the_terminal() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware() as peer:
            link = radio.transport()
            await link.open()
            await link.write(b"x")
            await receive(link, 1)
            await link.close()
            await peer.says("advertising")
            async with radio.link() as other:
                await other.write(b"y")
                assert await receive(other, 1) == b"y"

    run(scenario())


def test_a_second_host_is_refused_politely() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware(), radio.link() as link:
            other = radio.transport(timeout_s=0.5)
            with pytest.raises(LinkUnavailable, match="introuvable") as refused:
                await other.open()
            assert "aucun autre appareil" in refused.value.remedy
            await link.write(b"still here")
            assert await receive(link, 10) == b"still here"

    run(scenario())


def test_two_hosts_at_once_and_one_wins() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware():
            two_radios = [radio.transport(timeout_s=3), radio.transport(timeout_s=3)]
            (other,) = await radio.hub.listen("tcp:127.0.0.1:0")  # another URL is another radio
            two_radios[1]._hci = other
            results = await asyncio.gather(*(one.open() for one in two_radios), return_exceptions=True)
            won = [one for one, result in zip(two_radios, results, strict=True) if result is None]
            lost = [result for result in results if result is not None]
            assert len(won) == 1, results
            assert isinstance(lost[0], LinkUnavailable), lost
            await won[0].write(b"winner")
            assert await receive(won[0], 6) == b"winner"
            await won[0].close()

    run(scenario())


def test_scan_finds_the_name_and_the_address_opens() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware():
            (found,) = await scan(1.5, hci=radio.hci)
            assert (found.name, found.address) == (NAME, radio.radio.address)
            link = radio.transport(found.address.lower())
            await link.open()
            await link.write(b"by address")
            assert await receive(link, 10) == b"by address"
            await link.close()

    run(scenario())


def test_a_wrong_name_says_which_were_heard() -> None:
    async def scenario() -> None:
        async with chain() as radio, radio.firmware():
            with pytest.raises(LinkUnavailable, match=f"Tournee-9999.*introuvable.*{NAME}") as missing:
                await radio.transport("Tournee-9999", timeout_s=2).open()
            assert "tournee terminal scan" in missing.value.remedy

    run(scenario())


def test_open_cancelled_leaves_the_radio_free() -> None:
    async def scenario() -> None:
        async with chain(AirConfig(interval_ms=50)) as radio, radio.firmware():
            connected = asyncio.Event()
            opened = radio.hub.air.opened

            def seen(*arguments: Any) -> None:
                opened(*arguments)
                connected.set()

            radio.hub.air.opened = seen  # type: ignore[method-assign]
            opening = asyncio.create_task(radio.transport().open())
            await connected.wait()  # discovery has still to run
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            async with radio.link() as again:
                await again.write(b"free")
                assert await receive(again, 4) == b"free"

    run(scenario())


async def receive_some(link: Any, least: int) -> bytes:
    got = b""
    while len(got) < least:
        got += await link.read()
    return got
