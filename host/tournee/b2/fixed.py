"""Fixed records of a window. What decodes goes the quick way, block by block; a block in which something is foreign goes record by record.

There, a record counts where what stands there decodes and another one, a line end or the end of the file follows. Characters between
two such places belong to one damaged record: one fault, and reading goes on at the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from tournee.b2.cut import Cutter, Piece, one_by_one
from tournee.b2.errors import B2Error, Problem
from tournee.b2.lu import Lu
from tournee.b2.plan import Plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.shape import opens, shape
from tournee.b2.twin import Codec
from tournee.b2.window import Window
from tournee_protocol.layouts.model import RECORD_BYTES

_NEAR = RECORD_BYTES * 3 // 2
"""Fewer characters than this are one record of a wrong length, more are two."""


def read_fixed(made: Plan, window: Window, quick: Codec, exact: PyCodec) -> Iterator[Lu]:
    """Every record with its faults; never raises."""
    slow = _Slow(made, window, exact)
    number = 1
    while window.data:
        whole = window.settled - window.settled % RECORD_BYTES
        done, records = 0, None
        if whole == window.settled or not window.last:
            # One record more than is given out: what follows the last one must be a record too.
            block = window.data[: whole + (0 if window.last else RECORD_BYTES)]
            try:
                records = quick.decode(block, number)
            except B2Error:
                pass
        if records is not None:
            text = window.data[:whole].decode("latin-1")
            for record in records[: whole // RECORD_BYTES]:
                yield Lu(number, text[done : done + RECORD_BYTES], made.by_class[type(record)], record)
                done, number = done + RECORD_BYTES, number + 1
            slow.filled = True
        else:
            done, number = yield from one_by_one(slow.one, window, number)
        window.move(done)
        slow.moved()


class _Slow:
    """Record by record."""

    def __init__(self, made: Plan, window: Window, exact: PyCodec) -> None:
        self.filled = False
        """A record ended with a space: whoever wrote this file did not strip its lines."""
        self._stripped = False
        self._plan = made
        self._window = window
        self._exact = exact
        self._cut = Cutter(window)
        self.moved()

    def moved(self) -> None:
        """The window has other bytes now."""
        self._read: dict[int, tuple[Piece, Any]] = {}
        self._next: tuple[int, int | None] | None = None

    def one(self, start: int, number: int) -> tuple[Lu | None, int]:
        """The record at `start`, if there is one, and where the next begins."""
        before = self._cut.begin(start)
        start = before.after
        if start >= len(self._window.data):
            return None, start
        piece, record = self._at(start)
        faults = self._cut.named(number, before)
        wide = None if piece.text.isascii() else self._cut.wide(start, RECORD_BYTES)
        if record is not None and self._confirmed(piece):
            lu = self._sound(piece, record, number)
        elif self._confirmed(piece):
            lu = self._faulty(piece.text, number)
        elif wide is not None and self._confirmed(wide):
            lu, piece = self._faulty(wide.text, number), wide
        else:
            lu, piece = self._damaged(start, piece, record, number)
        lu.faults[:0] = faults + self._cut.named(number, piece)
        return lu, piece.after

    def _at(self, start: int) -> tuple[Piece, Any]:
        """What stands there and, if it decodes, its record."""
        if (known := self._read.get(start)) is not None:
            return known
        piece = self._cut.take(start, RECORD_BYTES)
        found = self._plan.find(piece.text, 0) if len(piece.text) == RECORD_BYTES else None
        record = self._exact.try_decode(found, piece.text) if found else None
        if len(self._read) > 64:
            self._read.clear()
        self._read[start] = piece, record
        return piece, record

    def _confirmed(self, piece: Piece) -> bool:
        """A line or the file ends behind these characters, or a sound record follows, or one more record and then that."""
        if len(piece.text) < RECORD_BYTES:
            return False
        if piece.ended or piece.after == len(self._window.data):
            return True
        follower, record = self._at(piece.after)
        if record is not None:
            return True
        if len(follower.text) < RECORD_BYTES:
            return False
        end = follower.ended or follower.after == len(self._window.data)
        return end or self._at(follower.after)[1] is not None

    def _sound(self, piece: Piece, record: Any, number: int) -> Lu:
        self.filled = self.filled or piece.text.endswith(" ")
        return Lu(number, piece.text, self._plan.by_class[type(record)], record)

    def _faulty(self, text: str, number: int) -> Lu:
        """A record of the right length."""
        found = self._plan.find(text, 0)
        if found is None:
            return Lu(number, text, None, None, [self._plan.fail(Problem.UNKNOWN_RECORD, number)])
        return Lu(number, text, found, None, list(self._exact.faults(found, text, number)))

    def _damaged(self, start: int, piece: Piece, record: Any, number: int) -> tuple[Lu, Piece]:
        """Characters up to the next line end or the next place where a record counts, whichever comes first."""
        if self._broken(start):
            raw = self._raw(start, start + RECORD_BYTES)
            return self._faulty(raw.text, number), raw
        stretch = self._stretch(start)
        size = len(stretch.text) if stretch else 0
        alone = record is not None or self._plan.find(piece.text, 0) is not None
        if len(piece.text) == RECORD_BYTES and size != RECORD_BYTES and (size >= _NEAR or not stretch) and alone:
            lu = self._faulty(piece.text, number) if record is None else self._sound(piece, record, number)
            return lu, piece
        if stretch is None:
            stretch = self._raw(start, max(self._window.settled, start + 1))
            cut = self._window.last and len(stretch.text) < RECORD_BYTES
            if cut and self._stripped:
                return self._padded(self._wrong_length(stretch, number)), stretch
            problem = Problem.TRUNCATED if cut else Problem.UNKNOWN_RECORD
            return Lu(number, stretch.text, None, None, [self._plan.fail(problem, number)]), stretch
        if size == RECORD_BYTES:
            return self._faulty(stretch.text, number), stretch
        if size >= _NEAR:
            if size % RECORD_BYTES == 0:
                stretch = piece
            return self._faulty(stretch.text, number), stretch
        lu = self._wrong_length(stretch, number)
        return (self._padded(lu) if stretch.ended else lu), stretch

    def _broken(self, start: int) -> bool:
        """A line end stands in the place of a character: a sound record follows as if it were one."""
        raw = self._window.data[start : start + RECORD_BYTES]
        if not raw or self._window.ends.search(raw) is None or self._window.ends.fullmatch(raw[-1:]):
            return False
        piece, record = self._at(start + RECORD_BYTES)
        return record is not None and self._confirmed(piece)

    def _wrong_length(self, stretch: Piece, number: int) -> Lu:
        found = self._plan.find(stretch.text, 0)
        if found is not None and not opens(stretch.text, found.template):
            found = None
        detail = f"{len(stretch.text)} au lieu de {RECORD_BYTES}"
        type_ = found.record.type if found else ""
        return Lu(number, stretch.text, found, None, [B2Error(Problem.LENGTH, number, type_, detail=detail)])

    def _padded(self, lu: Lu) -> Lu:
        """Reads what an editor left of a record when it stripped the spaces at the end of every line; the fault stays."""
        if self.filled or len(lu.text) >= RECORD_BYTES or lu.text.endswith(" "):
            return lu
        text = lu.text.ljust(RECORD_BYTES)
        found = self._plan.find(text, 0)
        record = self._exact.try_decode(found, text) if found else None
        if record is not None:
            lu.made, lu.record = found, record
            self._stripped = True
        return lu

    def _stretch(self, start: int) -> Piece | None:
        line = self._cut.line(start, 2 * RECORD_BYTES + 2)
        sound = self._after(start + 1)
        if line is not None and (sound is None or line.stop <= sound):
            return line
        if sound is None:
            return None
        return self._raw(start, sound)

    def _raw(self, start: int, stop: int) -> Piece:
        """Line ends among the characters count as characters."""
        return Piece(self._window.data[start:stop].decode("latin-1"), stop, stop)

    def _after(self, start: int) -> int | None:
        """The first place from `start` on where a record counts."""
        if self._next is not None and self._next[0] <= start and (self._next[1] is None or self._next[1] >= start):
            return self._next[1]
        at, found = start, None
        while match := self._shape.search(self._window.data, at):
            piece, record = self._at(match.start())
            if record is not None and self._confirmed(piece):
                found = match.start()
                break
            at = match.start() + 1
        self._next = start, found
        return found

    @cached_property
    def _shape(self) -> Any:
        return shape(self._plan)
