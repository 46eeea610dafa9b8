"""What the firmware needs on a Cortex-M3 with 128 KB of heap: memory (the board `qemu`)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.bench.registry import Unavailable, bench


@cache
def _image() -> Path:
    from building import BuildError, mps2
    from tournee_sim.pytest_plugin import CAPABILITIES, has

    if not has("qemu"):
        raise Unavailable(f"needs qemu: {CAPABILITIES['qemu'][1]}")
    try:
        return mps2.build("MPS2_AN385")
    except BuildError as error:
        raise Unavailable(f"needs qemu: {error} → {error.remedy}") from error


async def _used() -> int:
    """Least heap in use that INFO reports over 200 commands: just after a collection."""
    from tournee.terminal.adapters import connect
    from tournee_sim.boards.unix import BoardConfig, UnixBoard

    heap = int(json.loads(_image().with_name("build.json").read_text("utf-8"))["heap"])
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


@bench("firmware", "heap-used", "bytes", better="lower", reach=64 * 1024)
def heap_used() -> float:
    """Both cards powered, 200 commands: objects that live, of 128 KB."""
    _image()
    return float(asyncio.run(asyncio.wait_for(_used(), 200)))


@bench("firmware", "frozen-code", "bytes", better="lower", reach=96 * 1024)
def frozen_code() -> float:
    """Bytecode, constants and names of the frozen modules, in the image's read-only part."""
    (compiled,) = (_image().parent / "objects").rglob("frozen_content.o")
    done = subprocess.run(["arm-none-eabi-size", str(compiled)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[1].split()[0])
