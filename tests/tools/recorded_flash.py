"""A board whose file system is a littlefs in memory of real MicroPython, each erase and write of its flash kept in order."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tournee.flash.adapters import repl
from tournee_sim.boards.process import find_micropython

BLOCK, BLOCKS = 4096, 128
_DEVICE = """
import os, struct, vfs
class Flash:
    def __init__(self, image, log):
        self.data = bytearray(image)
        self.log = log
    def readblocks(self, n, buf, off=0):
        at = n * %(block)d + off
        buf[:] = memoryview(self.data)[at : at + len(buf)]
    def writeblocks(self, n, buf, off=0):
        at = n * %(block)d + off
        self.keep(1, at, buf)
    def ioctl(self, op, arg):
        if op == 6:
            self.keep(0, arg * %(block)d, b"\\xff" * %(block)d)
            return 0
        return {4: len(self.data) // %(block)d, 5: %(block)d}.get(op, 0)
    def keep(self, kind, at, buf):
        self.data[at : at + len(buf)] = buf
        if self.log:
            self.log.write(struct.pack("<BLL", kind, at, len(buf)))
            self.log.write(buf)
            self.log.flush()
with open(%(image)r, "rb") as file:
    flash = Flash(file.read(), %(log)r and open(%(log)r, "wb"))
vfs.mount(vfs.VfsLfs2(flash, progsize=32, readsize=32, lookahead=32), "/board")
os.chdir("/board")
"""


@dataclass(frozen=True)
class Op:
    """One erase (`data` all ones) or write of the flash, at a byte address."""

    at: int
    data: bytes
    erase: bool


def cut(image: bytes, ops: Sequence[Op], torn: bool = False) -> bytes:
    """The flash after `ops`; `torn`: the power went in the middle of the last one."""
    flash = bytearray(image)
    for n, op in enumerate(ops):
        size = len(op.data) // 2 if torn and n == len(ops) - 1 else len(op.data)
        flash[op.at : op.at + size] = op.data[:size]
    return bytes(flash)


class Recording:
    def __init__(self, folder: Path) -> None:
        self._log = folder / "flash.log"

    @property
    def ops(self) -> list[Op]:
        raw, found, at = self._log.read_bytes(), [], 0
        while at < len(raw):
            kind, address, size = struct.unpack_from("<BLL", raw, at)
            at += 9
            found.append(Op(address, raw[at : at + size], kind == 0))
            at += size
        return found


@contextmanager
def board(image: bytes, folder: Path) -> Iterator[tuple[repl.Repl, Recording]]:
    """Its raw REPL, and what its flash goes through."""
    (folder / "image").write_bytes(image)
    start = folder / "start.py"
    start.write_text(_device(folder / "image", folder / "flash.log"))
    master, slave = pty.openpty()
    tty.setraw(slave)
    command = [find_micropython(), "-X", "heapsize=8M", "-i", str(start)]
    process = subprocess.Popen(command, stdin=master, stdout=master, stderr=master, start_new_session=True)
    try:
        line = _opened(os.ttyname(slave))
        yield line, Recording(folder)
        line.close()
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)


def _opened(port: str) -> repl.Repl:
    from tournee.flash.errors import NoMicroPython

    for _ in range(10):  # it mounts first
        try:
            return repl.opened(port)
        except NoMicroPython:
            continue
    raise NoMicroPython(port)


def start(image: bytes, folder: Path) -> str:
    """What real MicroPython says when it is powered on with this flash."""
    (folder / "cut").write_bytes(image)
    code = _device(folder / "cut", None) + (
        "try:\n os.stat('main.py')\nexcept OSError:\n print('REPL')\nelse:\n"
        " exec(open('main.py').read(), {'__name__': '__main__'})\n"
    )
    command = [find_micropython(), "-X", "heapsize=8M", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def _device(image: Path, log: Path | None) -> str:
    return _DEVICE % {"block": BLOCK, "image": str(image), "log": str(log) if log else ""}
