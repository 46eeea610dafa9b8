"""What the firmware needs on a Cortex-M3: memory, and instructions under QEMU's `-icount` (docs/EMULATION.md, tests/tools/cortex.py)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from tests.bench.registry import Unavailable, bench

BOARD = "MPS2_AN385"
FILES_HEAP = 192 * 1024
BYTE_BUDGET = 7_700
"""Instructions between two characters of a card at 129 kbit/s on a core of 125 MHz."""


@cache
def _image(bare: bool = False) -> Path:
    """The board's image, or the one with the firmware's file set on its RAM disk and a heap of 192 KB."""
    from building import BuildError, mps2
    from tournee_sim.pytest_plugin import CAPABILITIES, has

    if not has("qemu"):
        raise Unavailable(f"needs qemu: {CAPABILITIES['qemu'][1]}")
    try:
        return mps2.build(BOARD, heap=FILES_HEAP, bare=True) if bare else mps2.build(BOARD)
    except BuildError as error:
        raise Unavailable(f"needs qemu: {error} → {error.remedy}") from error


@cache
def _guest(script: str, bare: bool = False, before: str = "") -> Any:
    from tests.tools import cortex

    image = _image(bare)
    text = "import terminal\n" if bare else ""  # which mounts the RAM disk
    text += cortex.RIG.read_text("utf-8") + before + cortex.RIG.with_name(script).read_text("utf-8")
    return cortex.run(image, text, counting=script == "work.py")


async def _used(image: Path) -> int:
    """Least heap in use that INFO reports over 200 commands: just after a collection."""
    from tournee.terminal.adapters import connect
    from tournee_sim.boards.unix import BoardConfig, UnixBoard

    heap = int(json.loads(image.with_name("build.json").read_text("utf-8"))["heap"])
    with tempfile.TemporaryDirectory() as folder:
        async with UnixBoard(BoardConfig(board="qemu", state=Path(folder))) as board:
            terminal = await connect(board.url)
            for slot in (0, 1):
                await terminal.power_on(slot)
            free = 0
            for _ in range(200):
                await terminal.transmit(1, bytes.fromhex("00A40000023F00"))
                free = max(free, (await terminal.info()).free_heap_bytes)
            await terminal.close()
            return heap - free


def _heap(bare: bool) -> float:
    from tournee_sim.boards.qemu import IMAGE_VARIABLE

    image = _image(bare)
    with mock.patch.dict(os.environ, {IMAGE_VARIABLE: str(image)}):
        return float(asyncio.run(asyncio.wait_for(_used(image), 200)))


@bench("firmware", "t0-byte-in-block", "instructions", better="lower", reach=750)
def t0_byte_in_block() -> float:
    """60 bytes of an answer in the ring, the data in one block (INS as procedure byte): `Slot.poll` until the APDU is done, per byte."""
    return float(_guest("work.py")["block"])


@bench("firmware", "t0-byte-as-event", "instructions", better="lower", reach=2_800)
def t0_byte_as_event() -> float:
    """The same data behind a procedure byte each (~INS): 116 bytes in the ring, each an event of the machine."""
    return float(_guest("work.py")["single"])


@bench("firmware", "t0-left-for-the-second-slot", "instructions", better="higher")
def left_for_the_second_slot() -> float:
    """Of 7 700 between two characters (129 kbit/s, 125 MHz, one instruction per cycle and a half), while each byte is an event."""
    return BYTE_BUDGET - float(_guest("work.py")["single"])


@bench("firmware", "t0-byte-alone", "instructions", better="lower")
def t0_byte_alone() -> float:
    """A byte that comes when nothing else does: `Slot.poll` from ring to machine. More than the budget: at full speed bytes gather."""
    return float(_guest("work.py")["alone"])


@bench("firmware", "turn-of-the-loop", "instructions", better="lower")
def turn_of_the_loop() -> float:
    """`Terminal.poll` with two powered cards and nothing to do."""
    return float(_guest("work.py")["idle-turn"])


@bench("firmware", "apdu-57", "instructions", better="lower", reach=195_000)
def apdu_57() -> float:
    """READ BINARY of 57 bytes: the host's frame in, both turns of the loop, T=0, the answer's frame out. No wire time."""
    return float(_guest("work.py")["apdu"])


@bench("firmware", "apdu-57-heap", "bytes", better="lower")
def apdu_57_heap() -> float:
    """What one such APDU takes from the heap; the collection that gives it back is the next row."""
    return float(_guest("work.py")["apdu-heap"])


@bench("firmware", "collection", "instructions", better="lower")
def collection() -> float:
    """One garbage collection of the heap of 128 KB."""
    return float(_guest("work.py")["collection"])


@bench("firmware", "frame-64", "instructions", better="lower", reach=25_000)
def frame_64() -> float:
    """A request of 64 bytes in the receiver's buffer: frame found, CRC, session and number checked, operation called."""
    return float(_guest("work.py")["frame"])


@bench("firmware", "heap-used", "bytes", better="lower", reach=64 * 1024)
def heap_used() -> float:
    """Frozen: both cards powered, 200 commands: objects that live, of 128 KB."""
    return _heap(False)


@bench("firmware", "heap-used-files", "bytes", better="lower", reach=128 * 1024)
def heap_used_files() -> float:
    """The same with the file set that a user installs (.mpy), loaded from the RAM disk; heap of 192 KB."""
    return _heap(True)


@bench("firmware", "heap-largest-free", "bytes", better="higher", reach=16 * 1024)
def heap_largest_free() -> float:
    """Frozen: the largest object that can still be made after 10 000 APDUs."""
    return float(_guest("heap.py", before="APDUS = 10000\n")["largest"])


@bench("firmware", "heap-largest-free-files", "bytes", better="higher", reach=16 * 1024)
def heap_largest_free_files() -> float:
    """The same with the file set."""
    return float(_guest("heap.py", bare=True, before="APDUS = 10000\n")["largest"])


@bench("firmware", "heap-growth", "bytes", better="lower", reach=64)
def heap_growth() -> float:
    """Frozen: heap in use after 10 000 APDUs less that before."""
    return float(_guest("heap.py", before="APDUS = 10000\n")["grown"])


@bench("firmware", "heap-growth-files", "bytes", better="lower", reach=64)
def heap_growth_files() -> float:
    return float(_guest("heap.py", bare=True, before="APDUS = 10000\n")["grown"])


@bench("firmware", "frozen-code", "bytes", better="lower", reach=96 * 1024)
def frozen_code() -> float:
    """Bytecode, constants and names of the frozen modules, in the image's read-only part."""
    (compiled,) = (_image().parent / "objects").rglob("frozen_content.o")
    done = subprocess.run(["arm-none-eabi-size", str(compiled)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[1].split()[0])
