"""What reading a card costs over a radio: round trips, and the time that the link adds to the card's own (30 ms interval, real card timing)."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.registry import Unavailable, bench

REPEATS = 5  # odd: a median is one of them


class _Single:
    """A reader that takes no scripts: the host runs them APDU by APDU."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self.apdus = 0

    async def run_script(self, slot: int, script: bytes) -> Any:
        from tournee.cards.script import interpret

        steps = interpret(script)
        try:
            command = next(steps)
            while True:
                self.apdus += 1
                command = steps.send(await self._terminal.transmit(slot, command))
        except StopIteration as done:
            return done.value


@cache
def _figures() -> dict[str, float]:
    from tournee_sim.pytest_plugin import CAPABILITIES, has

    for capability in ("micropython", "ble"):
        if not has(capability):
            raise Unavailable(f"needs {capability}: {CAPABILITIES[capability][1]}")
    return asyncio.run(asyncio.wait_for(_measure(), 300))


async def _measure() -> dict[str, float]:
    from tournee.cards import cps, driver, vitale
    from tournee.terminal.adapters import connect
    from tournee_sim.boards.bus import BoardBus
    from tournee_sim.boards.unix import BoardConfig, UnixBoard
    from tournee_sim.radio.air import PHONE
    from tournee_sim.radio.hub import AirHub

    wired_ms = 0.0
    wait = BoardBus.wait

    async def timed(bus: BoardBus, ms: float) -> None:
        nonlocal wired_ms
        begun = time.perf_counter()
        await wait(bus, ms)
        wired_ms += (time.perf_counter() - begun) * 1000

    programs: dict[str, Callable[[bytes], Any]] = {"vitale": vitale.read_public, "cps": cps.read_public}
    found: dict[str, float] = {}
    BoardBus.wait = timed  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with AirHub(PHONE) as hub:
                (hci,) = await hub.listen("tcp:127.0.0.1:0")
                for link in ("ble", "tcp"):
                    config = BoardConfig(link=link, hci=hci, state=Path(folder), pace="real", seed=1)
                    async with UnixBoard(config) as board:
                        terminal = await connect(board.url)
                        cards = (await driver.locate(terminal)).cards
                        slots = {name: card.slot for name, card in cards.items()}
                        for name, program in programs.items():
                            spent, air = [], []
                            for _ in range(REPEATS):
                                trips, events = terminal.round_trips, hub.stats.events
                                wired_ms, begun = 0.0, time.perf_counter()
                                await driver.run(terminal, slots, program(cards[name].atr))
                                total_ms = (time.perf_counter() - begun) * 1000
                                spent.append((total_ms - wired_ms, wired_ms))
                                air.append(hub.stats.events - events)
                                found[f"{name}-trips"] = float(terminal.round_trips - trips)
                            found[f"{name}-{link}-ms"], found[f"{name}-wire-ms"] = sorted(spent)[REPEATS // 2]
                            if link == "ble":
                                found[f"{name}-air"] = float(min(air))
                                found[f"{name}-worst-ms"] = max(spent)[0]
                        await terminal.close()
            async with UnixBoard(BoardConfig(state=Path(folder, "single"), seed=1)) as board:
                terminal = await connect(board.url)
                cards = (await driver.locate(terminal)).cards
                slots = {name: card.slot for name, card in cards.items()}
                for name, program in programs.items():
                    reader, before = _Single(terminal), board.counters()["apdus"]
                    await driver.run(reader, slots, program(cards[name].atr))  # type: ignore[arg-type]
                    found[f"{name}-apdus"] = float(reader.apdus)
                    found[f"{name}-tpdus"] = float(board.counters()["apdus"] - before)
                await terminal.close()
    finally:
        BoardBus.wait = wait  # type: ignore[method-assign]
    return found


@bench("scripts", "vitale-round-trips", "round trips", better="lower", reach=1)
def vitale_round_trips() -> float:
    """The public part of a Vitale: files read, pointers followed."""
    return _figures()["vitale-trips"]


@bench("scripts", "vitale-single-apdus", "round trips", better="none")
def vitale_single() -> float:
    """The same by single APDUs."""
    return _figures()["vitale-apdus"]


@bench("scripts", "vitale-tpdus", "round trips", better="none")
def vitale_tpdus() -> float:
    """Commands on the card's line: what a reader costs that does not follow 61xx and 6Cxx itself."""
    return _figures()["vitale-tpdus"]


@bench("scripts", "vitale-wire", "ms", better="none")
def vitale_wire() -> float:
    """The card's own time: its characters and waits, at real pace."""
    return _figures()["vitale-wire-ms"]


@bench("scripts", "vitale-air", "connection events", better="none")
def vitale_air() -> float:
    """Those that carry data, 30 ms apart; all but the first and the last while the card is read."""
    return _figures()["vitale-air"]


@bench("scripts", "vitale-terminal", "ms", better="none")
def vitale_terminal() -> float:
    """What terminal, simulator and host add to the card's time on this computer, over an instant link."""
    return _figures()["vitale-tcp-ms"]


@bench("scripts", "vitale-link", "ms", better="lower", reach=80)
def vitale_link() -> float:
    """By the clock: what the radio adds to the same script over an instant link; medians of five, whatever the phase of the interval."""
    return _figures()["vitale-ble-ms"] - _figures()["vitale-tcp-ms"]


@bench("scripts", "vitale-link-worst", "ms", better="none")
def vitale_link_worst() -> float:
    """The same, the worst of five: 60 at the most from the phases, the rest is this computer."""
    return _figures()["vitale-worst-ms"] - _figures()["vitale-tcp-ms"]


@bench("scripts", "cps-round-trips", "round trips", better="lower", reach=1)
def cps_round_trips() -> float:
    """The public part of a CPS: PKCS#15 directory, holder, certificates."""
    return _figures()["cps-trips"]


@bench("scripts", "cps-single-apdus", "round trips", better="none")
def cps_single() -> float:
    return _figures()["cps-apdus"]


@bench("scripts", "cps-tpdus", "round trips", better="none")
def cps_tpdus() -> float:
    return _figures()["cps-tpdus"]


@bench("scripts", "cps-wire", "ms", better="none")
def cps_wire() -> float:
    return _figures()["cps-wire-ms"]


@bench("scripts", "cps-air", "connection events", better="none")
def cps_air() -> float:
    return _figures()["cps-air"]


@bench("scripts", "cps-terminal", "ms", better="none")
def cps_terminal() -> float:
    return _figures()["cps-tcp-ms"]


@bench("scripts", "cps-link", "ms", better="lower", reach=110)
def cps_link() -> float:
    return _figures()["cps-ble-ms"] - _figures()["cps-tcp-ms"]


@bench("scripts", "cps-link-worst", "ms", better="none")
def cps_link_worst() -> float:
    return _figures()["cps-worst-ms"] - _figures()["cps-tcp-ms"]
