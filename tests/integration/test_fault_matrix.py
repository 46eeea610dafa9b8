"""Every fault in every state of the firmware's card machines: the library's folder `faults`, run as `tournee sim run` runs it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import reliability
from tournee_sim.boards.process import find_firmware
from tournee_sim.boards.watch import machine_states
from tournee_sim.pytest_plugin import need
from tournee_sim.scenarios.model import Job, Outcome, Scenario, Step
from tournee_sim.scenarios.worker import Bench, Settings


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path: sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def outcomes(scenarios: list[Scenario], keys: Path, folder: Path) -> list[Outcome]:
    async def run() -> list[Outcome]:
        bench = Bench(Settings(keys, folder))
        try:
            return [await bench.run(Job(n, s, "unix", 1000 + n)) for n, s in enumerate(scenarios)]
        finally:
            await bench.stop()

    return asyncio.run(run())


@pytest.mark.parametrize("machine", list(machine_states()))
def test_every_fault_in_every_state(machine: str, keys: Path, sockets: Path) -> None:
    """The answer comes in time, is one of those written down, and the next card works."""
    need("micropython")
    scenarios = [s for name, s in reliability.cells().items() if name.startswith(machine + "/")]
    assert len(scenarios) == 7 * len(machine_states()[machine])
    wrong = [o for o in outcomes(scenarios, keys, sockets) if o.kind != "passed"]
    assert not wrong, "\n".join(f"{o.name}: {o.message}" for o in wrong)


def _scenario(*steps: Step) -> Scenario:
    return Scenario("x", "", {0: "generic-t0t1"}, (Step("power", {"slot": 0}), *steps))


def test_a_strike_that_never_comes_fails(keys: Path, sockets: Path) -> None:
    need("micropython")
    strike = Step("strike", {"slot": 0, "machine": "t1", "state": "SENDING", "fault": "pull"})
    send = Step("apdu", {"slot": 0, "send": "00B0820008"})
    (outcome,) = outcomes([_scenario(strike, send, Step("struck", {}))], keys, sockets)
    assert (outcome.kind, outcome.message, outcome.step) == ("failed", "the terminal never was in t1/SENDING", 4)


def test_a_card_that_stays_mute_is_no_next_card(keys: Path, sockets: Path) -> None:
    """What follows each cell can fail."""
    need("micropython")
    (outcome,) = outcomes([_scenario(Step("next", {"slot": 0, "card": "carte-muette"}))], keys, sockets)
    assert (outcome.kind, outcome.message) == ("failed", "the next card does not work: status MUTE, not OK")


def test_the_struck_state_is_the_state(keys: Path, sockets: Path) -> None:
    """A card pulled where its answer is being received has sent the header's ACK and not one byte of the data."""
    need("micropython")
    strike = Step("strike", {"slot": 0, "machine": "t0", "state": "RECEIVE_ALL", "fault": "pull"})
    send = Step("apdu", {"slot": 0, "send": "00B0820008"}, {"status": "REMOVED"})

    async def run() -> tuple[Outcome, int]:
        bench = Bench(Settings(keys, sockets))
        try:
            outcome = await bench.run(Job(0, _scenario(strike, send, Step("struck", {})), "unix", 1))
            assert bench._board
            return outcome, bench._board.bus.lines[0].to_card
        finally:
            await bench.stop()

    outcome, to_card = asyncio.run(run())
    assert outcome.kind == "passed", outcome.message
    assert to_card == 4 + 5  # PPS and one header


def test_a_state_without_a_scenario_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(machine_states())
    monkeypatch.setattr(reliability, "machine_states", lambda: known | {"t0": (*known["t0"], "NEW")})
    with pytest.raises(reliability.CellMissing, match="no scenario t0/NEW/pull"):
        reliability.cells()
    monkeypatch.setattr(reliability, "machine_states", lambda: known | {"t0": known["t0"][:-1]})
    with pytest.raises(reliability.CellMissing, match="t0/SW2"):
        reliability.cells()


def test_no_table_of_states_in_the_firmware_is_left_out() -> None:
    """Card machines have their scenarios; the receiver of the CCID line has its cells in tests/firmware/mp_ccid_faults.py."""
    tables = {path.stem for path in find_firmware().rglob("*.py") if "\nSTATES = " in path.read_text("utf-8")}
    assert tables == (set(machine_states()) - {"slot"}) | {"slots", "ccid_frames"}


def test_the_table_in_the_documentation_is_the_scenarios() -> None:
    assert reliability.page() == reliability.PAGE.read_text("utf-8"), "python -m tests.tools.reliability --write"
