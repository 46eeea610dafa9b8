"""The wired link on the REPL's port, made binary.

Byte 03 is a byte like any other by `micropython.kbd_intr(-1)`, and the REPL comes back when the firmware ends (`close`).
"""

import select
import sys

import micropython

from tournee_fw.link import Transport

CTRL_C = 3


class StreamLink(Transport):
    """Non-blocking bytes over two stream objects with `readinto` and `write`, polled before each use."""

    name = "usb"
    connected = True

    def __init__(self, reader, writer):
        self.stream = reader
        self._writer = writer
        self._in = select.poll()
        self._in.register(reader, select.POLLIN)
        self._out = select.poll()
        self._out.register(writer, select.POLLOUT)
        self._one = bytearray(1)

    def read_into(self, buf):
        n = 0
        while n < len(buf) and _ready(self._in):  # a blocking stream gives one byte at a time without waiting
            if not self.stream.readinto(self._one):
                break
            buf[n] = self._one[0]
            n += 1
        return n

    def write(self, mv):
        if not _ready(self._out):
            return 0
        return self._writer.write(mv) or 0


def _ready(poller):
    """Without waiting, and without a list for each look."""
    for _ in poller.ipoll(0):
        return True
    return False


class ReplLink(StreamLink):
    """The REPL's own port while the firmware runs."""

    repl = True

    def __init__(self):
        micropython.kbd_intr(-1)
        super().__init__(sys.stdin.buffer, sys.stdout.buffer)

    def close(self) -> None:
        """The REPL again listens to Ctrl-C."""
        micropython.kbd_intr(CTRL_C)


def flush_repl():
    """What waits on the REPL's port is gone."""
    waiting = select.poll()
    waiting.register(sys.stdin, select.POLLIN)
    while _ready(waiting) and sys.stdin.buffer.read(1):
        pass
