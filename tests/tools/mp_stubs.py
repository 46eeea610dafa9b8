"""Lays MicroPython's stubs where pyright takes them before CPython's own: out/mp-stubs (unix port) with out/mp-stdlib.

They are installed among the site packages, where `time` or `socket` would come too late. Run as a module it does only that.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path


def write(root: Path) -> None:
    """Fill out/mp-stubs and out/mp-stdlib from the installed distributions."""
    for name in ("mp-stubs", "mp-stdlib"):
        shutil.rmtree(root / "out" / name, ignore_errors=True)
    for package in ("micropython-stdlib-stubs", "micropython-unix-stubs"):
        for file in distribution(package).files or ():
            if file.suffix != ".pyi":
                continue
            target = root / "out" / ("mp-stdlib" if file.parts[0] == "stdlib" else "mp-stubs") / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2])
