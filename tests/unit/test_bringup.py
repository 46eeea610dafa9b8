"""hardware/BRINGUP.md names pins, parts and commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hardware.schematic.model import Board, Texts, board
from tournee.cli.app import tree


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "hardware/BRINGUP.md").read_text("utf-8")


@pytest.fixture(scope="module")
def pico() -> Board:
    return board(Texts.read(), "RPI_PICO_W")


def test_every_pin_has_the_number_and_name_of_the_schematic(guide: str, pico: Board) -> None:
    named = re.findall(r"\b([A-Z]{1,2}\d{3}) pin (\w+) \(([^)\s]+(?:\([^)]*\))?)\)", guide)
    assert len(named) > 30
    for ref, number, name in named:
        assert (number, name) in {(p.number, p.name) for p in pico.parts[ref].pins}, f"{ref} pin {number} ({name})"
    for place, pad in re.findall(r"\bpad (\d+) \((\w+)\)", guide):
        assert (place, pad) in pico.pin_map.left + pico.pin_map.right, f"pad {place} ({pad})"


def test_every_part_is_in_the_schematic(guide: str, pico: Board) -> None:
    named = set(re.findall(r"\b(?:U|J|R|C|Q|D|F|SW|RV|LS|BT|A)[1-6]\d\d\b", guide))
    assert named <= set(pico.parts), named - set(pico.parts)
    assert {"U101", "J101", "R305", "Q301", "U301", "J501", "LS601"} <= named


def test_every_command_exists_with_its_options(guide: str) -> None:
    lines = set(re.findall(r"`(tournee [^`]+)`", guide))
    assert len(lines) > 10
    for line in lines:
        words = shlex.split(line)[1:]
        command: click.Command = tree
        context = click.Context(command, info_name="tournee")
        while words and isinstance(command, click.Group):
            found = command.get_command(context, words[0])
            assert found is not None, line
            command, context = found, click.Context(found, info_name=words[0], parent=context)
            words = words[1:]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
        arguments = sum(isinstance(p, click.Argument) for p in command.params)
        assert arguments or not [
            w for w in words if not w.startswith("--") and words[words.index(w) - 1][:2] != "--"
        ], line


def test_the_suite_takes_the_options_that_are_named(guide: str, root: Path) -> None:
    (line,) = set(re.findall(r"`python (firmware/conform\.py[^`]*)`", guide))
    script, *words = shlex.split(line)
    done = subprocess.run(
        [sys.executable, root / script, *words, "--show"], capture_output=True, text=True, check=False, cwd=root
    )
    assert done.returncode == 0, done.stderr


def test_figures_are_those_of_the_firmware(guide: str, root: Path) -> None:
    """Clock, keypad, buzzer and battery, as the HAL has them."""
    hal = root / "firmware/tournee_fw/hal"
    assert "125_000_000: 35, 150_000_000: 42" in (hal / "rp2.py").read_text("utf-8")
    assert f"{125 / 35:.3f} MHz" in guide and f"{64 / 18:.3f} MHz" in guide
    assert f"{372 / (125 / 35):.1f} µs" in guide and f"{372 / 4 / (125 / 35):.1f} µs" in guide
    assert "(4000, 82)" in (hal / "pinboard.py").read_text("utf-8") and "| 4.00 V | 2.00 V | 82 % ± 6 |" in guide
    assert "(3800, 50)" in (hal / "pinboard.py").read_text("utf-8") and "| 3.80 V | 1.90 V | 50 % ± 8 |" in guide
    assert "_CLICK_MS = const(15)" in (hal / "buzzer.py").read_text("utf-8") and "4 kHz for 15 ms" in guide
    assert "address=0x27" in (hal / "lcd.py").read_text("utf-8") and "freq=400_000" in (hal / "picoboard.py").read_text(
        "utf-8"
    )
