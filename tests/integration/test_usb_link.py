"""The wired link over the REPL's own port: binary both ways, byte 03 included. The port of its own: test_usb_host.py, test_usb_cdc.py."""

from __future__ import annotations

import os
import random
import select
import subprocess
import tty
from pathlib import Path

import pytest

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
        [find_micropython(), "-X", "heapsize=320k", str(script)], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE
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
