"""What this computer remembers for the command line, beside no practitioner's data: `settings.json`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tournee.errors import UsageError

VERSION: Final = 1
TERMINAL_VARIABLE: Final = "TOURNEE_TERMINAL"
_SESSION_BYTES: Final = 8


@dataclass(frozen=True)
class Settings:
    terminal: str = ""  # URL


def path() -> Path:
    """In TOURNEE_HOME, else the user's configuration folder."""
    if named := os.environ.get("TOURNEE_HOME"):
        return Path(named) / "settings.json"
    from platformdirs import user_config_path

    return user_config_path("tournee", appauthor=False) / "settings.json"


def load() -> Settings:
    """Raises UsageError when the file is damaged."""
    try:
        data = json.loads(path().read_text("utf-8"))
        return Settings(terminal=str(data.get("terminal", "")))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, AttributeError):
        raise UsageError(
            f"Réglages illisibles : {path()}.", "Effacez ce fichier, puis tournee terminal use URL."
        ) from None


def save(settings: Settings) -> None:
    """Whole or not at all."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = target.with_suffix(".new")
    temporary.write_text(
        json.dumps({"version": VERSION, **asdict(settings)}, ensure_ascii=False, indent=2) + "\n", "utf-8"
    )
    temporary.replace(target)


def session_path() -> Path:
    """The session that the commands of this computer share with its terminal."""
    return path().with_name("terminal-session")


def session_id() -> bytes:
    """8 bytes, made at the first use, readable by this user only."""
    place = session_path()
    try:
        known = place.read_bytes()
        if len(known) == _SESSION_BYTES:
            return known
    except FileNotFoundError:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.touch(mode=0o600)
    place.write_bytes(made := os.urandom(_SESSION_BYTES))
    return made
