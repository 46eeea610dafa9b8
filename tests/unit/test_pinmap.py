"""hardware/pins is the only place where a wire is written down: what is made from it is fresh, and a wrong map is told where."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def pinmap(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("pinmap", root / "hardware/pinmap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pinmap"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_pins_tables_and_pictures_are_what_the_maps_say(pinmap: ModuleType) -> None:
    assert pinmap.main(["--check"]) == 0
    assert len(pinmap.outputs()) == 12


@pytest.mark.parametrize("board", ["RPI_PICO_W", "RPI_PICO2_W", "NUCLEO_WB55", "TEMPLATE"])
def test_every_wire_is_in_the_table_and_the_picture(pinmap: ModuleType, root: Path, board: str) -> None:
    made = pinmap.load(root / f"hardware/pins/{board}.toml")
    table, picture = pinmap.table(made), pinmap.picture(made)
    drawn = ET.fromstring(picture)
    spans = [e.text.removeprefix(", ") for e in drawn.iter("{http://www.w3.org/2000/svg}tspan") if e.text]
    for wire in made.wires:
        assert f"| {wire.place} | {made.shown(wire.pin)} | {wire.part} | {wire.at} |" in table
        assert f"{wire.part} {wire.at}" in spans
    assert len(spans) == len(made.wires)


def test_both_slots_are_wired_alike_and_the_file_says_what_the_firmware_reads(pinmap: ModuleType, root: Path) -> None:
    space: dict[str, object] = {}
    exec(pinmap.python(pinmap.load(root / "hardware/pins/RPI_PICO_W.toml")), space)
    assert space["HZ"] == 125_000_000
    slots = space["SLOTS"]
    assert isinstance(slots, tuple) and [sorted(s) for s in slots] == [sorted(slots[0])] * 2
    assert len({pin for slot in slots for pin in slot.values()}) == 14
    assert space["I2C"] == {"id": 0, "sda": 16, "scl": 17}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('pin = "GP3"', 'pin = "GP2"', r"wire 2 \(slot 0 XTAL1\): GP2 goes to slot 0 I/OUC already"),
        ('pin = "GP3"', 'pin = "GP23"', "no GP23"),
        ('pin = "GP3"', 'pin = "3V3"', "3V3 is not free"),
        ('reserved = ["GP23"', 'reserved = ["GP3"', "GP3 is not free"),
        ('place = "36"', 'place = "1"', r"supply 1 \(slot 0 VDD\(INTF\)\): place 1 is no supply"),
        ("2=GP1", "1=GP1", "stands twice"),
        ("2=GP1", "GP1", "not PLACE=PIN"),
        ('"SLOTS.0.clk"', '"SLOTS.0.io"', r"wire 2 \(slot 0 XTAL1\): SLOTS.0.io is slot 0 I/OUC already"),
        ('"SLOTS.0.clk"', '"SLOTZ.0.clk"', "SLOTZ.0.clk is none of the wires in pinmap.toml"),
        ('"SLOTS.1.clk"', '"SLOTS.2.clk"', "SLOTS.0 and SLOTS.1 are not alike: one has no clk"),
        ('to = "SLOTS.1.clk"\n', "", "SLOTS.0 and SLOTS.1 are not alike: one has no clk"),
        ('"KEYPAD_ROWS.0"', '"KEYPAD_ROWS.4"', "KEYPAD_ROWS has the numbers 4, 1, 2, 3, in this order"),
        ('"I2C.id" =', '"I2C" =', "I2C hides I2C.sda"),
        ('"I2C.id" =', '"I2C.ide" =', "I2C.ide is none of the constants"),
        ("value = 125000000", "value = 133000000", "HZ = 133000000 .* one of 125000000, 150000000, 200000000"),
        ("value = 125000000, ", "", "HZ has no value"),
        ('part = "slot 0"\n', "", "WRONG.toml, wire 1: there is no part"),
        ('pin = "GP3"\n', "", r"wire 2 \(slot 0 XTAL1\): there is no pin"),
        ('pin = "GP3"', "pin = 3", r"wire 2 \(slot 0 XTAL1\): pin is no text"),
        ('prefix = "GP"', "", "WRONG.toml: there is no prefix"),
        ("[constants]", "[wires]", "WRONG.toml: there is no constants"),
        ('pin = "GP3"', "pin = GP3", r"WRONG.toml: Invalid value \(at line 2\d, column 7\)"),
    ],
)
def test_a_wrong_map_names_the_wire(
    pinmap: ModuleType, root: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (root / "hardware/pins/RPI_PICO_W.toml").read_text("utf-8")
    wrong = tmp_path / "WRONG.toml"
    wrong.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(pinmap.MapError, match=said):
        pinmap.load(wrong)


def test_the_command_says_what_is_wrong_and_writes_nothing(
    pinmap: ModuleType, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (root / "hardware/pins/RPI_PICO_W.toml").read_text("utf-8")
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins/WRONG.toml").write_text(text.replace("[constants]", "[constants"), "utf-8")
    monkeypatch.setattr(pinmap, "HERE", tmp_path)
    assert pinmap.main(["--write"]) == 2
    assert capsys.readouterr().err.startswith("WRONG.toml: Expected ']'")
    assert [path.name for path in tmp_path.iterdir()] == ["pins"]
