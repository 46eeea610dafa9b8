"""What the radio costs: connection events and bytes, counted on the simulated air of a phone (30 ms, 6 PDUs per event)."""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from tests.bench.registry import Unavailable, bench


@cache
def _visit() -> dict[str, float]:
    """Counts of one reading of both cards with rights and one signature, and of the connection before it."""
    from tournee_sim.pytest_plugin import CAPABILITIES, has

    for capability in ("micropython", "ble"):
        if not has(capability):
            raise Unavailable(f"needs {capability}: {CAPABILITIES[capability][1]}")
    return asyncio.run(asyncio.wait_for(_measure(), 120))


async def _measure() -> dict[str, float]:
    from tournee.cards.desk import Desk
    from tournee.terminal.adapters import connect
    from tournee_sim.boards.unix import BoardConfig, UnixBoard
    from tournee_sim.radio.air import PHONE
    from tournee_sim.radio.hub import AirHub

    with tempfile.TemporaryDirectory() as folder:
        async with AirHub(PHONE) as hub:
            (hci,) = await hub.listen("tcp:127.0.0.1:0")
            config = BoardConfig(link="ble", hci=hci, state=Path(folder), auto_pin=True)
            async with UnixBoard(config) as board:
                terminal = await connect(board.url)
                connected = hub.stats.events
                desk = Desk(terminal)
                await desk.open_cps()
                await desk.patient_rights()
                await desk.sign_cps(b"x" * 48)
                traffic = terminal.transport.traffic
                counts = {
                    "connect": connected,
                    "events": hub.stats.events - connected,
                    "apdus": board.counters()["apdus"],
                    "round_trips": terminal.round_trips,
                    "bytes": traffic.bytes_in + traffic.bytes_out,
                    "air": hub.stats.payload_bytes,
                }
                await terminal.close()
                return {name: float(value) for name, value in counts.items()}


@bench("radio", "connect-events", "connection events", better="lower")
def connect_events() -> float:
    """From the connection to the first answer of the terminal: MTU, discovery, subscription, HELLO."""
    return _visit()["connect"]


@bench("radio", "apdus-per-round-trip", "×", better="higher", reach=3)
def apdus_per_round_trip() -> float:
    """Scripts: how many card exchanges one radio round trip carries."""
    return _visit()["apdus"] / _visit()["round_trips"]


@bench("radio", "events-per-round-trip", "connection events", better="lower")
def events_per_round_trip() -> float:
    """Two at best: one for the request, one for its answer."""
    return _visit()["events"] / _visit()["round_trips"]


@bench("radio", "bytes-both-cards", "bytes", better="lower")
def bytes_both_cards() -> float:
    """Link bytes of both cards with rights and one signature."""
    return _visit()["bytes"]


@bench("radio", "air-over-link", "×", better="lower")
def air_over_link() -> float:
    """Bytes on the air per byte of the link: ATT and L2CAP headers, discovery, MTU."""
    return _visit()["air"] / _visit()["bytes"]
