"""The RP2040's emulator compiled for the Python that is here: its wheel's modules, made for every Python, run at a third of the speed.

`rp2040py` ships the C of its modules beside them. Without the stable ABI (`Py_LIMITED_API`) a call between them is a call.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path


def compile_here(folder: Path) -> bool:
    """Each `*.c` of `folder` as an extension module beside it, unless a newer one is there; False when one cannot be compiled."""
    suffix, include = sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_path("include")

    def one(source: Path) -> bool:
        made = source.with_suffix(suffix)
        if made.is_file() and made.stat().st_mtime >= source.stat().st_mtime:
            return True
        new = made.with_suffix(".new")
        command = ["gcc", "-O2", "-fPIC", "-shared", "-w", f"-I{include}", str(source), "-o", str(new)]
        try:
            done = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False
        if done:
            new.replace(made)
        return done

    with ThreadPoolExecutor(2) as pool:
        return all(pool.map(one, sorted(folder.glob("*.c"))))


def main() -> int:
    found = find_spec("rp2040py")
    if found is None or found.origin is None:
        return 1
    return 0 if compile_here(Path(found.origin).parent / "native") else 1


if __name__ == "__main__":
    sys.exit(main())
