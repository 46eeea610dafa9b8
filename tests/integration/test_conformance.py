"""The HAL conformance suite on the boards that run here: the same checks that a hardware team runs on its own (docs/PORTING.md)."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tools import qemu as images
from tournee.flash.adapters import board as flash
from tournee.flash.adapters import release
from tournee.flash.adapters.serialports import Port
from tournee_sim.boards.process import FirmwareProcess, find_firmware, find_micropython
from tournee_sim.boards.qemu import IMAGE_VARIABLE, QemuProcess
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig, UnixBoard
from tournee_sim.pytest_plugin import need

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (ROOT / "firmware" / "conformance" / "checks.py").read_text("utf-8")
UNIX = """
from tournee_fw.hal.unix import BoardGone, UnixBoard, UnixLink
args = dict(a.split("=", 1) for a in sys.argv[1:])
at = lambda key: args[key][5:]
link = UnixLink(at("link"))
board = UnixBoard(at("iobus"), [at("slot0"), at("slot1")], [link])
link.poll(board.now_ms())
board.slack_ms = 250  # the checks wait it out again and again; the simulator is fast
{spoil}
run(board, only={only!r})
try:
    while True:
        board.wait(1000)
except BoardGone:
    pass
"""
QEMU = """
from tournee_fw.hal.mps2 import Mps2Board
lines = []
board = Mps2Board()
board.slack_ms = 250
run(board, say=lines.append)
print("\\n*** terminal ended")
for line in lines:
    print(line)
import machine
machine.reset()
"""
_LINE = re.compile(r"^CHECK (\w+) +(.*)$", re.MULTILINE)


class UnixChecks(FirmwareProcess):
    """MicroPython's unix port with the suite instead of the terminal."""

    spoil = only = ""

    async def _spawn(self, arguments: Mapping[str, str]) -> asyncio.subprocess.Process:
        script = self._log.with_name("conformance.py")
        script.write_text(f"import sys\n{CHECKS}\n{UNIX.format(spoil=self.spoil, only=self.only)}", "utf-8")
        environment = {"MICROPYPATH": f"{find_firmware().parent}:.frozen", "PATH": os.environ.get("PATH", "")}
        wanted = [f"{key}={value}" for key, value in arguments.items() if key in ("slot0", "slot1", "iobus", "link")]
        return await self._execute([find_micropython(), "-X", "heapsize=320k", str(script), *wanted], environment)


class QemuChecks(QemuProcess):
    """The suite over the raw REPL of UART 0, as on any board."""

    async def _run(self, reader: Any, writer: Any, control: Any, start: str, link: str) -> None:
        await super()._run(reader, writer, control, CHECKS + QEMU, link)


async def report(config: BoardConfig, process: type[FirmwareProcess], cards: tuple[str, str]) -> str:
    """What the suite said with these cards in the slots."""

    class Board(UnixBoard):
        def _process(self, log: Path) -> FirmwareProcess:
            return process(log, **({} if process is QemuChecks else {"heap": config.heap}))

    board = Board(config)
    await board.start()
    try:
        log = config.state / "firmware.log"
        for _ in range(2400):
            said = log.read_text("utf-8", "replace") if log.exists() else ""
            if "\nCONFORMANCE" in said:
                return said
            if not board.running and process is UnixChecks:
                break
            await asyncio.sleep(0.05)  # the end of a log file has no event
        pytest.fail(f"the suite did not end:\n{said}")
    finally:
        await board.stop()


def config(keys: Path, tmp_path: Path, cards: tuple[str, str], **options: Any) -> BoardConfig:
    return BoardConfig(
        keys=keys, state=tmp_path / "state", pin="4711", seed=1, cps=cards[0], vitale=cards[1], **options
    )


def statuses(said: str) -> dict[str, str]:
    return {found[2].split("  ")[0].strip(): found[1] for found in _LINE.finditer(said)}


def test_the_board_unix_conforms(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    cards = ("generic-t1", "vitale-ancienne")  # T=1; T=0 of inverse convention
    said = asyncio.run(asyncio.wait_for(report(config(keys, tmp_path, cards), UnixChecks, cards), 150))
    found = statuses(said)
    assert [name for name, status in found.items() if status == "FAILED"] == [], said
    assert [name for name, status in found.items() if status == "SKIPPED"] == ["slot 0: pulled", "slot 1: pulled"], said
    assert len(found) == 28


_PORT = "p = type(board.slots[0])\nold = p.read_into\n"
WRONG = {
    "board: randomness": "board.random = lambda n: bytes(n)",
    "board: clock goes forward": "board.now_ms = lambda: 7",
    "board: attributes": "board.clock_khz = 9000",
    "board: wait leaves no garbage": "keep, old = [], board.wait\nboard.wait = lambda ms: (keep.append(bytearray(64)), old(ms))",
    "board: display": "UnixBoard.show = None",
    "slot 0: the same, read byte by byte": _PORT + "p.read_into = lambda s, b: old(s, b) if len(b) > 9 else 0",
    "slot 0: off is quiet": _PORT + "p.damaged = lambda s: 1",
    "slot 0: answer to reset": _PORT + "p.vcc = lambda s, c: None",
}


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_hal_is_named(keys: Path, tmp_path: Path, check: str) -> None:
    need("micropython")

    class Spoilt(UnixChecks):
        pass

    Spoilt.spoil, Spoilt.only = WRONG[check], check
    cards = ("cps-medecin", "vitale-famille")
    said = asyncio.run(asyncio.wait_for(report(config(keys, tmp_path, cards), Spoilt, cards), 150))
    assert statuses(said)[check] == "FAILED", said


@pytest.mark.xdist_group("qemu")
@pytest.mark.timeout(900)
def test_the_board_qemu_conforms(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    cards = ("cps-medecin", "vitale-famille")
    wanted = config(keys, tmp_path, cards, board="qemu")
    said = asyncio.run(asyncio.wait_for(report(wanted, QemuChecks, cards), 300))
    found = statuses(said)
    assert [name for name, status in found.items() if status == "FAILED"] == [], said
    assert len(found) == 28


@pytest.mark.parametrize("board", ["RPI_PICO_W", "TEMPLATE"])
def test_what_a_team_runs_on_its_board(board: str) -> None:
    """`conform.py --show` is the script that goes over the REPL; it is MicroPython for every board that has one."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "firmware" / "conform.py"), "--board", board, "--show"],
        capture_output=True,
        text=True,
        check=True,
    )
    compile(done.stdout, board, "exec")
    assert f"from tournee_fw.boards.{board}.main import board" in done.stdout
    assert CHECKS in done.stdout


def test_conform_runs_the_suite_over_a_boards_repl(keys: Path, tmp_path: Path) -> None:
    """A board with stock MicroPython and the firmware's files: one command, by mpremote; nothing is left on the board."""
    need("micropython")
    need("tty")
    version = tmp_path / "state" / "flash" / "tournee"
    (version / "a").mkdir(parents=True)
    (version / "current").write_text("a UNIX", "utf-8")
    (version / "a" / "tournee_fw").symlink_to(find_firmware())
    before = sorted(version.rglob("*"))
    cards = ("cps-medecin", "vitale-famille")
    with ThreadedBoard(config(keys, tmp_path, cards, board="stock")) as board:
        command = [sys.executable, str(ROOT / "firmware/conform.py"), "--board", "UNIX", "--only", "slot 0: answer"]
        command += ["--port", board.url.removeprefix("serial:")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "CHECK OK       slot 0: answer to reset" in done.stdout
        board.pull(0)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, "SKIPPED  slot 0" in done.stdout) == (0, True), done.stdout + done.stderr
        (version / "current").write_text("b", "utf-8")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 4
        assert "no module named 'tournee_fw" in done.stderr
    assert sorted(version.rglob("*")) == before


def _conform(port: str, *argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "firmware/conform.py"), "--port", port, *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_terminal_runs_again_however_the_suite_ended(keys: Path, tmp_path: Path) -> None:
    """It failed on the board, named no check, or was broken off by Ctrl-C."""
    need("micropython")
    need("tty")
    cards = ("cps-medecin", "vitale-famille")
    with ThreadedBoard(config(keys, tmp_path, cards, board="stock")) as terminal:
        port = terminal.url.removeprefix("serial:")
        flash.flash(Port(port, ""), board=None, name="", erase=False, dry_run=False, said=lambda stage, done, of: None)
        other = _conform(port, "--board", "RPI_PICO_W")
        said = other.communicate(timeout=120)[1]
        assert other.returncode == 4 and "The board said: ImportError" in said
        assert release.running(port, 10.0)
        none = _conform(port, "--board", "UNIX", "--only", "heap")
        assert "no check's name has 'heap'" in none.communicate(timeout=120)[1] and none.returncode == 4
        assert release.running(port, 10.0)
        broken = _conform(port, "--board", "UNIX", "--only", "slot 0: a")
        assert broken.stdout is not None and broken.stdout.readline().startswith("CHECK ")
        broken.send_signal(signal.SIGINT)
        broken.communicate(timeout=120)
        assert broken.returncode == 130
        assert release.running(port, 60.0), "this board does not hear Ctrl-C: it starts again when the suite has ended"


def test_a_python_without_the_extra_is_told_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-E", str(ROOT / "firmware/conform.py"), "--board", "UNIX"]  # -S: no site-packages
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 4
    assert re.fullmatch(r"conform.py: \w+ is not installed\n→ pip install 'tournee\[flash\]' .*\n", done.stderr)
