"""Transports: byte streams that carry frames to a host. `hal/<board>` has the wired ones, `link_ble.py` the radio one."""

from .clock import NEVER


class Transport:
    """What the link server needs of a byte stream; nothing here blocks and nothing here raises for a lost peer.

    The loop calls `poll` and `due_ms` only of a transport that has its own.

    `name`       short text for the log ("usb", "ble").
    `connected`  True while a host may read and write; after False the server forgets half frames, never the session.
    `ccid`       name of the serial CCID reader that speaks here instead of the link (`ccid.READERS`), or empty.
    `repl`       MicroPython's REPL takes this line over when the firmware ends.
    `stream`     object that `select.poll` can watch, or None when the board wakes up by itself (IRQ).
    """

    name = "?"
    connected = False
    ccid = ""
    repl = False
    stream = None

    def poll(self, now: int) -> None:
        """Called at every turn of the loop, `now` in ms of the board clock: reconnect, advertise, retry a notify."""

    def due_ms(self, now: int) -> int:
        """Ms until `poll` must be called again without any event (`clock.NEVER`: not at all)."""
        return NEVER

    def read_into(self, buf) -> int:
        """Move received bytes into `buf` (a memoryview), return how many; 0 when there are none or no peer."""
        return 0

    def write(self, mv) -> int:
        """Take bytes from the front of `mv` (a memoryview), return how many were accepted; 0 when full or no peer.

        Bytes accepted are delivered in order or the link is dropped: never a hole in the stream.
        """
        return 0

    def close(self) -> None:
        """The firmware ends: the line is as it was before."""
