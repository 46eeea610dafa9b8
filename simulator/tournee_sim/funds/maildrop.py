"""Mailboxes on disk: one folder per address, one file per mail; written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Stored:
    uid: str
    path: Path
    size: int  # octets


class Maildrops:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def deliver(self, address: str, uid: str, mail: bytes) -> None:
        """Idempotent: the same uid is delivered once, also when it has been fetched and deleted since."""
        folder = self._folder(address)
        (folder / "deleted").mkdir(parents=True, exist_ok=True)
        if not (folder / f"{uid}.eml").exists() and not (folder / "deleted" / uid).exists():
            write_durably(folder / f"{uid}.eml", mail)

    def mails(self, address: str) -> list[Stored]:
        """In the order of their uids."""
        folder = self._folder(address)
        if not folder.is_dir():
            return []
        return [Stored(p.stem, p, p.stat().st_size) for p in sorted(folder.glob("*.eml"))]

    def delete(self, address: str, uid: str) -> None:
        folder = self._folder(address)
        write_durably(folder / "deleted" / uid, b"")
        (folder / f"{uid}.eml").unlink(missing_ok=True)

    def _folder(self, address: str) -> Path:
        name = quote(address.strip().lower(), safe="@")
        return self._directory / ("_" + name[:200])  # never "." or ".."


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """All of it or nothing, on disk before it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
