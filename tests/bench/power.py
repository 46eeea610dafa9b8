"""What a visit asks of the battery: how long each card is powered, clocked and talking, and how often the radio has something to say.

Real cards' pace, radio at 30 ms; nobody types (the code is there at once) and nobody thinks: `hardware/power.toml` adds people.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.registry import Unavailable, bench

_IDLE_S = 3.0  # longer than the second after which a clock may stop


class _Meter:
    """One slot: seconds with a supply, with a clock, and in which characters and waits were on the line."""

    def __init__(self, line: Any) -> None:
        self.powered_s = self.clocked_s = self.wire_s = 0.0
        self.classes: list[int] = []
        self._line = line
        self._since = time.perf_counter()
        contacts = line.contacts
        for name in ("vcc", "clk"):
            setattr(contacts, name, self._watched(getattr(contacts, name), name))
        line._wait = self._timed(line._wait)

    def settle(self) -> None:
        """Until now, as the contacts were."""
        now = time.perf_counter()
        if self._line.contacts.volt_class:
            self.powered_s += now - self._since
            if self._line.contacts.khz:
                self.clocked_s += now - self._since
        self._since = now

    def _watched(self, inner: Callable[[int], None], name: str) -> Callable[[int], None]:
        def drive(value: int) -> None:
            self.settle()
            if name == "vcc" and value:
                self.classes.append(value)
            inner(value)

        return drive

    def _timed(self, inner: Callable[[float], Awaitable[None]]) -> Callable[[float], Awaitable[None]]:
        async def wait(ms: float) -> None:
            self.wire_s += ms / 1000
            await inner(ms)

        return wait


async def _visit(desk: Any) -> None:
    """The card work of a visit with its lot and its file: `tournee read`, `bill sign`, `send`."""
    message = b"SVSIM1F" + b"1".rjust(9, b"0") + hashlib.sha256(b"bench").digest()
    await desk.practitioner()
    await desk.patient_rights()
    await desk.sign_cps(message)
    await desk.sign_vitale(message)
    await desk.sign_cps(message.replace(b"F", b"L", 1))
    await desk.authenticate(bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(b"file").digest())


@cache
def figures() -> dict[str, float]:
    """Measured once."""
    from tournee_sim.pytest_plugin import CAPABILITIES, has

    for capability in ("micropython", "ble"):
        if not has(capability):
            raise Unavailable(f"needs {capability}: {CAPABILITIES[capability][1]}")
    return asyncio.run(asyncio.wait_for(_measure(), 300))


async def _measure() -> dict[str, float]:
    from tournee_sim.boards.unix import BoardConfig, UnixBoard
    from tournee_sim.radio.air import PHONE
    from tournee_sim.radio.hub import AirHub

    with tempfile.TemporaryDirectory() as folder:
        async with AirHub(PHONE) as hub:
            (hci,) = await hub.listen("tcp:127.0.0.1:0")
            config = BoardConfig(link="ble", hci=hci, state=Path(folder), pace="real", seed=1, auto_pin=True)
            async with UnixBoard(config) as board:
                return await measured(board, lambda: hub.stats.events, _IDLE_S)


async def measured(board: Any, events: Callable[[], int], idle_s: float) -> dict[str, float]:
    """One visit on a board whose cards are in and whose code types itself; seconds by this computer's clock but `wire`, which is the cards' own."""
    from tournee.cards.desk import Desk
    from tournee.terminal.adapters import connect

    found: dict[str, float] = {}
    meters = {name: _Meter(board.bus.lines[slot]) for slot, name in enumerate(("cps", "vitale"))}
    terminal = await connect(board.url)
    before, begun = events(), time.perf_counter()
    await _visit(Desk(terminal))
    found["visit-s"] = time.perf_counter() - begun
    found["radio-events"] = float(events() - before)
    for name, meter in meters.items():
        meter.settle()
        found[f"{name}-powered-s"], found[f"{name}-wire-s"] = meter.powered_s, meter.wire_s
        found[f"{name}-class"] = float(meter.classes[-1])
    clocked = {name: meter.clocked_s for name, meter in meters.items()}
    await asyncio.sleep(idle_s)
    for name, meter in meters.items():
        meter.settle()
        found[f"{name}-idle-clocked"] = min(1.0, (meter.clocked_s - clocked[name]) / idle_s) if idle_s else 0.0
    await terminal.close()
    return found


@bench("power", "visit, no person in it", "s", better="none")
def visit() -> float:
    """Cards read, code checked, three signatures and a file's, over the radio."""
    return figures()["visit-s"]


@bench("power", "cps, powered", "s", better="none")
def cps_powered() -> float:
    return figures()["cps-powered-s"]


@bench("power", "cps, characters and waits on the line", "s", better="none")
def cps_wire() -> float:
    return figures()["cps-wire-s"]


@bench("power", "vitale, powered", "s", better="none")
def vitale_powered() -> float:
    return figures()["vitale-powered-s"]


@bench("power", "vitale, characters and waits on the line", "s", better="none")
def vitale_wire() -> float:
    return figures()["vitale-wire-s"]


@bench("power", "connection events that carry data", "events", better="none")
def radio_events() -> float:
    return figures()["radio-events"]


@bench("power", "clock of an idle card, share of 3 s", "of 1", better="none")
def idle_clock() -> float:
    """The CPS: a second passes before a clock may stop, where the answer to reset allows it at all."""
    return figures()["cps-idle-clocked"]


@bench("power", "voltage class of both cards", "class (1 is 5 V)", better="none")
def volt_class() -> float:
    return max(figures()["cps-class"], figures()["vitale-class"])
