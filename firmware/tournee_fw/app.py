"""The terminal: a board, its slots, display, log and link server, and the one loop over them."""

import gc
import sys

from micropython import const

from . import VERSION
from .clock import NEVER
from .display import Display
from .log import Log
from .server import Server
from .slots import Slot

_UP_S = const(5)
_LOOK_MS = const(1000)  # how often it is looked whether those have passed


class Terminal:
    """`poll()` once per turn; `run()` for ever. `name` is shown and advertised, `manifest` the hash of the firmware."""

    def __init__(self, board, name: str, manifest: str):
        self.board = board
        self.log = Log(board.now_ms)
        self.slots = [Slot(i, port, board, self.log) for i, port in enumerate(board.slots)]
        self.display = Display(board, self.slots, name)
        micropython = ".".join([str(part) for part in sys.implementation.version[:3]])
        info = (VERSION.encode(), board.name.encode(), micropython.encode(), manifest.encode(), name[:32].encode())
        self.server = Server(board, self.slots, self.display, self.log, info)
        self.readers = [_reader(t, self.server) for t in board.transports if t.ccid]
        self._now_ms = board.now_ms
        self.log.note("boot")
        self.display.start()

    def poll(self) -> int:
        """One turn; returns the ms until the next one is due without any event."""
        now = self._now_ms()
        self.server.poll(now)
        return self._read(now) if self.readers else self.server.due_ms(self._now_ms())

    def _read(self, now):
        """The readers' part of a turn."""
        for reader in self.readers:
            reader.poll(now)
        now = self._now_ms()
        due = self.server.due_ms(now)
        for reader in self.readers:
            due = min(due, reader.due_ms(now))
        return due

    def run(self, healthy=None) -> None:
        """Until a host asks for the REPL; not at all when the cancel key was held at power-on.

        `healthy()` is called once it has run for some seconds: this version has come up.
        """
        gc.collect()
        gc.threshold(-1)  # the starter's, for loading
        if self.board.held():
            self.log.note("key held")
        else:
            while not self.server.left():
                self.turn(NEVER if healthy is None else _LOOK_MS)
                if healthy is not None and self.server.about.uptime_s >= _UP_S:
                    healthy()
                    healthy = None
        for transport in self.board.transports:
            transport.close()

    def turn(self, most_ms: int = NEVER) -> None:
        """One turn and its wait, no longer than `most_ms`; a heap used up costs what was going on, not the terminal."""
        try:
            self.board.wait(min(self.poll(), most_ms))
        except MemoryError:
            gc.collect()
            self.log.note("memory")


def _reader(transport, server):
    from .ccid import Ccid  # only a board with such a line pays for the code

    return Ccid(transport, server, VERSION)
