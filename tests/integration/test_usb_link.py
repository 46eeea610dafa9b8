"""The wired link over a board's USB: binary both ways, byte 03 included; which port is taken."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import tty
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.micropython import modules
from tournee_sim.boards.process import find_firmware, find_micropython
from tournee_sim.pytest_plugin import need

ECHO = """
import sys
sys.path.insert(0, {firmware!r})
from tournee_fw.hal.usb import ReplLink
link = ReplLink()
buffer = bytearray(256)
view = memoryview(buffer)
sys.stdout.buffer.write(b"ready")
left = {size}
while left:
    n = link.read_into(view)
    at = 0
    while at < n:
        at += link.write(view[at:n])
    left -= n
link.close()
"""


@pytest.mark.timeout(120)
def test_every_byte_crosses_the_repls_port_both_ways(tmp_path: Path) -> None:
    """All values alone, then 60 KB at random, through a pseudo terminal in raw mode and MicroPython's stdin and stdout."""
    need("micropython")
    need("tty")
    sent = bytes(range(256)) + b"\x03" * 5 + b"\r\n\x04\x01\x02" + random.Random(7).randbytes(60_000)
    script = tmp_path / "echo.py"
    script.write_text(ECHO.format(firmware=str(find_firmware().parent), size=len(sent)), "utf-8")
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    process = subprocess.Popen(
        [find_micropython(), "-X", "heapsize=256k", str(script)], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
    )
    try:
        os.close(theirs)
        got = b""
        while not got.endswith(b"ready"):
            got += os.read(ours, 64)
        got, at = b"", 0
        while len(got) < len(sent):
            readable, writable, _ = select.select([ours], [ours] if at < len(sent) else [], [], 60)
            assert readable or writable, f"{len(got)} of {len(sent)} came back"
            if readable:
                got += os.read(ours, 4096)
            elif writable:
                at += os.write(ours, sent[at : at + 512])
        assert got == sent
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


def _link(monkeypatch: pytest.MonkeyPatch, own: bool) -> tuple[Any, list[Any]]:
    """The link that `open_link` chooses, and what it told MicroPython."""
    calls: list[Any] = []
    with modules(Chip()) as firmware:
        sys.modules["micropython"].kbd_intr = calls.append  # type: ignore[attr-defined]
        if own:
            port = SimpleNamespace(init=lambda timeout: calls.append(("init", timeout)), is_open=lambda: False)
            device = ModuleType("usb.device")
            device.get = lambda: SimpleNamespace(init=lambda p, builtin_driver: calls.append(builtin_driver))  # type: ignore[attr-defined]
            cdc = ModuleType("usb.device.cdc")
            cdc.CDCInterface = lambda: port  # type: ignore[attr-defined]
            usb = ModuleType("usb")
            usb.device = device  # type: ignore[attr-defined]
            for name, module in (("usb", usb), ("usb.device", device), ("usb.device.cdc", cdc)):
                monkeypatch.setitem(sys.modules, name, module)
        else:
            monkeypatch.setitem(sys.modules, "usb", None)
        usb_link = firmware.load("tournee_fw.hal.usb")
        usb_link.select = SimpleNamespace(
            poll=lambda: SimpleNamespace(register=lambda *a: None, ipoll=lambda ms: []), POLLIN=1, POLLOUT=4
        )
        usb_link.sys = SimpleNamespace(stdin=SimpleNamespace(buffer=None), stdout=SimpleNamespace(buffer=None))
        return usb_link.open_link(), calls


def test_without_the_library_the_repls_port_forgets_ctrl_c_and_learns_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    link, calls = _link(monkeypatch, own=False)
    assert type(link).__name__ == "ReplLink"
    assert calls == [-1]
    assert link.connected
    link.close()
    assert calls == [-1, 3]


def test_with_the_library_a_port_of_its_own_beside_the_repl(monkeypatch: pytest.MonkeyPatch) -> None:
    link, calls = _link(monkeypatch, own=True)
    assert calls == [("init", 0), True]  # never blocks; the REPL's own port stays
    assert not link.connected  # nobody has opened it
    assert link.write(memoryview(b"x")) == 0
