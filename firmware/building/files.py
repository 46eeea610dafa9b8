"""The firmware's files on their way to a board: their hash, and which of them a board gets."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from building import PACKAGE


def boards() -> list[str]:
    """Folders of tournee_fw/boards with a board.toml."""
    return sorted(path.parent.name for path in PACKAGE.glob("boards/*/board.toml"))


def settings_of(board: str) -> dict[str, Any]:
    return tomllib.loads((PACKAGE / "boards" / board / "board.toml").read_text("utf-8"))


def manifest(package: Path) -> str:
    """The hash of `tournee_fw/buildinfo.py`, as a board with files computes it itself."""
    digest = hashlib.sha256()
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".mpy")]
    for path in sorted(files, key=lambda path: path.relative_to(package).as_posix().encode()):
        content = path.read_bytes()
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def of_board(board: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Name below tournee_fw → text, of what the board runs."""
    wanted = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        top = name.partition("/")[0]
        if name in settings["without"] or (top == "hal" and path.stem not in settings["hal"]):
            continue
        if top == "boards" and not name.startswith(f"boards/{board}/"):
            continue
        wanted[name] = path.read_text("utf-8")
    return wanted


def stage(folder: Path, board: str, settings: Mapping[str, Any], digest: str) -> Path:
    """Lay out in `folder` what is frozen, with `terminal.start(name)` on top; gives the manifest for MicroPython's build."""
    wanted = {f"tournee_fw/{name}": text for name, text in of_board(board, settings).items()}
    wanted["terminal.py"] = (
        f"from {settings['start']} import run\n\n\ndef start(name, reader=''):\n    run(name, {digest!r}, reader)\n"
    )
    for path in [*folder.rglob("*.py")]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        write_if_changed(folder / name, text)  # an older file is not compiled again
    return write_if_changed(folder.parent / "manifest.py", f"freeze({str(folder)!r})\n")


def write_if_changed(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return path
