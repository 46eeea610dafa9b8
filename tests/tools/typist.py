"""A person at the keyboard: a program in a pseudo terminal of its own, what it shows, and what is typed."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0
CTRL_C = "\x03"
_AGAIN_S = 15.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\r")
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Typist:
    """`argv` runs until it ends or the `with` block does."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], columns: int = 100) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        env = {k: v for k, v in environment.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")} | {"TERM": "xterm"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *argv], stdin=slave, stdout=slave, stderr=slave, env=env
        )
        os.close(slave)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def expect(self, text: str) -> str:
        """What was shown since the last call, up to and with `text`; fails when the program ends or is silent too long."""
        deadline = time.monotonic() + PATIENCE_S
        while (at := self.shown.find(text, self._seen)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not shown; the screen:\n{self.shown}")
        new, self._seen = self.shown[self._seen : at + len(text)], at + len(text)
        return new

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def answer(self, prompt: str, text: str) -> str:
        """Waits for `prompt`, types `text` and Enter; gives what was shown up to the prompt."""
        shown = self.expect(prompt)
        shown += self.expect("> ")
        self.type(text + "\n")
        return shown

    def interrupt(self, text: str) -> None:
        """Ctrl-C until `text` is shown: one that comes just before Python blocks in its read is noticed at the next key [CPython]."""
        for _ in range(4):
            self.type(CTRL_C)
            deadline = time.monotonic() + _AGAIN_S
            while self.shown.find(text, self._seen) < 0 and self._read(deadline):
                pass
            if self.shown.find(text, self._seen) >= 0:
                break
        self.expect(text)

    def end(self) -> int:
        """Exit code, once the program has ended by itself."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self._process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += _CONTROL.sub("", data.decode("utf-8", "replace"))
        return bool(data)
