"""Finds processes that a test run started and left behind, also those whose parent is gone: they carry the run's mark."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

_MARK = "TOURNEE_TEST_RUN"


def mark() -> None:
    """Mark this process; all that it starts from now on inherits the mark. A mark that is there already stays."""
    os.environ.setdefault(_MARK, uuid.uuid4().hex)


def find(grace_s: float = 5.0, proc: Path = Path("/proc")) -> list[str]:
    """`pid: command line` of every other process with our mark that is still there after `grace_s`; [] where there is no /proc."""
    deadline = time.monotonic() + grace_s
    while (found := _marked(proc)) and time.monotonic() < deadline:
        time.sleep(0.1)  # they may not be our children: nothing tells of their end
    return found


def _marked(proc: Path) -> list[str]:
    wanted = f"{_MARK}={os.environ.get(_MARK, 'none')}".encode()
    found = []
    for folder in proc.glob("[0-9]*"):
        try:
            if wanted not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # another's process, or gone meanwhile
            continue
        ours = int(folder.name) == os.getpid() or "execnet" in command  # xdist's workers end after us
        if command and not ours and "resource_tracker" not in command:  # multiprocessing's, ends with its worker
            found.append(f"{folder.name}: {command[:160]}")
    return sorted(found)
