"""One board from what it has to what it shall have: the version that does not run is written, checked, and only then named.

Whenever the power goes, `tournee/current` names a whole version or none; what was written is kept and the next run goes on from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from tournee.flash import fileset
from tournee.flash.errors import BoardFull, NoRoom, NotWritten, TooOld, WrongBoard
from tournee.flash.fileset import BASE, CURRENT, NAME, TRIES, VERSIONS, FileSet
from tournee.flash.ports import About, BoardFiles

_NEW = ".new"
"""Ends the name of a file on its way to the place of another."""

Progress = Callable[[str, int, int], None]
"""(stage, bytes done, bytes in all); stages in order: erase, write, check, start."""


@dataclass(frozen=True)
class Plan:
    """What a run will do; nothing of it is done yet."""

    about: About
    folder: str  # of the new version
    write: tuple[str, ...]  # names below `tournee/<folder>/`
    stale: tuple[str, ...]  # full names of what an older or broken run left
    root: tuple[str, ...]  # files at the top that differ
    bytes: int  # to be sent
    up_to_date: bool  # the board has this very version and runs it


def detect(about: About) -> str | None:
    """The board whose machine this is."""
    known = ((fileset.settings_of(name).get("machine", ""), name) for name in fileset.boards("files"))
    found = [(len(machine), name) for machine, name in known if machine and about.machine.startswith(machine)]
    return max(found)[1] if found else None


def plan(board: BoardFiles, wanted: FileSet, port: str, *, abi: int, erase: bool = False) -> Plan:
    """Raises WrongBoard, TooOld; reads the board, changes nothing. Room shows when it is written: littlefs tells less than it has."""
    about = board.about()
    settings = fileset.settings_of(wanted.board)
    if not about.machine.startswith(settings["machine"]):
        raise WrongBoard(port, about.machine, settings["machine"])
    if about.abi != abi:
        raise TooOld(f"{about.micropython}, byte code {about.abi}", f"byte code {abi}", settings["micropython"])
    broken = tuple(n + _NEW for n in (*wanted.root, NAME, CURRENT) if board.read(n + _NEW) is not None)
    runs = "" if erase else (board.read(CURRENT) or b"").decode("utf-8", "replace").partition(" ")[0]
    here = {} if erase else board.hashes(BASE)
    root = tuple(n for n, c in wanted.root.items() if erase or (board.read(n) or b"") != c)
    if runs in VERSIONS and not _differing(here, wanted, runs) and not _stale(here, wanted, runs):
        return Plan(about, runs, (), broken, root, sum(len(wanted.root[n]) for n in root), up_to_date=not root)
    folder = VERSIONS[1] if runs == VERSIONS[0] else VERSIONS[0]
    write, stale = _differing(here, wanted, folder), (*_stale(here, wanted, folder), *broken)
    size = sum(len(wanted.files[n]) for n in write) + sum(len(wanted.root[n]) for n in root)
    return Plan(about, folder, write, stale, root, size, up_to_date=False)


def install(
    board: BoardFiles, wanted: FileSet, chosen: Plan, said: Progress, *, name: str = "", erase: bool = False
) -> None:
    """Do what `chosen` says; raises NotWritten, NoRoom and what the board raises. Nothing that runs is touched before all is checked."""
    said("erase", 0, 1)
    for left in (*wanted.root, BASE, *chosen.stale) if erase else chosen.stale:
        board.remove(left)
    said("erase", 1, 1)
    sent = 0

    def count(piece: int) -> None:
        nonlocal sent
        sent += piece
        said("write", sent, chosen.bytes)

    count(0)
    for path in chosen.write:
        _write(board, f"{BASE}/{chosen.folder}/{path}", wanted.files[path], count)
    said("check", 0, 1)
    there = board.hashes(f"{BASE}/{chosen.folder}")
    for path, content in wanted.files.items():
        if there.get(f"{BASE}/{chosen.folder}/{path}") != _sha256(content):
            raise NotWritten(path)
    said("check", 1, 1)
    for path in chosen.root:
        _replace(board, path, wanted.root[path], count)
    if name:
        _replace(board, NAME, f"{name}\n".encode(), lambda piece: None)
    board.remove(TRIES)
    if board.read(CURRENT) != wanted.current(chosen.folder):
        _replace(board, CURRENT, wanted.current(chosen.folder), lambda piece: None)


def _write(board: BoardFiles, name: str, content: bytes, count: Callable[[int], None]) -> None:
    try:
        board.write(name, content, count)
    except BoardFull:  # files take whole blocks: more than their bytes
        raise NoRoom(board.about().free_bytes, len(content)) from None


def _replace(board: BoardFiles, name: str, content: bytes, count: Callable[[int], None]) -> None:
    """Read back before it takes the place of what is there."""
    new = name + _NEW
    _write(board, new, content, count)
    if board.hash(new) != _sha256(content):
        board.remove(new)
        raise NotWritten(name)
    board.rename(new, name)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _differing(here: dict[str, str], wanted: FileSet, folder: str) -> tuple[str, ...]:
    return tuple(
        path for path, content in wanted.files.items() if here.get(f"{BASE}/{folder}/{path}") != _sha256(content)
    )


def _stale(here: dict[str, str], wanted: FileSet, folder: str) -> tuple[str, ...]:
    below = f"{BASE}/{folder}/"
    return tuple(n for n in here if n.startswith(below) and n.removeprefix(below) not in wanted.files)
