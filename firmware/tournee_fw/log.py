"""A ring of short lines for support: what happened, never what was said. Words and numbers only, no bytes of cards or keys."""


class Log:
    """`note("apdu", slot, status)` adds `<seconds> apdu 0 12`; the oldest lines give way."""

    def __init__(self, now_ms, size: int = 2048):
        self._ring = bytearray(size)
        self._at = 0
        self._full = False
        self._now_ms = now_ms

    def note(self, word: str, a: int = -1, b: int = -1) -> None:
        line = "%d %s" % (self._now_ms() // 1000, word)
        if a >= 0:
            line += " %d" % a
        if b >= 0:
            line += " %d" % b
        for c in line.encode():
            self._put(c)
        self._put(10)

    def copy(self, out, limit: int) -> int:
        """Whole lines, oldest first, as many of the newest as fit into `out[:limit]`; returns the bytes."""
        size = len(self._ring)
        have = size if self._full else self._at
        start = (self._at - have) % size
        skip = max(0, have - limit)
        if skip or self._full:  # the oldest line is cut: begin after its end
            skip += 1
            while skip < have and self._ring[(start + skip - 1) % size] != 10:
                skip += 1
        n = have - skip
        for i in range(n):
            out[i] = self._ring[(start + skip + i) % size]
        return n

    def _put(self, c):
        self._ring[self._at] = c
        self._at += 1
        if self._at == len(self._ring):
            self._at = 0
            self._full = True
