"""hardware/POWER.md is computed from power.toml and the netlist; the limits of fuse and rails are checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware import power
from hardware.pinmap import MapError
from hardware.schematic.model import Board, Texts, board


@pytest.fixture(scope="module")
def pico() -> Board:
    return board(Texts.read(), "RPI_PICO_W")


def test_the_page_is_what_the_data_says() -> None:
    assert power.main(["--check"]) == 0


def _data() -> dict[str, Any]:
    """Numbers that a head can add up: 3.3 V made of 3.3 V without loss."""
    return {
        "measured": {"cps_wire_s": 10, "vitale_wire_s": 20},
        "people": {"cards_in_s": 100, "on_s": 460},
        "cell": {"volts": 3.3},
        "rails": {"converter": 1.0, "doubler": 2.0, "fuse_hold_mA": 100, "out_3v3_mA": 30},
        "load": [
            {"name": "a", "rail": "cell", "off": 10, "worst": 50, "source": "s", "confidence": "low"},
            {"name": "b", "rail": "card", "off": 0, "idle": 1, "cps": 5, "vitale": 1, "worst": 20, "source": "s", "confidence": "high"},
            {"name": "c", "rail": "3V3", "ohm": ["R306", "R307"], "volts": 200, "source": "s", "confidence": "high"},
        ],
    }  # fmt: skip


def test_a_visit_adds_up(pico: Board) -> None:
    made = power.budget(_data(), pico)
    assert made.phases == {"off": 11, "idle": 13, "cps": 21, "vitale": 13}  # 200 V over 200 kΩ is 1 mA
    assert made.seconds == {"off": 360, "idle": 70, "cps": 10, "vitale": 20}
    assert made.visit_mah == pytest.approx((11 * 360 + 13 * 70 + 21 * 10 + 13 * 20) / 3600)
    assert (made.worst_cell, made.worst_3v3) == (50 + 40 + 1, 1)
    assert not power.faults(_data(), made)


def test_a_broken_limit_is_told(pico: Board) -> None:
    data = _data()
    data["rails"].update(fuse_hold_mA=90, out_3v3_mA=0.5)
    made = power.budget(data, pico)
    assert [fault.split(",")[0] for fault in power.faults(data, made)] == [
        "the cell gives 91 mA at worst",
        "3V3 gives 1 mA at worst",
    ]
    data["people"]["cards_in_s"] = 20
    assert "a visit is shorter than its cards' talk" in power.faults(data, power.budget(data, pico))


def test_a_resistor_of_the_netlist_changes_the_budget(pico: Board) -> None:
    data = power.read()
    light = replace(pico.parts["R403"], value=pico.parts["R403"].value / 2)
    brighter = replace(pico, parts=pico.parts | {"R403": light})
    before, after = (power.budget(data, made).phases["off"] for made in (pico, brighter))
    assert after - before == pytest.approx(power.at_cell(data, "3V3", 300 / 47))


def test_a_load_without_current_is_named(pico: Board) -> None:
    data = _data()
    del data["load"][0]["off"]
    with pytest.raises(MapError, match="a has neither off nor ohm"):
        power.budget(data, pico)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("volts = 3.7", "volts = ", "power.toml: Invalid value (at line 21, column 9)"),
        ("on_s = 600", "ons = 600", "power.toml, people: there is no on_s"),
        ("[cell]", "[sell]", "power.toml, cell: there is no volts, usable, capacities_mAh"),
        ('rail = "3V3"', 'rail = "5V"', "power.toml, load 3: its rail is one of cell, card, 3V3"),
        ('["R403"]', '["R999"]', "light of the display, always on (hal/lcd.py): the netlist has no R999"),
        ("\noff = 25", "", "has neither off nor ohm"),
    ],
)
def test_a_wrong_text_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    text = (power.HERE / "power.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "power.toml").write_text(text.replace(old, new, 1), "utf-8")
    monkeypatch.setattr(power, "HERE", tmp_path)
    assert power.main(["--check"]) == 2
    assert said in capsys.readouterr().err
