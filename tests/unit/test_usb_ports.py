"""Which serial ports are one terminal, and which of them carries the link."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tournee.cli import connect
from tournee.cli.terminal import app
from tournee.flash.adapters import serialports
from tournee.flash.adapters.serialports import Port
from tournee.flash.errors import SeveralPorts


def port(
    device: str, interface: str | None, location: str | None, serial: str | None = "e661", product: int = 5
) -> Any:
    return SimpleNamespace(
        device=device,
        vid=0x2E8A,
        pid=product,
        serial_number=serial,
        interface=interface,
        location=location,
        description="Board in FS mode",
    )


LINUX = [port("/dev/ttyACM1", "Board CDC", "1-1:1.0"), port("/dev/ttyACM0", "Tournee", "1-1:1.2")]
MAC = [port("/dev/cu.usbmodem1101", None, "0-1"), port("/dev/cu.usbmodem1103", None, "0-1")]
WINDOWS = [port("COM3", None, "1-2:x.2"), port("COM9", None, "1-2:x.0")]
ONE = [port("/dev/ttyACM0", "Board CDC", "1-1:1.0")]


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    from serial.tools import list_ports

    there: list[Any] = []
    monkeypatch.setattr(list_ports, "comports", lambda: there)
    monkeypatch.delenv("TOURNEE_TERMINAL", raising=False)
    return there


@pytest.mark.parametrize(
    ("ports", "repl", "link"),
    [
        (LINUX, "/dev/ttyACM1", "/dev/ttyACM0"),
        (MAC, "/dev/cu.usbmodem1101", "/dev/cu.usbmodem1103"),
        (WINDOWS, "COM9", "COM3"),
        (ONE, "/dev/ttyACM0", ""),
    ],
    ids=["linux", "mac", "windows", "one port"],
)
def test_a_board_is_flashed_on_its_repl_and_spoken_to_on_its_own_port(
    plugged: list[Any], ports: list[Any], repl: str, link: str
) -> None:
    plugged += ports
    board = Port(repl, "e661", link)
    assert serialports.found() == [board]
    assert serialports.the_one() == board
    assert {serialports.named(p.device) for p in ports} == {board}
    assert serialports.named(f"serial:{link or repl}") == board
    assert serialports.again(Port("/dev/elsewhere", "e661")) == board
    assert connect.terminal_url() == f"serial:{link or repl}"


def test_another_firmwares_two_ports_are_not_a_terminals(plugged: list[Any]) -> None:
    plugged += [port("/dev/ttyACM0", "Board CDC", "1-1:1.0"), port("/dev/ttyACM1", "Logger", "1-1:1.2")]
    assert serialports.found() == [Port("/dev/ttyACM0", "e661")]


def test_boards_without_a_serial_number_stay_apart(plugged: list[Any]) -> None:
    plugged += [port("COM3", None, None, serial=None), port("COM4", None, None, serial=None)]
    with pytest.raises(SeveralPorts, match="COM3, COM4"):
        serialports.the_one()


def test_a_board_is_there_only_with_its_repl(plugged: list[Any]) -> None:
    """The system makes the two ports one after the other."""
    plugged.append(LINUX[1])
    assert serialports.found() == []
    assert serialports.named("/dev/ttyACM0") == Port("/dev/ttyACM0", "")


def test_a_port_that_no_board_has_is_taken_as_it_is_named(plugged: list[Any]) -> None:
    assert serialports.named("serial:/dev/ttyS3") == Port("/dev/ttyS3", "")


def test_the_scan_shows_a_terminal_once(plugged: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plugged += [*LINUX, port("/dev/ttyUSB0", None, None, serial=None, product=99)]

    async def nothing(*arguments: Any) -> list[Any]:
        return []

    from tournee.cli import scan

    monkeypatch.setattr(scan, "_radio", nothing)
    monkeypatch.setattr(scan, "_pcsc", nothing)
    rows, notes = asyncio.run(scan.scan(0.1))
    assert [row["url"] for row in rows] == ["serial:/dev/ttyACM0", "serial:/dev/ttyUSB0"] and not notes
    assert "ttyACM1" not in CliRunner().invoke(app, ["scan"]).output
