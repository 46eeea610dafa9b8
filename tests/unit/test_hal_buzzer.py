"""The board's buzzer against a stand-in of `machine`: a click per key, all alike, ended by the loop and not by a wait."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


class Pwm:
    """What the pin was told, as (freq, duty)."""

    def __init__(self, pin: int, freq: int = 0, duty_u16: int = 0) -> None:
        self.pin, self.told = pin, [(freq, duty_u16)]

    def init(self, freq: int, duty_u16: int) -> None:
        self.told.append((freq, duty_u16))


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[Any]:
    machine, micropython = ModuleType("machine"), ModuleType("micropython")
    vars(machine).update(PWM=Pwm, Pin=lambda number: number)
    vars(micropython).update(const=lambda value: value)
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    monkeypatch.syspath_prepend(str(root / "firmware"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.startswith("tournee_fw"):
            del sys.modules[name]


def test_a_click_ends_after_its_time_also_where_the_clock_wraps(load: Any) -> None:
    buzzer = load("tournee_fw.hal.buzzer").Buzzer(7)
    pwm = buzzer._pwm
    assert (pwm.pin, pwm.told) == (7, [(4000, 0)])
    begun = 0x3FFFFFFF - 4
    buzzer.click(begun)
    assert pwm.told.pop() == (4000, 32768)
    buzzer.poll(begun + 4)
    assert len(pwm.told) == 1
    buzzer.poll(20)
    assert pwm.told.pop() == (4000, 0)
    buzzer.poll(5000)
    assert len(pwm.told) == 1, "a silent pin is left alone"


def test_every_key_sounds_alike_and_silence_stays_silent(load: Any) -> None:
    pinboard = load("tournee_fw.hal.pinboard")

    class Keys:
        typed = bytearray(b"05\r\x08\x1b")

        def key(self) -> int:
            return self.typed.pop(0) if self.typed else 0

        def poll(self, now: int) -> bool:
            return bool(self.typed)

    class Heard:
        def __init__(self) -> None:
            self.clicks: list[int] = []
            self.polls: list[int] = []

        def click(self, now: int) -> None:
            self.clicks.append(now)

        def poll(self, now: int) -> None:
            self.polls.append(now)

    heard = Heard()
    board = pinboard.PinBoard("X", [], keypad=Keys(), buzzer=heard)
    board.slots = []
    board.now_ms = iter(range(100)).__next__
    assert [board.key() for _ in range(7)] == [48, 53, 13, 8, 27, 0, 0]
    assert heard.clicks == [0, 1, 2, 3, 4]
    board._service()
    assert heard.polls == [5]


def test_the_picos_are_put_together_from_their_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """`picoboard.board` on the emulated chip: slots, display, keypad, battery and buzzer on the pins of the pin map."""
    from tests.tools.rp2040.chip import Chip
    from tests.tools.rp2040.micropython import modules

    made: dict[str, list[Any]] = {"i2c": [], "adc": []}

    class I2c:
        def __init__(self, number: int, sda: Any, scl: Any, freq: int) -> None:
            made["i2c"].append((number, sda.number, scl.number, freq))

        def writeto(self, address: int, data: Any) -> None:
            made["i2c"].append(address)

    class Adc:
        def __init__(self, pin: Any) -> None:
            made["adc"].append(pin.number)

        def read_u16(self) -> int:
            return int(1.9 / 3.3 * 65535)  # half of 3.80 V

    with modules(Chip()) as firmware:
        machine = sys.modules["machine"]
        vars(machine).update(I2C=I2c, ADC=Adc)
        pins = firmware.load("tournee_fw.boards.RPI_PICO_W.pins")
        clocked: list[tuple[int, int]] = []
        firmware.on_clock = lambda pin, hz: clocked.append((pin, hz))
        board = firmware.load("tournee_fw.hal.picoboard").board("RPI_PICO_W", pins, "Bench-0001", [])
        assert made["i2c"][0] == (0, 16, 17, 400_000) and set(made["i2c"][1:]) == {0x27}
        assert made["adc"] == [28]
        assert any(pin == pins.BUZZER for pin, _ in clocked)
        board.wait(1)
        assert abs(board.battery - 50) <= 1
        assert [port.present for port in board.slots] == [True, True]  # nothing pulls OFFN down on the bare chip
