"""The stage of the demo: simulated funds and terminal as processes of their own, and the commands, which are run like anybody's."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tournee.errors import TourneeError

_READY_S = 60.0
_END_S = 5.0


class StageError(TourneeError):
    """A simulated part did not start, or a command ended in a way the story does not know."""

    code = "demo"


@dataclass(frozen=True)
class Done:
    """One command that was run."""

    argv: tuple[str, ...]
    code: int
    document: dict[str, Any]
    stderr: str


@dataclass
class Stage:
    """Starts processes, runs commands, ends everything. `told` is given each command line."""

    folder: Path
    environment: dict[str, str]
    told: Callable[[str], None] = lambda line: None
    commands: list[str] = field(default_factory=list)
    _processes: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = field(default_factory=list)

    def start(self, name: str, *argv: str) -> dict[str, Any]:
        """A simulator process; returns the JSON line it says when it is ready."""
        self._say(("tournee", "sim", *argv))
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "tournee_sim", *argv, "--json"],
            env=self._env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._processes.append((process, log))
        line = _line(process, _READY_S)
        try:
            return dict(json.loads(line))
        except ValueError:
            tail = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()[-1:]
            reason = tail[0] if tail else f"code {process.poll()}"
            raise StageError(
                f"the simulated {name} did not start: {reason}", f"read {self.folder / f'{name}.log'}"
            ) from None

    def run(self, *argv: str, ok: Sequence[int] = (0,)) -> Done:
        """A `tournee` command with `--json`; raises StageError with the command's own words unless its code is in `ok`."""
        done = self._run(("-m", "tournee.cli", *argv, "--json"), ("tournee", *argv), ok)
        return done

    def sim(self, *argv: str) -> Done:
        """A `tournee sim` command with `--json`."""
        return self._run(("-m", "tournee_sim", *argv, "--json"), ("tournee", "sim", *argv), (0,))

    def write(self, *argv: str) -> None:
        """A `tournee` command that has no `--json`: it writes a file."""
        self._run(("-m", "tournee.cli", *argv), ("tournee", *argv), (0,))

    def close(self) -> None:
        """Ends every process, politely first; leaves nothing running."""
        for process, _ in reversed(self._processes):
            _signal(process, signal.SIGINT)
        deadline = time.monotonic() + _END_S
        for process, log in reversed(self._processes):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()
            log.close()
        self._processes.clear()

    def _run(self, argv: tuple[str, ...], shown: tuple[str, ...], ok: Sequence[int]) -> Done:
        self._say(shown)
        process = subprocess.run(
            [sys.executable, *argv], env=self._env(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        errors = process.stderr.decode(errors="replace").strip()
        if process.returncode == 130 or process.returncode == -signal.SIGINT:
            raise KeyboardInterrupt
        try:
            document = json.loads(process.stdout) if argv[-1] == "--json" and process.stdout else {}
        except ValueError:
            raise StageError(f"{shlex.join(shown)} : no JSON in its answer", "") from None
        if process.returncode not in ok:
            reason = errors or _faults(document) or f"code {process.returncode}"
            raise StageError(f"{shlex.join(shown)} : {reason}", "")
        return Done(shown, process.returncode, document, errors)

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _say(self, shown: tuple[str, ...]) -> None:
        line = shlex.join(shown)
        self.commands.append(line)
        self.told(line)


def _faults(document: dict[str, Any]) -> str:
    """What a bill that is not valid still lacks."""
    evaluation = document.get("evaluation", {})
    texts = [f["text"] for f in evaluation.get("errors", ())]
    texts += [f"à répondre : {q['id']}" for q in evaluation.get("questions", ()) if q["required"]]
    return " ; ".join(texts)


def _line(process: subprocess.Popen[bytes], patience_s: float) -> bytes:
    """One line of stdout; empty when the process ends or says nothing in time."""
    if process.stdout is None:
        return b""
    line = b""
    deadline = time.monotonic() + patience_s
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(deadline - time.monotonic()):
                return b""
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                return b""
            line += piece
    return line


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the whole group, which the process leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
