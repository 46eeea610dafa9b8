"""Lays MicroPython's stubs where pyright takes them before CPython's own: out/mp-stubs (unix port, and what boards add) with out/mp-stdlib.

They are installed among the site packages, where `time` or `socket` would come too late. Run as a module it does only that.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

# In the stubs for the checker's sake, on no board.
_NOT_ON_A_BOARD = {"__future__", "abc", "enum", "stubs", "types", "typing", "typing_extensions"}
_ON_SOME_BOARD = {"bluetooth", "rp2", "pyb", "stm", "usb"}
# What boards have and the unix port has not. The published stubs of two ports write the same files: they cannot both be installed.
_OF_BOARDS = Path(__file__).with_name("board_stubs")


def modules() -> frozenset[str]:
    """Top-level modules that MicroPython has, by its stubs."""
    names = set(_ON_SOME_BOARD)
    for package in ("micropython-stdlib-stubs", "micropython-unix-stubs"):
        for file in distribution(package).files or ():
            parts = file.parts[1:] if file.parts[0] == "stdlib" else file.parts
            if file.suffix == ".pyi":
                names.add(parts[0].removesuffix(".pyi"))
    return frozenset(names - _NOT_ON_A_BOARD)


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
    shutil.copytree(_OF_BOARDS, root / "out" / "mp-stubs", dirs_exist_ok=True)


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2])
