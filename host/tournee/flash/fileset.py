"""The firmware's files on their way to a board: which of them it gets, how they are laid out there, and their hashes.

Only the standard library: `firmware/build.py` runs it without an installation.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from tournee.flash.errors import BoardUnknown

PACKAGE = Path(str(files("tournee_fw")))
VERSIONS = ("a", "b")
"""Folders of the two versions below `tournee/` on a board: the one that runs and the one before, or the one on its way."""
BASE = "tournee"
CURRENT, NAME, TRIES = f"{BASE}/current", f"{BASE}/name", f"{BASE}/tries"
INDEX = "manifest.json"
"""In each version's folder: its files with size and SHA-256."""

Compile = Callable[[str, bytes, str], bytes]
"""(name, source, architecture of native code or empty) -> byte code; raises SourceBroken."""


@dataclass(frozen=True)
class FileSet:
    """What a board with a file system gets. Names are relative, with `/`."""

    board: str
    version: str
    manifest: str  # `tournee_fw/buildinfo.py`
    files: Mapping[str, bytes]  # below the version's folder: tournee_fw/….mpy, manifest.json
    root: Mapping[str, bytes]  # at the top: main.py

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values())) + sum(map(len, self.root.values()))

    def current(self, folder: str) -> bytes:
        """Content of `tournee/current` when this set stands in `folder`."""
        return f"{folder} {self.board}\n".encode()

    def laid(self, folder: str = "a", name: str = "") -> dict[str, bytes]:
        """The whole file system of a board on which nothing else is."""
        below = {f"{BASE}/{folder}/{path}": content for path, content in self.files.items()}
        named = {NAME: f"{name}\n".encode()} if name else {}
        return {**self.root, **below, CURRENT: self.current(folder), **named}


def boards(install: str | None = None) -> list[str]:
    """Boards that can be built, or only those whose firmware is `image` (frozen) or `files`."""
    names = sorted(path.parent.name for path in PACKAGE.glob("boards/*/board.toml"))
    return [name for name in names if install in (None, settings_of(name)["install"])]


def settings_of(board: str) -> dict[str, Any]:
    """Of its board.toml; raises BoardUnknown."""
    path = PACKAGE / "boards" / board / "board.toml"
    if not path.is_file():
        raise BoardUnknown(board, ", ".join(boards()))
    return tomllib.loads(path.read_text("utf-8"))


def sources(board: str) -> dict[str, bytes]:
    """Name below tournee_fw -> content, of what the board runs."""
    settings = settings_of(board)
    wanted = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        top = name.partition("/")[0]
        if name in settings["without"] or top == "root" or (top == "hal" and path.stem not in settings["hal"]):
            continue
        if top == "boards" and not name.startswith(f"boards/{board}/"):
            continue
        wanted[name] = path.read_bytes()
    return wanted


def manifest(package: Mapping[str, bytes]) -> str:
    """The hash of `tournee_fw/buildinfo.py` over files by name below tournee_fw, as a board computes it itself."""
    digest = hashlib.sha256()
    for name in sorted(package, key=str.encode):
        if name.endswith((".py", ".mpy")):
            content = package[name]
            digest.update(name.encode() + b"\0" + len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def installed(folder: Path) -> dict[str, bytes]:
    """Files of a tournee_fw directory by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _code(folder)}


def make(board: str, compiled: Compile) -> FileSet:
    """The set of a board; the same sources and compiler give the same bytes. Raises BoardUnknown, SourceBroken, ToolMissing."""
    arch = str(settings_of(board).get("arch", ""))
    package = {name.removesuffix(".py") + ".mpy": compiled(name, text, arch) for name, text in sources(board).items()}
    digest = manifest(package)
    version = _version()
    below = {f"tournee_fw/{name}": content for name, content in package.items()}
    index = {
        "version": 1,
        "board": board,
        "firmware": version,
        "manifest": digest,
        "files": {name: [len(content), hashlib.sha256(content).hexdigest()] for name, content in sorted(below.items())},
    }
    root = {path.name: path.read_bytes() for path in sorted((PACKAGE / "root").glob("*.py"))}
    return FileSet(board, version, digest, {**below, INDEX: json.dumps(index, indent=1).encode() + b"\n"}, root)


def _code(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".py", ".mpy"))


def _version() -> str:
    for line in (PACKAGE / "__init__.py").read_text("utf-8").splitlines():
        if line.startswith("VERSION ="):
            return line.split('"')[1]
    raise ValueError("tournee_fw/__init__.py has no VERSION")
