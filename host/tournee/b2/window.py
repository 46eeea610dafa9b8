"""A stream from the place reached on, block by block, in single bytes: EBCDIC is turned into Latin-1 on the way."""

from __future__ import annotations

import re
from typing import BinaryIO

BLOCK = 2048 * 128
AHEAD = 4096
"""Bytes that must lie behind a record before it is judged, unless the stream ends there."""
_EBCDIC_ZEROS = b"\xf0\xf0\xf0"
_MARK = b"\xef\xbb\xbf"
_LATIN = bytes(range(256)).decode("cp1140").encode("latin-1", "replace")
_ENDS = re.compile(rb"\r\n|\n|\r")
_ENDS_EBCDIC = re.compile(rb"\r\n|\n|\r|\x85")


class Window:
    """`data` begins at the place reached and holds a block or more, unless it is the `last`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.data = b""
        self.last = False
        self.code = ""
        """What the stream says of itself at its beginning: EBCDIC, UTF-8 (its mark is passed over) or nothing."""
        self.ends = _ENDS
        self.move(0)
        if self.data.startswith(_EBCDIC_ZEROS):
            self.code, self.ends = "EBCDIC", _ENDS_EBCDIC
            self.data = self.data.translate(_LATIN)
        elif self.data.startswith(_MARK):
            self.code = "UTF-8"
            self.move(len(_MARK))

    def move(self, count: int) -> None:
        """Leaves the first `count` bytes behind and reads on."""
        self.data = self.data[count:]
        while not self.last and len(self.data) < BLOCK:
            more = self._stream.read(BLOCK - len(self.data))
            self.last = not more
            self.data += more.translate(_LATIN) if self.code == "EBCDIC" else more

    @property
    def settled(self) -> int:
        """Up to here records can be judged: what follows them is in `data`."""
        return len(self.data) if self.last else len(self.data) - AHEAD
