"""`tournee flash` on a board with stock MicroPython: a pty, its raw REPL, an empty file system, two cards."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import tournee
from tournee.cli.flash import command
from tournee.flash import fileset
from tournee.flash.adapters import board as boards
from tournee.flash.adapters import cross, release, repl, serialports
from tournee.flash.adapters.serialports import Port
from tournee.flash.errors import (
    BoardSaid,
    DidNotStart,
    NoMicroPython,
    NotWritten,
    PortBusy,
    PortForbidden,
    PortVanished,
    SessionOpen,
    TooOld,
    WrongBoard,
)
from tournee_protocol.iobus import KEY_CANCEL
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig
from tournee_sim.pytest_plugin import need


class Stock:
    """The board, its port, and what lies on it."""

    def __init__(self, board: ThreadedBoard, state: Path) -> None:
        self.board = board
        self.port = Port(board.url.removeprefix("serial:"), "")
        self.flash = state / "flash"

    def files(self) -> dict[str, str]:
        found = (p for p in sorted(self.flash.rglob("*")) if p.is_file())
        names = {str(p.relative_to(self.flash)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
        return {name: digest for name, digest in names.items() if name != fileset.TRIES}

    def put(self, **options: str | bool) -> boards.Done:
        given = {"board": None, "name": "", "erase": False, "dry_run": False, **options}
        return boards.flash(self.port, said=lambda stage, done, of: None, **given)  # type: ignore[arg-type]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tournee.cli", "flash", "--port", self.port.device, *argv]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def running(self) -> str | None:
        """Manifest of the terminal that answers."""
        answer = release.running(self.port.device, 10.0)
        return answer[0] if answer else None


@pytest.fixture
def stock(tmp_path: Path, keys: Path) -> Iterator[Stock]:
    need("micropython")
    with ThreadedBoard(BoardConfig(board="stock", link="pty", state=tmp_path, keys=keys)) as board:
        yield Stock(board, tmp_path)


def altered(made: fileset.FileSet, mark: bytes = b"#2\n") -> fileset.FileSet:
    """Another version of the same firmware."""
    return replace(made, files={**made.files, "tournee_fw/mark.txt": mark})


def test_a_stock_board_becomes_a_terminal_and_is_left_alone_the_second_time(stock: Stock, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    first = stock.run("--name", "Tournee-9999", "--labels", str(labels))
    assert first.returncode == 0 and first.stdout.startswith("OK  "), first.stderr
    assert stock.running() == fileset.make("UNIX", cross.compiled).manifest
    label = json.loads(labels.read_text())
    assert (label["name"], label["board"], label["manifest"]) == ("Tournee-9999", "UNIX", stock.running())
    with tournee.open(stock.board.url) as desk:
        assert desk.info().name == "Tournee-9999"
        assert desk.patient().beneficiaires
    before = stock.files()
    second = json.loads(stock.run("--json").stdout)["boards"][0]
    assert second["up_to_date"] and second["bytes"] == 0 and second["name"] == "Tournee-9999"
    assert stock.files() == before


def test_all_boards_are_flashed_though_one_of_them_fails(
    stock: Stock, tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Port(str(tmp_path / "ttyACM7"), "7")
    labels = tmp_path / "labels.jsonl"
    with ThreadedBoard(BoardConfig(board="stock", link="pty", state=tmp_path / "two", keys=keys)) as second:
        ports = [stock.port, gone, Port(second.url.removeprefix("serial:"), "")]
        monkeypatch.setattr(serialports, "found", lambda: ports)
        done = CliRunner().invoke(command, ["--all-ports", "--json", "--labels", str(labels)], standalone_mode=False)
        assert done.return_value == 4, done.output
        rows = json.loads(done.stdout)["boards"]
        assert [(r["port"], r["ok"]) for r in rows] == [(p.device, p is not gone) for p in ports]
        assert rows[1]["code"] == "port-vanished" and rows[1]["remedy"]
        told = [json.loads(line) for line in labels.read_text().splitlines()]
        assert [(t["port"], t["ok"], t.get("code")) for t in told] == [
            (p.device, p is not gone, "port-vanished" if p is gone else None) for p in ports
        ]
        assert stock.running() and release.running(ports[2].device, 10.0)
        refused = CliRunner().invoke(command, ["--all-ports", "--name", "One"], standalone_mode=False)
        assert "several boards" in str(refused.exception)


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(stock: Stock) -> None:
    done = stock.run("--dry-run")
    assert done.returncode == 0 and "+ tournee_fw/app.mpy" in done.stdout
    assert stock.files() == {}
    assert len(json.loads(stock.run("--dry-run", "--json").stdout)["boards"][0]["write"]) > 30


def test_a_new_version_stands_beside_the_old_one_until_it_is_checked(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.put()
    old = stock.files()
    made = altered(fileset.make("UNIX", cross.compiled))
    monkeypatch.setattr(boards.fileset, "make", lambda board, compiled: made)
    sent: list[str] = []
    write = repl.Repl.write

    def breaks(self: repl.Repl, name: str, content: bytes, told: object) -> None:
        sent.append(name)
        if len(sent) == 20:
            raise PortVanished("the cable")
        write(self, name, content, told)  # type: ignore[arg-type]

    monkeypatch.setattr(repl.Repl, "write", breaks)
    with pytest.raises(PortVanished):
        stock.put()
    assert old.items() <= stock.files().items()
    assert (stock.flash / "tournee/current").read_text() == "a UNIX\n"
    assert stock.running() == made.manifest  # mark.txt is no code: both have one manifest
    monkeypatch.setattr(repl.Repl, "write", write)
    done = stock.put()
    assert done.plan.folder == "b" and len(done.plan.write) == len(made.files) - 19
    assert (stock.flash / "tournee/current").read_text() == "b UNIX\n"
    monkeypatch.undo()
    third = stock.put()
    assert third.plan.folder == "a" and third.plan.write == ()


def test_what_arrives_damaged_is_never_started(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    write = repl.Repl.write

    def damages(self: repl.Repl, name: str, content: bytes, told: object) -> None:
        write(self, name, content[:-1] + b"\xff" if name.endswith("slots.mpy") else content, told)  # type: ignore[arg-type]

    monkeypatch.setattr(repl.Repl, "write", damages)
    with pytest.raises(NotWritten, match=r"slots\.mpy"):
        stock.put()
    assert "tournee/current" not in stock.files() and "main.py" not in stock.files()
    monkeypatch.undo()
    assert stock.put().plan.write == ("tournee_fw/slots.mpy",)


@pytest.mark.parametrize("damaged", ["main.py", "tournee/name", "tournee/current"])
def test_what_is_started_or_named_is_read_back_first(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, damaged: str
) -> None:
    write = repl.Repl.write

    def damages(self: repl.Repl, name: str, content: bytes, told: object) -> None:
        write(self, name, content[:-2] + b"@\n" if name == f"{damaged}.new" else content, told)  # type: ignore[arg-type]

    monkeypatch.setattr(repl.Repl, "write", damages)
    with pytest.raises(NotWritten, match=damaged):
        stock.put(name="Tournee-9997")
    assert not {damaged, f"{damaged}.new", "tournee/current"} & set(stock.files())
    monkeypatch.undo()
    stock.put(name="Tournee-9997")
    before = stock.files()
    monkeypatch.setattr(repl.Repl, "write", damages)
    if damaged == "tournee/name":
        with pytest.raises(NotWritten, match=damaged):
            stock.put(name="Tournee-9996")
        assert stock.files() == before and (stock.flash / fileset.NAME).read_text() == "Tournee-9997\n"


def test_a_run_cut_before_a_rename_leaves_nothing_for_ever(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    stock.put(name="Old")
    whole = stock.files()

    def gone(self: repl.Repl, name: str, to: str) -> None:
        raise PortVanished("the cable")

    with monkeypatch.context() as patch:
        patch.setattr(repl.Repl, "rename", gone)
        with pytest.raises(PortVanished):
            stock.put(name="New")
    (stock.flash / "main.py.new").write_bytes(b"half")
    assert set(stock.files()) - set(whole) == {"main.py.new", "tournee/name.new"}
    assert {"main.py.new", "tournee/name.new"} <= set(stock.put(dry_run=True).plan.stale)
    done = stock.put()
    assert done.up_to_date and done.name == "Old" and stock.files() == whole


def test_leftovers_are_removed_and_erase_leaves_only_the_new(stock: Stock) -> None:
    (stock.flash / "tournee/a/tournee_fw").mkdir(parents=True)
    (stock.flash / "tournee/a/tournee_fw/gone.mpy").write_bytes(b"old")
    done = stock.put(name="Tournee-9998")
    assert (
        done.plan.stale == ("tournee/a/tournee_fw/gone.mpy",) and "tournee/a/tournee_fw/gone.mpy" not in stock.files()
    )
    (stock.flash / "tournee/junk").write_bytes(b"x")
    stock.put(erase=True)
    left = {n for n in stock.files() if not n.startswith("tournee/a/")}
    assert left == {"main.py", "tournee/current", "tournee/name"}
    assert stock.running() and (stock.flash / "tournee/name").read_text() == "Tournee-0001\n"


def test_a_session_with_a_card_in_use_is_not_taken(stock: Stock) -> None:
    import asyncio

    from tournee.cards.adapters import open_reader
    from tournee.terminal import Terminal

    stock.put()

    async def leave_powered() -> None:
        reader = await open_reader(stock.board.url)
        assert isinstance(reader, Terminal)
        await reader.power_on(0)
        await reader.detach()

    asyncio.run(leave_powered())
    with pytest.raises(SessionOpen):
        stock.put()
    stock.board.pull(0)
    assert stock.put().up_to_date


def test_three_starts_that_fail_leave_the_repl(stock: Stock) -> None:
    stock.put()
    broken = stock.flash / "tournee/a/tournee_fw/app.mpy"
    good = broken.read_bytes()
    with repl_of(stock) as line:
        broken.write_bytes(b"not byte code")
        for _ in range(3):
            line.reset()
            line.close()
            line = repl.opened(stock.port.device)
        assert (stock.flash / fileset.TRIES).read_text() == "3"
        broken.write_bytes(good)  # a fourth start would succeed, but a person must say so
        line.reset()
        line.close()
        line = repl.opened(stock.port.device)
        line.close()
    assert stock.put().up_to_date, "flashing again forgets the failed starts"
    assert stock.running()


def test_starts_on_which_nobody_calls_are_no_failed_ones(stock: Stock) -> None:
    """A terminal that has nothing to do for a minute has come up too."""
    stock.put()
    tries = stock.flash / fileset.TRIES
    stock.board.restart()
    for seen in (True, False):  # the start is counted, then forgotten
        end = time.monotonic() + 15
        while tries.exists() is not seen and time.monotonic() < end:
            time.sleep(0.1)  # the board tells nobody when it writes
        assert tries.exists() is seen


def test_a_key_held_at_power_on_gives_the_repl_without_a_host(stock: Stock) -> None:
    stock.put()
    stock.board.board.bus.held = bytes([KEY_CANCEL])
    stock.board.restart()
    line = repl.opened(stock.port.device)
    line.close()
    stock.board.board.bus.held = b""
    stock.board.restart()
    assert stock.running()


def test_a_firmware_that_does_not_come_up_is_told(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fileset.make("UNIX", cross.compiled)
    broken = replace(made, files={**made.files, "tournee_fw/app.mpy": b"not byte code"})
    monkeypatch.setattr(boards.fileset, "make", lambda board, compiled: broken)
    monkeypatch.setattr(boards, "_START_S", 3.0)
    with pytest.raises(DidNotStart, match="nothing answered"):
        stock.put()
    monkeypatch.undo()
    assert not stock.put().up_to_date
    assert stock.running() == made.manifest


@pytest.mark.parametrize("why", [PortBusy, PortForbidden])
def test_another_program_that_has_the_port_right_after_the_reset_is_waited_for(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, why: type[PortBusy | PortForbidden]
) -> None:
    """A modem manager looks at what is new on USB; udev gives it its group a moment later."""
    running, asked = release.running, []

    def refused(port: str, wait_s: float) -> tuple[str, str] | None:
        asked.append(port)
        if len(asked) < 3:
            raise why(port)
        return running(port, wait_s)

    monkeypatch.setattr(release, "running", refused)
    assert stock.put().name and len(asked) >= 3
    monkeypatch.setattr(boards, "_START_S", 1.0)
    asked.clear()
    monkeypatch.setattr(release, "running", lambda port, wait_s: (_ for _ in ()).throw(why(port)))
    with pytest.raises(DidNotStart, match=re.escape(why(stock.port.device).what)):
        stock.put()


def test_a_name_in_brackets_is_shown_at_every_flash(stock: Stock) -> None:
    for argv in (["--name", "Cabinet [/A]"], []):
        done = stock.run(*argv)
        assert done.returncode == 0 and "Cabinet [/A]" in done.stdout, done.stderr


# Named causes


def test_a_wrong_board_and_an_old_micropython_are_refused_before_anything_is_written(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WrongBoard, match="Raspberry Pi Pico W"):
        stock.put(board="RPI_PICO_W")
    monkeypatch.setattr(cross, "abi", lambda: 9)
    with pytest.raises(TooOld, match="byte code 6"):
        stock.put()
    assert stock.files() == {}


def test_a_port_that_another_program_has(stock: Stock) -> None:
    import serial

    with serial.Serial(stock.port.device, exclusive=True), pytest.raises(PortBusy):
        stock.put()


def test_a_port_that_is_not_there_or_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serial

    with pytest.raises(PortVanished):
        repl.opened(str(tmp_path / "ttyACM7"))

    def refuses(*_args: object, **_named: object) -> None:
        raise serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "Serial", refuses)
    with pytest.raises(PortForbidden, match="may not open"):
        repl.opened("/dev/ttyACM0")


def test_a_port_on_which_nobody_answers() -> None:
    master, slave = pty.openpty()
    port = Port(os.ttyname(slave), "")
    try:
        for board, remedy in ((None, "docs/FLASH.md"), ("NUCLEO_WB55", "ST-LINK"), ("RPI_PICO2_W", "RPI_PICO2_W.uf2")):
            with pytest.raises(NoMicroPython) as told:
                boards.flash(port, board=board, name="", erase=False, dry_run=False, said=lambda stage, done, of: None)
            assert remedy in told.value.remedy and ("BOOTSEL" in told.value.remedy) is (board != "NUCLEO_WB55")
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_that_goes_away_in_the_middle(stock: Stock) -> None:
    line = repl.opened(stock.port.device)
    stock.board.stop()
    with pytest.raises((PortVanished, BoardSaid)):
        line.about()
    line.close()


class repl_of:
    """The board's REPL, asked of the terminal that runs."""

    def __init__(self, stock: Stock) -> None:
        assert release.released(stock.port.device)
        self._line = repl.opened(stock.port.device)

    def __enter__(self) -> repl.Repl:
        return self._line

    def __exit__(self, *_: object) -> None:
        self._line.close()
