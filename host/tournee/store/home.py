"""Where a practitioner's data lives: `TOURNEE_HOME`, else the user's data folder. Created with mode 0700."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def home() -> Path:
    """The data folder; not created here."""
    if named := os.environ.get("TOURNEE_HOME"):
        return Path(named)
    return user_data_path("tournee", appauthor=False)


def write_private(path: Path, data: bytes) -> None:
    """Personal data: the file is readable by this user only, whatever the folder and the umask; an older one is replaced."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as target:
        if path.is_file():
            path.chmod(0o600)  # an older file may have been open to all
        target.write(data)


def made(folder: Path) -> Path:
    """`folder`, created for this user only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
