"""The `tournee` command as real processes that start at once: a small server that has everything imported and forks one child per command.

A child is an ordinary process: it has its own memory, its own connections, and can be killed with nothing cleaned up. Run as a
program this module is the server (JSON lines on stdin and stdout); `Commands` is its client. A child can be told to kill itself
(SIGKILL) right before or right after its n-th journal write, and to note the step of every write.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Kill:
    """kill -9 at the `nth` journal write (from 1) of the command, `when` it is before or after."""

    nth: int
    when: str


@dataclass(frozen=True)
class Ended:
    """One command that has ended; `steps` are its journal writes, several steps of one write joined by "+"."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    steps: tuple[str, ...] = ()

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    @property
    def text(self) -> str:
        return f"{' '.join(self.argv)}: code {self.code}\n{self.stdout}\n{self.stderr}"


@dataclass
class Running:
    """A command that runs."""

    commands: Commands
    argv: tuple[str, ...]
    pid: int
    folder: Path

    def wait(self) -> Ended:
        status = self.commands.ask({"wait": self.pid})["status"]
        code = os.waitstatus_to_exitcode(status)
        out, err, steps = ((self.folder / name).read_text("utf-8") for name in ("out", "err", "steps"))
        return Ended(self.argv, code, out, err, tuple(steps.split()))


@dataclass
class Commands:
    """Client of the server; `environment` holds for every command. Close it, or use it as a context manager."""

    folder: Path
    environment: Mapping[str, str]
    _server: subprocess.Popen[bytes] | None = None
    _count: int = field(default=0)

    def __enter__(self) -> Commands:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.tools.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self.environment},
        )
        return self

    def __exit__(self, *_: object) -> None:
        server, self._server = self._server, None
        if server is None or server.stdin is None or server.stdout is None:
            return
        server.stdin.close()
        server.wait(20)
        server.stdout.close()

    def start(self, *argv: str, kill: Kill | None = None, **environment: str) -> Running:
        """`environment` on top of the common one."""
        self._count += 1
        folder = self.folder / f"{self._count:04d}"
        folder.mkdir()
        request = {"argv": argv, "folder": str(folder), "env": environment, "kill": kill and [kill.nth, kill.when]}
        return Running(self, argv, self.ask(request)["pid"], folder)

    def run(self, *argv: str, kill: Kill | None = None, **environment: str) -> Ended:
        return self.start(*argv, kill=kill, **environment).wait()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        server = self._server
        assert server is not None and server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        line = server.stdout.readline()
        assert line, "the server of commands has ended"
        reply: dict[str, Any] = json.loads(line)
        return reply


def _serve() -> None:
    _import_everything()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "wait" in request:
            reply = {"status": os.waitpid(request["wait"], 0)[1]}
        else:
            pid = os.fork()
            if pid == 0:
                _child(**request)
            reply = {"pid": pid}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


_ELSEWHERE = ("tournee.cli.demo", "tournee.cli.__main__", "tournee.cards.adapters.pcsc", "tournee.link.adapters.ble")
"""Modules that no command of these tests needs, or that may start threads."""


def _import_everything() -> None:
    """The host package as it is now, whatever is edited meanwhile; no thread may run here, or a fork could not be trusted."""
    import importlib
    import pkgutil

    import tournee

    for module in pkgutil.walk_packages(tournee.__path__, "tournee."):
        if not module.name.startswith(_ELSEWHERE):
            importlib.import_module(module.name)
    for name in ("rich.console", "rich.table"):
        importlib.import_module(name)
    assert threading.active_count() == 1


def _child(argv: Sequence[str], folder: str, env: dict[str, str], kill: tuple[int, str] | None = None) -> NoReturn:
    code = 1
    try:
        os.environ.update(env)
        place = Path(folder)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
        sys.stdin = os.fdopen(0, encoding="utf-8")
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
        sys.stderr = os.fdopen(2, "w", encoding="utf-8")
        _watch_journal(os.open(place / "steps", os.O_WRONLY | os.O_CREAT, 0o600), kill)
        from tournee.cli.app import tree
        from tournee.cli.errors import run_guarded

        code = run_guarded(tree, list(argv))
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _watch_journal(log: int, kill: tuple[int, str] | None) -> None:
    """Notes each write, and dies at the one that `kill` names."""
    from tournee.practice.ports import Entry, New
    from tournee.store.journal import SqlJournal

    commit = SqlJournal.commit
    count = 0

    def die() -> None:
        sys.stdout.flush()  # what was shown before the cut was shown
        os.kill(os.getpid(), signal.SIGKILL)

    def watched(self: SqlJournal, *news: New) -> Sequence[Entry]:
        nonlocal count
        count += 1
        os.write(log, ("+".join(dict.fromkeys(n.step for n in news)) + "\n").encode())
        if kill is not None and (count, BEFORE) == tuple(kill):
            die()
        made = commit(self, *news)
        if kill is not None and (count, AFTER) == tuple(kill):
            die()
        return made

    SqlJournal.commit = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
