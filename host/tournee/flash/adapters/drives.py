"""The drive that a board in bootloader mode shows, and copying a UF2 file to it."""

from __future__ import annotations

import contextlib
import os
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tournee.flash import uf2
from tournee.flash.errors import DriveGone, DriveRefused, NoDrive, SeveralDrives, WrongFamily

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


@dataclass(frozen=True)
class Copy:
    """A whole file and the one drive of a board that it is for; nothing is written yet."""

    name: str
    data: bytes
    family: str  # empty when the file names none
    drive: Path

    def run(self, said: Callable[[int, int], None]) -> None:
        """Until the board has all of it; `said`: (bytes done, bytes in all). Raises DriveGone, DriveRefused."""
        target, at, begun = self.drive / self.name, 0, 0
        try:
            with target.open("wb", buffering=0) as file:
                while at < len(self.data):
                    begun = min(at + _PIECE, len(self.data))
                    at += file.write(self.data[at : at + _PIECE])
                    os.fsync(file.fileno())  # each piece: else all of it waits in memory while the cable may go
                    said(at, len(self.data))
        except OSError as exc:
            if (self.drive / _INFO).exists():
                with contextlib.suppress(OSError):
                    target.unlink(missing_ok=True)
                raise DriveRefused(str(self.drive), exc.errno or 0, exc.strerror or str(exc)) from None
            # The boot ROM restarts at the last block: the drive then goes away under the last piece, which is success.
            if begun < len(self.data):
                raise DriveGone(str(self.drive), at, len(self.data)) from None


def ready(source: Path, drive: Path | None) -> Copy:
    """Checks `source` and finds its drive. Raises Uf2Broken, NoDrive, SeveralDrives, WrongFamily."""
    data = source.read_bytes()
    told = uf2.parse(data)
    drives = [d for d in found() if drive is None or d[0].resolve() == drive.resolve()]
    if not drives:
        raise NoDrive
    if len(drives) > 1:
        raise SeveralDrives(", ".join(str(d) for d, _ in drives))
    folder, board = drives[0]
    chip = "RP2350" if "RP2350" in board else "RP2040"
    if told.family and not told.family.startswith(chip):
        raise WrongFamily(told.family, board)
    return Copy(source.name, data, told.family, folder)


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
