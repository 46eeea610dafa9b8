"""MicroPython 1.25 on the emulated RP2040, built here: its port `qemu` for a Cortex-M0+, our firmware frozen, what the port lacks in Python.

Interpreter, collector, byte code and native code are MicroPython's; PIO, DMA, timer, GPIO and the processor are rp2040py's. Of the
port rp2 there is its `rp2.py`; its C half and `machine` are `port/modules`. The console stands where the port qemu has an MPS2's
UART, and a sleep is a register beside it.
"""

from __future__ import annotations

import fcntl
import struct
from functools import cache
from pathlib import Path

from elftools.elf.elffile import ELFFile
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from tests.tools.rp2040.image import ImageChip
from tests.tools.rp2040.micropython import assembler
from tournee.flash import fileset
from tournee_sim.pytest_plugin import need

PORT = Path(__file__).with_name("port")
_PAGE, _SLEEP = 0x40004, 0x40
_FLASH = 0x10000000
_NOT_FROZEN = (
    "link_ble.py",
    "buildinfo.py",
    "hal/usb.py",
    "hal/lcd.py",
    "hal/picoboard.py",
    "boards/RPI_PICO_W/main.py",
)


@cache
def image() -> Path:
    """The image, built when a file of it has changed."""
    need("qemu")  # the compilers
    need("micropython_source", assembler().is_file(), "make setup EXTRAS=qemu")
    from building import TOOLS, BuildError, files, mps2, sources

    folder = TOOLS / "firmware" / "RP2040_EMULATED"
    frozen = folder / "frozen"
    try:
        with (TOOLS / "build.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder.mkdir(parents=True, exist_ok=True)
            tree, log = sources.micropython(None), folder / "build.log"
            wanted = {path.name: path.read_bytes() for path in (PORT / "modules").glob("*.py")}
            wanted["rp2.py"] = assembler().read_bytes()
            for name, text in fileset.sources("RPI_PICO_W").items():
                if name not in _NOT_FROZEN:
                    wanted[f"tournee_fw/{name}"] = text
            for path in frozen.rglob("*.py"):
                if path.relative_to(frozen).as_posix() not in wanted:
                    path.unlink()
            for name, text in wanted.items():
                (frozen / name).parent.mkdir(parents=True, exist_ok=True)
                files.write_if_changed(frozen / name, text)
            manifest = files.write_if_changed(folder / "manifest.py", f"freeze({str(frozen)!r})\n".encode())
            mps2.make(["-C", str(tree / "mpy-cross")], 1, log, False)
            arguments = ["-C", str(tree / "ports" / "qemu"), "BOARD=RP2040", f"BOARD_DIR={PORT}"]
            arguments += [f"BUILD={folder / 'objects'}", f"FROZEN_MANIFEST={manifest}"]
            mps2.make(arguments, 1, log, False)
    except BuildError as error:
        need("qemu", False, f"{error} → {error.remedy}")
    return folder / "objects" / "firmware.elf"


class Console:
    """The page of the bus with UART and sleep register."""

    def __init__(self, chip: ImageChip) -> None:
        self._chip = chip
        self.said, self.typed = bytearray(), bytearray()

    def read_uint32(self, offset: int) -> int:
        register = offset & 0xFFF
        if register == 4:
            return 2 if self.typed else 0
        return self.typed.pop(0) if register == 0 and self.typed else 0

    def write_uint32(self, offset: int, value: int) -> None:
        self.write_uint32_atomic(offset, value, 0)

    def write_uint32_atomic(self, offset: int, value: int, atomic_type: int) -> None:
        if offset == 0:
            self.said.append(value & 0xFF)
        elif offset == _SLEEP:
            core = self._chip.rp.core
            core.waiting = True
            self._chip.rp.clock.create_alarm(lambda: setattr(core, "waiting", False)).schedule(value * 1000)

    def reset(self) -> None:
        """A chip reset empties no queue of the bench."""


class Terminal:
    """`call(code)` runs code in MicroPython and gives what it prints; `chip` has the wires."""

    def __init__(self, elf: Path) -> None:
        self.chip = ImageChip()
        rp = self.chip.rp
        rp.logger = ConsoleLogger(LogLevel.ERROR, False)
        rp.on_break = lambda code: None  # semihosting
        self._console = rp.peripherals[_PAGE] = Console(self.chip)
        with elf.open("rb") as stream:
            for segment in ELFFile(stream).iter_segments():
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                    at, data = segment["p_paddr"] - _FLASH, segment.data()
                    rp.flash[at : at + len(data)] = data
        stack, start = struct.unpack("<II", bytes(rp.flash[:8]))
        rp.core.registers[13], rp.core.pc = stack, start & ~1
        self._await(b">>> ", 1000)
        self._console.typed.extend(b"\x01")
        self._await(b"raw REPL; CTRL-B to exit\r\n>", 1000)

    def call(self, code: str, within_ms: int = 60_000) -> str:
        self.begin(code)
        return self.end(within_ms)

    def begin(self, code: str) -> None:
        """Without waiting for its end."""
        self._console.said.clear()
        self._console.typed.extend(code.encode() + b"\x04")

    def end(self, within_ms: int = 60_000) -> str:
        self._await(b"\x04>", within_ms)
        out, error = bytes(self._console.said).removeprefix(b"OK").split(b"\x04")[:2]
        assert not error, error.decode()
        return out.decode().strip()

    def heard(self, wanted: bytes, within_ms: int = 60_000) -> None:
        """Let time pass until the program that was begun has said this."""
        self._await(b"OK" + wanted, within_ms)

    def _await(self, wanted: bytes, within_ms: int) -> None:
        end = self.chip.now + within_ms * self.chip.hz // 1000
        while wanted not in self._console.said:
            assert self.chip.now < end, bytes(self._console.said[-500:])
            self.chip.run(self.chip.hz / 1000)
