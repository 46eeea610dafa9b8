"""Entities of a window. A damaged one ends where its size or its `@` says [IMPL ALC, FANT], or where the next sound one begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tournee.b2.cut import Cutter, Piece, one_by_one
from tournee.b2.errors import B2Error, Problem
from tournee.b2.lu import Lu
from tournee.b2.plan import Plan, RecordPlan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import Codec
from tournee.b2.window import Window

_END = "@"
_CODE = 3
_LONGEST = 1024
"""Characters within which an unknown entity must end."""


def read_entities(made: Plan, window: Window, quick: Codec, exact: PyCodec) -> Iterator[Lu]:
    """Every entity with its faults; never raises. A block that decodes goes the quick way, another one entity by entity."""
    slow = _Slow(made, window, exact)
    number = 1
    while window.data:
        whole = window.settled if window.last else window.data.rfind(b"@", 0, window.settled) + 1
        done, records = 0, None
        try:
            records = quick.decode(window.data[:whole], number)
        except B2Error:
            pass
        if records:
            text = window.data[:whole].decode("latin-1")
            for record in records:
                found = made.by_class[type(record)]
                yield Lu(number, text[done : done + found.size], found, record)
                done, number = done + found.size, number + 1
        else:
            done, number = yield from one_by_one(slow.one, window, number)
        window.move(done)


class _Slow:
    """Entity by entity."""

    def __init__(self, made: Plan, window: Window, exact: PyCodec) -> None:
        self._plan = made
        self._window = window
        self._exact = exact
        self._cut = Cutter(window)
        self._codes = re.compile("|".join(made.by_key).encode("ascii"))

    def one(self, start: int, number: int) -> tuple[Lu | None, int]:
        """The entity at `start`, if there is one, and where the next begins."""
        before = self._cut.begin(start)
        start = before.after
        if start >= len(self._window.data):
            return None, start
        found, piece = self._at(start)
        record = self._exact.try_decode(found, piece.text) if found and len(piece.text) == found.size else None
        if record is not None and (piece.text.endswith(_END) or self._goes_on(start, piece)):
            lu = Lu(number, piece.text, found, record)
        else:
            cut = found is not None and len(piece.text) < found.size
            piece = self._damaged(start, found, piece)
            lu = Lu(number, piece.text, found, None, self._faults(found, piece.text, number, cut=cut))
        lu.faults[:0] = self._cut.named(number, before) + self._cut.named(number, piece)
        return lu, piece.after

    def _at(self, start: int) -> tuple[RecordPlan | None, Piece]:
        """The entity whose code stands there and its characters; without one, the code only."""
        code = self._cut.take(start, _CODE)
        found = self._plan.find(code.text, 0)
        return (found, self._cut.take(start, found.size)) if found else (None, code)

    def _sound(self, start: int) -> bool:
        found, piece = self._at(start)
        if found is None or len(piece.text) != found.size:
            return False
        return self._exact.try_decode(found, piece.text) is not None

    def _known(self, start: int) -> bool:
        return start >= len(self._window.data) or self._plan.find(self._cut.take(start, _CODE).text, 0) is not None

    def _leads_on(self, start: int) -> bool:
        """A known code, and another where the entity of that code ends, with its `@` or without."""
        found, piece = self._at(start)
        return found is not None and (self._known(piece.after) or self._known(piece.stop - 1))

    def _goes_on(self, start: int, piece: Piece) -> bool:
        """A record without `@`: another begins behind it, or at least none begins within it or so near that no code has room between."""
        return self._known(piece.after) or self._next(start + 1, piece.stop + 2 * _CODE - 1) is None

    def _damaged(self, start: int, found: RecordPlan | None, piece: Piece) -> Piece:
        """The characters that belong to a damaged entity."""
        if found is not None and len(piece.text) == found.size and _END not in piece.text[:-1]:
            if piece.text.endswith(_END) or (not found.template.endswith(_END) and self._known(piece.after)):
                return piece  # its frame is sound, its content is not
            lost = self._cut.take(start, found.size - 1)
            for fits in (self._sound, self._leads_on, self._known):
                for ended in (piece, lost):
                    if fits(ended.after):
                        return ended
        data = self._window.data
        end = data.find(b"@", start, start + _LONGEST) + 1
        after = self._next(start + 1, end or len(data))
        stop = after if after is not None else end or max(self._window.settled, start + 1)
        text = self._window.ends.sub(b"", data[start:stop])
        return self._cut.take(start, max(len(text), 1))

    def _next(self, start: int, stop: int) -> int | None:
        """The first place where a sound entity begins."""
        for match in self._codes.finditer(self._window.data, start, stop):
            if self._sound(match.start()):
                return match.start()
        return None

    def _faults(self, found: RecordPlan | None, text: str, number: int, *, cut: bool) -> list[B2Error]:
        """`cut`: the file ends inside this entity."""
        if found is None:
            return [self._plan.fail(Problem.UNKNOWN_RECORD, number)]
        if len(text) == found.size:
            return list(self._exact.faults(found, text, number))
        if cut:
            return [self._plan.fail(Problem.TRUNCATED, number, found.index)]
        if found.template.endswith(_END):
            return [self._plan.fail(Problem.TERMINATOR, number, found.index)]
        detail = f"{len(text)} au lieu de {found.size}"
        return [B2Error(Problem.LENGTH, number, found.record.type, detail=detail)]
