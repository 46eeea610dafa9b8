"""Renode's description of the board against QEMU's own map, the firmware's and the image; its scripts; its launcher.

Renode itself is in no package registry: what needs it runs where `renode` is on PATH and is reported as not run elsewhere. In its
place stands a script that starts QEMU on the same ports (tests/tools/renode_standin.py).
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from robot.api import get_model

import tournee
from tests.tools import qemu as images
from tournee_sim.boards import renode
from tournee_sim.boards.process import BoardError
from tournee_sim.boards.qemu import IMAGE_VARIABLE, RAM_DISK
from tournee_sim.people import vitale
from tournee_sim.pytest_plugin import need

pytestmark = pytest.mark.timeout(900)  # the first builds the image
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "simulator" / "renode"
STANDIN = ROOT / "tests" / "tools" / "renode_standin.py"
UART = "UART.CMSDK_APB_UART"


@dataclass
class Peripheral:
    """One entry of a platform description."""

    kind: str
    address: int | None
    properties: dict[str, str] = field(default_factory=dict)
    irqs: dict[str, int] = field(default_factory=dict)
    """Output ("" for the only one) to the input of the NVIC."""


def parse(text: str) -> dict[str, Peripheral]:
    """Renode's platform description, as far as ours goes; AssertionError for a line that is not understood."""
    found: dict[str, Peripheral] = {}
    for line in text.splitlines():
        code = line.partition("//")[0].rstrip()
        if not code:
            continue
        if entry := re.fullmatch(r"(\w+): ([\w.]+) @ sysbus(?: (0x[0-9A-F]+))?", code):
            name, kind, address = entry.groups()
            assert name not in found, name
            last = found[name] = Peripheral(kind, int(address, 16) if address else None)
        elif wire := re.fullmatch(r"    (\w*) ?-> (\w+)@(\d+)", code):
            output, target, number = wire.groups()
            assert target in (("cpu",) if last.kind.endswith("NVIC") else ("nvic",)), code
            last.irqs[output] = int(number)
        else:
            pair = re.fullmatch(r"    (\w+): (\S+)", code)
            assert pair, line
            last.properties[pair[1]] = pair[2]
    return found


@pytest.fixture(scope="module")
def board() -> dict[str, Peripheral]:
    return parse((FOLDER / "mps2_an385.repl").read_text("utf-8"))


def test_the_map_is_qemus(board: dict[str, Peripheral]) -> None:
    """As QEMU tells it of its machine."""
    need("qemu")
    command = [
        "qemu-system-arm",
        "-machine",
        "mps2-an385",
        "-S",
        "-nodefaults",
        "-display",
        "none",
        "-monitor",
        "stdio",
    ]
    done = subprocess.run(
        command, input="info mtree\nquit\n", capture_output=True, text=True, timeout=60, check=True
    ).stdout
    theirs: dict[str, list[tuple[int, int]]] = {}
    for first, last, name in re.findall(
        r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio 0, \S+\): (\S+)\r?$", done, re.MULTILINE
    ):
        theirs.setdefault(name, []).append((int(first, 16), int(last, 16) + 1))
    assert [one.address for one in board.values() if one.kind == UART] == [
        first for first, _ in sorted(set(theirs["uart"]))
    ]
    for ours, name in (("timer0", "cmsdk-apb-timer"), ("fpgaio", "mps2-fpgaio")):
        assert board[ours].address in [first for first, _ in theirs[name]], ours
    for ours, name in (("ssram1", "mps.ssram1"), ("ssram23", "mps.ssram23"), ("psram", "mps.ram")):
        start = board[ours].address
        assert start is not None
        assert (start, start + int(board[ours].properties["size"], 16)) in theirs[name], ours


def test_the_map_is_the_firmwares(board: dict[str, Peripheral]) -> None:
    """The addresses and interrupts that `hal/mps2.py` uses."""
    text = (ROOT / "firmware" / "tournee_fw" / "hal" / "mps2.py").read_text("utf-8")
    known = dict(re.findall(r"^(_\w+) = (?:const\()?([0-9A-Fx(), ]+?)\)?$", text, re.MULTILINE))
    slots = ast.literal_eval(known["_SLOTS"] + (")" if not known["_SLOTS"].endswith(")") else ""))
    wanted = [int(known["_LINK"], 16), *slots, int(known["_BUS"], 16), int(known["_CCID"], 16)]
    uarts = [one for one in board.values() if one.kind == UART]
    assert [one.address for one in uarts] == wanted
    lines = [one.irqs["RxInterrupt"] for one in uarts] + [board["timer0"].irqs[""]]
    assert int(known["_WAKE"], 16) == sum(1 << line for line in lines)
    assert board["timer0"].address == 0x40000000 and "ptr32(0x40000000)" in text
    assert board["fpgaio"].address == 0x40028000 and "mem32[0x40028018]" in text
    ticks = int(known["_TICKS_PER_MS"].replace("_", "")) if "_TICKS_PER_MS" in known else 25_000
    assert board["timer0"].properties["frequency"] == board["fpgaio"].properties["frequency"] == str(ticks * 1000)
    psram = board["psram"]
    assert psram.address is not None
    assert psram.address <= RAM_DISK < psram.address + int(psram.properties["size"], 16)


PENDING = """
from machine import mem32
def pending(): return mem32[0xE000E200]
"""
TIMER = """
mem32[0x40000008] = 25; mem32[0x40000004] = 25; mem32[0x40000000] = 9
n = 0
while not mem32[0x4000000C] and n < 100000: n += 1
print('irqs', pending()); mem32[0x40000000] = 0; mem32[0x4000000C] = 1; mem32[0xE000E280] = 0xFFFFFFFF
"""
SENT = """
mem32[{base} + 8] = 7
print('x')
print('irqs', pending()); mem32[{base} + 8] = 3; mem32[{base} + 12] = 3; mem32[0xE000E280] = 0xFFFFFFFF
"""
WAIT = """
mem32[{base} + 0x10] = 16; mem32[{base} + 8] = 0x0B; mem32[0xE000E280] = 0xFFFFFFFF
n = 0
while not mem32[{base} + 4] & 2 and n < 1000000: n += 1
print('irqs', pending()); mem32[{base}]; mem32[{base} + 12] = 3; mem32[0xE000E280] = 0xFFFFFFFF
"""


class Console:
    """The raw REPL of an image in QEMU, and its other UARTs."""

    def __init__(self, folder: Path) -> None:
        servers = []
        command = ["qemu-system-arm", "-machine", "mps2-an385", "-nodefaults", "-display", "none", "-monitor", "stdio"]
        command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(images.image())]
        for number in range(5):
            servers.append(socket.socket(socket.AF_UNIX))
            servers[-1].bind(str(folder / f"u{number}"))
            servers[-1].listen(1)
            command += ["-serial", f"unix:{folder / f'u{number}'}"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
        self.uarts = []
        for server in servers:
            server.settimeout(60)
            self.uarts.append(server.accept()[0])
            server.close()

    def open(self) -> None:
        """The raw REPL."""
        self._until(b">>> ")
        self.uarts[0].sendall(b"\r\x01")
        self._until(b"raw REPL; CTRL-B to exit\r\n>")

    def _until(self, end: bytes) -> bytes:
        said = b""
        deadline = time.monotonic() + 60
        while not said.endswith(end):
            assert time.monotonic() < deadline, said
            if select.select([self.uarts[0]], [], [], 0.1)[0]:
                said += self.uarts[0].recv(1)
            else:  # QEMU 7.2 looks at a UART that was just enabled only when something else has woken it
                self.process.stdin.write(b"\n")
                self.process.stdin.flush()
        return said

    def begin(self, code: str) -> None:
        self.uarts[0].sendall(code.encode() + b"\x04")
        self._until(b"OK")

    def end(self) -> str:
        said = self._until(b"\x04>")
        assert said.endswith(b"\x04\x04>"), said
        return said[:-3].decode()

    def run(self, code: str) -> str:
        self.begin(code)
        return self.end()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        for uart in self.uarts:
            uart.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    need("qemu")
    with contextlib.closing(Console(tmp_path)) as started:
        started.open()
        yield started


def test_the_interrupts_are_qemus(board: dict[str, Peripheral], console: Console) -> None:
    """A character at each UART (the console takes its own: one sent there), and timer 0, seen at the NVIC of the running Cortex-M3."""
    console.run(PENDING)
    assert f"irqs {1 << board['timer0'].irqs['']}" in console.run(TIMER)
    console_uart, *others = (each for each in board.values() if each.kind == UART)
    said = console.run(SENT.format(base=console_uart.address))
    assert _pending(said) >> console_uart.irqs["TxInterrupt"] & 1, said
    for number, one in enumerate(others, 1):
        console.begin(WAIT.format(base=one.address))
        console.uarts[number].sendall(b"k")
        said = console.end()
        assert _pending(said) == 1 << one.irqs["RxInterrupt"], (number, said)
    for one in (console_uart, *others):
        assert one.irqs["TxInterrupt"] == one.irqs["RxInterrupt"] + 1


def _pending(said: str) -> int:
    found = re.search(r"irqs (\d+)", said)
    assert found, said
    return int(found[1])


def test_the_image_fits_into_the_memory(board: dict[str, Peripheral]) -> None:
    elf = images.image().read_bytes()
    entry, offset = struct.unpack_from("<II", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 42)
    memory = board["ssram1"]
    assert memory.address == 0
    for number in range(count):
        kind, _, _, start, _, length, *_ = struct.unpack_from("<8I", elf, offset + number * size)
        assert kind != 1 or start + length <= int(memory.properties["size"], 16)
    assert entry < int(memory.properties["size"], 16)


def test_the_scripts_fit_together(board: dict[str, Peripheral]) -> None:
    text = (FOLDER / "tournee.resc").read_text("utf-8")
    for name in re.findall(r"\$ORIGIN/(\S+)", text):
        assert (FOLDER / name).is_file(), name
    uarts = sorted(name for name, one in board.items() if one.kind == UART)
    assert uarts == [f"uart{n}" for n in range(renode.UARTS)]
    for number, name in enumerate(uarts):
        assert f"${name}?=" in text
        assert f'emulation CreateServerSocketTerminal ${name} "term{number}" false' in text, "raw bytes"
        assert f"connector Connect sysbus.{name} term{number}" in text
    models = (FOLDER / "Mps2.cs").read_text("utf-8")
    for one in board.values():
        space, _, kind = one.kind.rpartition(".")
        if kind in ("CMSDK_APB_Timer", "MPS2_FPGAIO"):  # Renode has no models of these
            assert re.search(rf"namespace Antmicro\.Renode\.Peripherals\.{space}\b[\s\S]*class {kind} :", models)
    assert "sysbus LoadELF $elf" in text


def test_the_robot_file_is_one() -> None:
    """Parsed by Robot Framework; the keywords are its own or of `renode-keywords.robot` that renode-test brings."""
    model = get_model(FOLDER / "tournee.robot")
    sections = {type(section).__name__: section for section in model.sections}
    own = {keyword.name for keyword in sections["KeywordSection"].body}
    brought = {
        "Execute Command",
        "Create Terminal Tester",
        "Start Emulation",
        "Wait For Prompt On Uart",
        "Wait For Line On Uart",
        "Write Line To Uart",
    }
    cases = sections["TestCaseSection"].body
    assert len(cases) >= 5
    for block in [*cases, *sections["KeywordSection"].body]:
        assert not block.errors
        for step in block.body:
            if type(step).__name__ == "KeywordCall":
                assert not step.errors and step.keyword in own | brought, step.keyword
    variables = {one.name: one.value[0] for one in sections["VariableSection"].body if hasattr(one, "value")}
    assert (FOLDER / variables["${RESC}"].replace("${CURDIR}/", "")).is_file()


def _read_a_card(terminals: Callable[..., Any]) -> None:
    board = terminals(board="renode", auto_pin=True)
    with tournee.open(board.url) as desk:
        assert desk.info().board == "MPS2_AN385"
        assert desk.patient().numero_serie == vitale("vitale-famille").numero_serie
        assert desk.open_cps().situations
    board.restart()
    with tournee.open(board.url) as desk:
        assert len(desk.slots()) == 2


def test_the_launcher_joins_five_ports_and_the_sockets(
    terminals: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With QEMU in Renode's place."""
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    script = tmp_path / "renode"
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{STANDIN}' \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.setattr(renode, "find_renode", lambda: str(script))
    _read_a_card(terminals)


def test_without_renode_it_says_what_to_do(
    terminals: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BoardError, match=r"no renode: install it .* or use --board qemu"):
        renode.find_renode()
    monkeypatch.setattr(renode, "SCRIPTS", tmp_path)
    with pytest.raises(BoardError, match="in a checkout"):
        renode.find_script()


def test_ports_are_free_and_different() -> None:
    async def main() -> None:
        for port in renode.free_ports(5):
            server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
            server.close()

    assert len(set(renode.free_ports(5))) == 5
    asyncio.run(main())


def test_renode_itself_reads_a_card(terminals: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    need("renode")
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    _read_a_card(terminals)


def test_renode_itself_passes_its_robot_suite() -> None:
    need("renode")
    need("renode_test", shutil.which("renode-test") is not None, "renode-test comes with Renode's releases")
    command = ["renode-test", str(FOLDER / "tournee.robot"), "--variable", f"ELF:{images.image()}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
