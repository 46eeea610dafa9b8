"""What of the firmware is frozen into an image, laid out for MicroPython's build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tournee.flash import fileset

_BARE = """import gc
import sys

import ramdisk

ramdisk.mount()
gc.threshold(4096)
sys.path.insert(0, {folder!r})


def start(name, reader=''):
    from {start} import run

    run(name, {digest!r}, reader)
"""


def stage(folder: Path, board: str, digest: str) -> Path:
    """Lay out in `folder` what is frozen, with `terminal.start(name)` on top; gives the manifest for MicroPython's build."""
    wanted = {f"tournee_fw/{name}": content for name, content in fileset.sources(board).items()}
    start = fileset.settings_of(board)["start"]
    wanted["terminal.py"] = (
        f"from {start} import run\n\n\ndef start(name, reader=''):\n    run(name, {digest!r}, reader)\n"
    ).encode()
    return lay(folder, wanted)


def stage_bare(folder: Path, board: str, digest: str) -> Path:
    """The same `terminal.start` for an image that has the firmware on its RAM disk, as `fileset` lays it out."""
    settings = fileset.settings_of(board)
    start = _BARE.format(folder=f"/{fileset.BASE}/{fileset.VERSIONS[0]}", start=settings["start"], digest=digest)
    disk = fileset.PACKAGE / "boards" / board / "ramdisk.py"
    return lay(folder, {"terminal.py": start.encode(), "ramdisk.py": disk.read_bytes()})


def lay(folder: Path, wanted: Mapping[str, bytes]) -> Path:
    """Exactly `wanted` in `folder`; gives the manifest that freezes it."""
    for path in [*folder.rglob("*.py")]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, content in wanted.items():
        write_if_changed(folder / name, content)  # an older file is not compiled again
    return write_if_changed(folder.parent / "manifest.py", f"freeze({str(folder)!r})\n".encode())


def write_if_changed(path: Path, content: bytes) -> Path:
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path
