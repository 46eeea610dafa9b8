"""What INFO tells of the terminal: its versions and name, which start this is, and how long it has been up."""

import gc

from micropython import const

from . import _link
from .clock import wrap

_CLOCK = const(0x3FFFFFFF)


class About:
    """`count(now)` when `since` is a second ago."""

    def __init__(self, texts, boot_id, now):
        """`texts`: (firmware, board, micropython, manifest, name) as UTF-8 bytes."""
        self._texts = texts
        self.boot_id = boot_id
        self.uptime_s = 0
        self.since = now

    def count(self, now: int) -> None:
        ms = now - self.since & _CLOCK
        self.uptime_s += ms // 1000
        self.since = wrap(now - ms % 1000)

    def write(self, buf, at: int, pin_locked: bool) -> int:
        """InfoReply; returns the offset after."""
        firmware, board, micropython, manifest, name = self._texts
        return _link.write_info_reply(
            buf,
            at,
            firmware,
            board,
            micropython,
            manifest,
            b"none",
            name,
            self.boot_id,
            1 if pin_locked else 0,
            gc.mem_free(),
            self.uptime_s,
        )
