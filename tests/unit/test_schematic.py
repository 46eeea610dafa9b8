"""hardware/schematic is the reference design: the rules hold, they see each planted fault, and what is made from it is fresh."""

from __future__ import annotations

import ast
import copy
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.schematic import __main__ as cli
from hardware.schematic import bom, model, rules
from hardware.schematic.model import Texts

BOARDS = ("RPI_PICO_W", "RPI_PICO2_W", "NUCLEO_WB55")


@pytest.fixture
def texts() -> Texts:
    read = Texts.read()
    return Texts(copy.deepcopy(read.library), copy.deepcopy(read.sheets), dict(read.pin_maps))


def test_rules_hold_and_files_are_what_the_design_says() -> None:
    assert cli.main(["--check"]) == 0


def test_a_text_that_is_no_toml_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("library.toml", "sheets.toml"):
        (tmp_path / name).write_text((model.HERE / name).read_text("utf-8") + "broken\n", "utf-8")
        with monkeypatch.context() as patch:
            if name == "sheets.toml":
                (tmp_path / "library.toml").write_text((model.HERE / "library.toml").read_text("utf-8"), "utf-8")
            patch.setattr(model, "HERE", tmp_path)
            assert cli.main(["--check"]) == 2
        assert capsys.readouterr().err.startswith(f"{name}: Expected '=' after a key")


def test_the_files_do_not_depend_on_order_of_sets_place_or_day(texts: Texts, root: Path) -> None:
    again = cli.outputs(texts)
    assert again == cli.outputs(Texts.read())
    assert not any(str(root) in text for text in again.values())
    assert not any(re.search(r"20\d\d-\d\d-\d\d", text) for text in again.values())


def _parts(sheet: str, old: str, new: str) -> Callable[[Texts], None]:
    """A change of a sheet's text; `old` must be there."""

    def plant(texts: Texts) -> None:
        text = texts.sheets["sheet"][sheet]["parts"]
        assert old in text
        texts.sheets["sheet"][sheet]["parts"] = text.replace(old, new, 1)

    return plant


def _pin(part: str, old: str, new: str) -> Callable[[Texts], None]:
    def plant(texts: Texts) -> None:
        pins = texts.library[part]["pins"]
        pins[pins.index(old)] = new

    return plant


def _wire(to: str, **change: Any) -> Callable[[Texts], None]:
    """A row of the Pico's pin map differs; without `change` it is missing."""

    def plant(texts: Texts) -> None:
        was = texts.pin_maps["RPI_PICO_W"]
        assert any(w.to == to for w in was.wires)
        wires = tuple(replace(w, **change) if w.to == to else w for w in was.wires if change or w.to != to)
        texts.pin_maps["RPI_PICO_W"] = replace(was, wires=wires)

    return plant


def _place(to: str, pin: str) -> Callable[[Texts], None]:
    def plant(texts: Texts) -> None:
        was = texts.pin_maps["RPI_PICO_W"]
        place = next(place for place, name in was.left + was.right if name == pin)
        _wire(to, pin=pin, place=place)(texts)

    return plant


def _both(*plants: Callable[[Texts], None]) -> Callable[[Texts], None]:
    def plant(texts: Texts) -> None:
        for one in plants:
            one(texts)

    return plant


def _supply(net: str, volts: str) -> Callable[[Texts], None]:
    return lambda texts: texts.sheets["nets"].update({net: volts})


PLANTED: dict[str, tuple[Callable[[Texts], None], str, str]] = {
    # fault: (how it is planted, the rule that sees it, what it says)
    "a decoupling capacitor removed": (
        _parts("slot", "C{k}01 C100n @VDD(INTF) @GND for=U{k}01.VDD(INTF)\n", ""),
        "decoupled",
        r"U101 VDD\(INTF\) \(4\): lacks 100nF to GND",
    ),
    "one of two capacitors of the card's supply removed": (
        _parts("slot", "C{k}09 C220n VCC{n} @GND for=U{k}01.VCC\n", ""),
        "decoupled",
        r"U101 VCC \(22\): lacks 220nF",
    ),
    "a capacitor ten times too small": (
        _parts("slot", "C{k}03 C10u", "C{k}03 C1u"),
        "decoupled",
        r"U101 VDDP \(18\): lacks 10uF",
    ),
    "a pump capacitor to the wrong pin": (
        _parts("slot", "C{k}06 C330n SAP# SAM#", "C{k}06 C330n SAP# SBM#"),
        "decoupled",
        r"U101 SAP \(20\): lacks 330nF to SAM",
    ),
    "card contacts C2 and C3 swapped": (
        _parts("slot", "C2=RST# C3=CLK#", "C2=CLK# C3=RST#"),
        "partners",
        r"J101 C2: is on CLK_0, where there is no RST",
    ),
    "two lines of the display swapped": (
        _parts("display", "P4=LCD_D4 P5=LCD_D5", "P4=LCD_D5 P5=LCD_D4"),
        "partners",
        r"U401 P4 \(9\): is on LCD_D5, where there is no D4",
    ),
    "two outputs on one net": (
        _parts("slot", "RST=RST# CLK=CLK#", "RST=RST# CLK=RST#"),
        "driven",
        r"RST_0: U101 RST \(23\) and U101 CLK \(24\) both drive it",
    ),
    "two outputs of two chips on one net": (
        _parts("slot", "RST=RST# ", "RST=RST_BOTH "),
        "driven",
        r"RST_BOTH: U101 RST \(23\) and U201 RST \(23\) both drive it",
    ),
    "charger against USB": (
        _parts("battery", "VBAT=VCELL", "VBAT=@charger"),
        "driven",
        r"VBUS: .*U301 VBAT \(3\).* both drive it",
    ),
    "a floating input": (_parts("slot", "CLKDIV1=@VDD(INTF)", "CLKDIV1=ALONE"), "driven", r"U101 CLKDIV1 \(5\): floats"),
    "an input left open": (_parts("slot", " CLKDIV2=@GND", ""), "connected", r"U101 CLKDIV2 \(6\): open"),
    "5 V on a pin of 3.3 V": (
        _parts("display", "R401 R4k7 @SDA @VCC", "R401 R4k7 @SDA VBUS"),
        "levels",
        r"A1 GP16 \(21\): bears 3\.7 V, I2C\.sda goes to 5\.5 V",
    ),
    "the cell on the converter without its divider": (
        _parts("battery", "R307 R100k @half_of_the_cell @GND\n", ""),
        "levels",
        r"A1 GP28 \(34\): bears 3\.7 V, BATTERY_ADC goes to 4\.2 V",
    ),
    "the logic supply of the interface chip on the cell": (
        _parts("slot", "VDD(INTF)=@VDD(INTF)", "VDD(INTF)=@VDDP"),
        "supplied",
        r"U101 VDD\(INTF\) \(4\): bears 1\.6 to 3\.6 V, VSYS has 2\.9 to 5\.3 V",
    ),
    "a supply that nothing feeds": (
        _both(_parts("battery", "GND=@GND VBUS=@charger", "GND=@GND VBUS=VLOST"), _supply("VLOST", "0..5")),
        "supplied",
        r"D301 VBUS \(5\): nothing feeds VLOST",
    ),
    "the fuse left out": (_parts("battery", "F301 PTC 1=VCELL 2=VFUSED\n", ""), "connected", r"VFUSED: nothing but SW301"),
    "a ground pin on a supply": (_parts("slot", "GNDP=@GND", "GNDP=@VDDP"), "grounded", r"U101 GNDP \(16\): is on VSYS"),
    "a pull-up of a bus removed": (
        _parts("display", "R402 R4k7 @SCL @VCC\n", ""),
        "pulled",
        r"U401 SCL \(14\): wants 4k7 or less to 3V3",
    ),
    "a pull-up too weak against the controller's pull-down at reset": (
        _parts("slot", "R{k}01 R10k", "R{k}01 R100k"),
        "pulled",
        r"U101 CMDVCCN \(3\): wants 10k",
    ),
    "a key column without a pull-up": (
        _parts("keypad", "R508 R10k @column_1 @pull-ups\n", ""),
        "pulled",
        r"KEYPAD_COLUMNS\.0: is read while nobody drives it",
    ),
    "a row missing in the pin map": (_wire("SLOTS.1.rst"), "mapped", r"slot 1 RSTIN: no row of the pin map leads there"),
    "a row of the pin map that leads nowhere": (_wire("BUZZER", at="horn"), "mapped", r"1 GP0: no sheet has a buzzer horn"),
    "firmware and part do not mean the same pin": (
        _wire("SLOTS.0.io", at="RSTIN"),
        "mapped",
        r"4 SLOTS\.0\.io: the firmware calls it SLOTS\.0\.io, slot 0 RSTIN is rst",
    ),
    "a wire of slot 0 at slot 1": (_wire("SLOTS.0.off", part="slot 1"), "mapped", r"SLOTS\.0\.off leads to slot 1"),
    "key rows exchanged": (_wire("KEYPAD_ROWS.0", at="row 2"), "mapped", r"the firmware calls it KEYPAD_ROWS\.0, keypad row 2"),
    "I2C on pins that have another": (_place("I2C.sda", "GP1"), "able", r"GP1 is not SDA of I2C0"),
    "the battery on a pin without converter": (_place("BATTERY_ADC", "GP1"), "able", r"GP1 has no ADC"),
    "the buzzer on the card clock's PWM slice": (_place("BUZZER", "GP2"), "able", r"shares its PWM slice with"),
    "a pin that must stay open": (_parts("slot", "C7=IO#", "C6=IO# C7=IO#"), "connected", r"J101 C6: must stay open"),
    "a charger that does not bear its supply": (
        _pin("MCP73831", "4 VDD sup range=3.75..6.0 cap=4u7", "4 VDD sup range=3.75..5.0 cap=4u7"),
        "supplied",
        r"U301 VDD \(4\): bears 3\.75 to 5\.0 V, VBUS has 4\.4 to 5\.5 V",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(texts: Texts, fault: str) -> None:
    plant, rule, said = PLANTED[fault]
    plant(texts)
    seen = rules.check(model.board(texts, "RPI_PICO_W"))
    assert any(one.rule == rule and re.search(said, str(one)) for one in seen), (
        "\n".join(map(str, seen)) or "nothing seen"
    )


def test_every_rule_has_a_fault_that_it_sees() -> None:
    assert {rule for _, rule, _ in PLANTED.values()} == set(rules.RULES)


@pytest.mark.parametrize("board", BOARDS)
def test_the_controller_is_wired_as_its_pin_map_says(texts: Texts, board: str) -> None:
    made = model.board(texts, board)
    of_slots = {port: w.place for w, _, instance, port in made.wires if instance == "slot 1"}
    chip, nets = made.parts["U201"], made.nets
    for port, place in of_slots.items():
        net = chip.net(port)
        assert net is not None and ("A1", place) in {(p.ref, q.number) for p, q in nets[net]}
    used = {w.place for w in made.pin_map.wires}
    free = {p.number for p in made.parts["A1"].pins if p.kind == "io" and p.number in made.parts["A1"].nets}
    assert free - {"TP2", "TP3"} <= used


def test_the_expander_drives_the_display_as_the_firmware_does(texts: Texts, root: Path) -> None:
    tree = ast.parse((root / "firmware/tournee_fw/hal/lcd.py").read_text("utf-8"))
    bits = {
        node.targets[0].id: node.value.args[0].value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.targets[0], ast.Name) and isinstance(node.value.args[0], ast.Constant)
    }
    made = model.board(texts, "RPI_PICO_W")
    nets = made.nets

    def bit_of(part: str, pin: str) -> int:
        net = made.parts[part].net(pin)
        assert net is not None
        (port,) = [q.name for p, q in nets[net] if p.ref == "U401"]
        return 1 << int(port.removeprefix("P"))

    assert bit_of("A401", "RS") == bits["_DATA"]
    assert bit_of("A401", "E") == bits["_ENABLE"]
    assert bit_of("Q401", "G") == bits["_LIGHT"]
    assert [bit_of("A401", f"D{n}") for n in range(4, 8)] == [16, 32, 64, 128]  # `value << 4`
    address = 0x20 + sum((made.parts["U401"].net(f"A{n}") != "GND") << n for n in range(3))
    assert f"address=0x{address:x}" in (root / "firmware/tournee_fw/hal/lcd.py").read_text("utf-8")


@pytest.mark.parametrize("board", BOARDS)
def test_the_netlist_holds_every_pin_and_the_pictures_every_wire(texts: Texts, board: str) -> None:
    made = model.board(texts, board)
    files = {path.name: text for path, text in cli.outputs(texts).items()}
    nodes = re.findall(r'\(node \(ref "([^"]+)"\) \(pin "([^"]+)"\)\)', files[f"{board}.net"])
    assert len(nodes) == len(set(nodes)) == sum(len(part.nets) for part in made.parts.values())
    bare = re.sub(r'"[^"]*"', "", files[f"{board}.net"])
    assert bare.count("(") == bare.count(")")
    said = [e.text for e in ET.fromstring(files[f"{board}.svg"]).iter("{http://www.w3.org/2000/svg}text")]
    for wire, _, _, port in made.wires:
        assert port in said and made.pin_map.shown(wire.pin) in said
    numbers = [e.text for e in ET.fromstring(files[f"{board}-slot.svg"]).iter("{http://www.w3.org/2000/svg}text")]
    assert {str(n) for n in range(1, 34)} <= set(numbers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_parts("slot", "J{k}01 ID1", "J{k}01 ID2"), "library.toml has no ID2"),
        (_parts("slot", "C7=IO#", "C9=IO#"), "ID1 has no pin C9"),
        (_parts("slot", "R{k}02 R2k7", "R{k}01 R2k7"), "R101 stands twice"),
        (_parts("slot", "R{k}02 R2k7 PRESN# @VDD(INTF)", "R{k}02 R2k7 PRESN#"), "two nets are wanted"),
        (_parts("slot", "C{k}04 C1u", "C{k}04 C1x"), "1x is no value"),
        (_pin("ID1", "C1 C1 pas with=VCC", "C1 C1 pas when=VCC"), "when is not known"),
        (_pin("ID1", "C1 C1 pas with=VCC", "C1"), "number, name and kind"),
        (_parts("slot", "R{k}02 R2k7", "R{j}02 R2k7"), "only {n} and {k}"),
        (_parts("slot", "R{k}02 R2k7 PRESN# @VDD(INTF)", "R{k}02"), "is no part"),
        (lambda texts: texts.library.pop("ID1"), "library.toml has no ID1"),
        (lambda texts: texts.library["ID1"].pop("bom"), "library.toml, ID1 lacks bom"),
        (lambda texts: texts.library["mcu"]["RPI_PICO_W"].pop("pads"), "library.toml, mcu, RPI_PICO_W lacks pads"),
        (lambda texts: texts.library["mcu"].pop("RPI_PICO_W"), "library.toml, mcu lacks RPI_PICO_W"),
        (lambda texts: texts.sheets.pop("nets"), "sheets.toml lacks nets"),
        (lambda texts: texts.sheets["sheet"].pop("slot"), "sheets.toml, sheet lacks slot"),
        (lambda texts: texts.sheets["sheet"]["slot"].pop("parts"), "sheets.toml, sheet, slot lacks parts"),
        (lambda texts: texts.sheets["nets"].update(VBUS="5"), "no range of volts"),
    ],
)
def test_a_text_that_cannot_be_read_says_where(texts: Texts, change: Callable[[Texts], None], said: str) -> None:
    change(texts)
    with pytest.raises(model.DesignError, match=said):
        model.board(texts, "RPI_PICO_W")


def test_the_parts_list_agrees_with_the_netlists(texts: Texts) -> None:
    boards = [model.board(texts, name) for name in BOARDS]
    assert not list(bom.check(bom.read(), boards))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.pop(3), "RPI_PICO_W TDA8035HN: 2 in the netlist, 0 in the list"),
        (lambda rows: rows[3]["qty"].update(RPI_PICO_W=1), "RPI_PICO_W TDA8035HN: 2 in the netlist, 1 in the list"),
        (lambda rows: rows.append(dict(rows[3], id="SPARE")), "RPI_PICO_W SPARE: 0 in the netlist, 2 in the list"),
        (lambda rows: rows.append(rows[3]), "TDA8035HN: has two rows"),
        (lambda rows: rows[3].update(confidence="sure"), "TDA8035HN: wants"),
        (lambda rows: rows[3].update(source=""), "TDA8035HN: wants"),
    ],
)
def test_a_parts_list_that_differs_is_told(texts: Texts, change: Callable[[Any], Any], said: str) -> None:
    rows = bom.read()
    change(rows)
    seen = [str(fault) for fault in bom.check(rows, [model.board(texts, name) for name in BOARDS])]
    assert any(said in one for one in seen), seen


def test_a_part_that_is_added_to_a_sheet_wants_its_row(texts: Texts) -> None:
    _parts("display", "R403 R47", "R404 R22 @VCC LCD_A\nR403 R47")(texts)
    seen = [str(fault) for fault in bom.check(bom.read(), [model.board(texts, name) for name in BOARDS])]
    assert "bom: NUCLEO_WB55 R22: 1 in the netlist, 0 in the list" in seen
