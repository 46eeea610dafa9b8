"""The drive that a board in bootloader mode shows, and copying a UF2 file to it."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tournee.flash import uf2
from tournee.flash.errors import DriveFull, NoDrive, SeveralDrives, WrongFamily

_INFO = "INFO_UF2.TXT"
_PIECE = 64 * 1024


def found() -> list[tuple[Path, str]]:
    """(mount point, board id) of every boot drive."""
    drives = []
    for folder in _mounts():
        try:
            info = (folder / _INFO).read_text("ascii", "replace")
        except OSError:
            continue
        ids = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("Board-ID:")]
        drives.append((folder, ids[0] if ids else ""))
    return drives


def copy(source: Path, drive: Path | None, said: Callable[[int, int], None]) -> Path:
    """Checks `source`, copies it to the drive and waits until it is written; gives the drive.

    `said`: (bytes done, bytes in all). Raises Uf2Broken, NoDrive, SeveralDrives, WrongFamily, DriveFull.
    """
    data = source.read_bytes()
    told = uf2.parse(data)
    drives = [d for d in found() if drive is None or d[0] == drive.absolute()]
    if not drives:
        raise NoDrive
    if len(drives) > 1:
        raise SeveralDrives(", ".join(str(d) for d, _ in drives))
    folder, board = drives[0]
    chip = "RP2350" if "RP2350" in board else "RP2040"
    if told.family and not told.family.startswith(chip):
        raise WrongFamily(told.family, board)
    target = folder / source.name
    try:
        with target.open("wb") as file:
            for at in range(0, len(data), _PIECE):
                file.write(data[at : at + _PIECE])
                said(min(at + _PIECE, len(data)), len(data))
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        # the boot ROM restarts at the last block: the drive then goes away under the last write, which is success
        if folder.exists() and (folder / _INFO).exists():
            raise DriveFull(str(folder), exc.strerror or str(exc)) from None
    return folder


def _mounts() -> Iterator[Path]:
    if sys.platform == "win32":
        yield from (Path(f"{letter}:\\") for letter in string.ascii_uppercase)
    elif sys.platform == "darwin":
        yield from sorted(Path("/Volumes").glob("*"))
    else:
        try:
            lines = Path("/proc/mounts").read_text("utf-8").splitlines()
        except OSError:
            return
        yield from (Path(line.split(" ")[1].encode().decode("unicode_escape")) for line in lines)
