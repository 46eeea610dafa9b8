"""Characters taken from a window whatever line ends lie between or within them; line ends and UTF-8 are named where they begin."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple

from tournee.b2.errors import B2Error, Problem
from tournee.b2.lu import Lu
from tournee.b2.window import Window

_NAMES = {b"\r\n": "CR LF", b"\n": "LF", b"\r": "CR", b"\x85": "NEL"}
_SEVERAL = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
_UTF8 = re.compile(_SEVERAL)


class End(NamedTuple):
    kind: str
    position: int  # of the character that it follows, plus 1


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters without the line ends among them."""

    text: str
    stop: int  # behind the last character
    after: int  # behind the line ends that follow it
    ends: tuple[End, ...] = ()
    wide: int = 0  # position of the first character that UTF-8 writes with several bytes, if they were taken as one

    @property
    def ended(self) -> bool:
        """A line ends here."""
        return self.after > self.stop


def one_by_one(
    one: Callable[[int, int], tuple[Lu | None, int]], window: Window, number: int
) -> Generator[Lu, None, tuple[int, int]]:
    """Records up to where the window is settled; returns the place reached and the next number.

    `one(start, number)` gives the record there, if there is one, and where the next begins.
    """
    done = 0
    while done < window.settled:
        lu, done = one(done, number)
        if lu is not None:
            yield lu
            number += 1
    return done, number


class Cutter:
    """Knows which kinds of line ends were already named."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._named = {window.code}

    def take(self, start: int, size: int) -> Piece:
        """The next `size` characters, fewer at the end of the file."""
        data, ends = self._window.data, self._window.ends
        stop = min(start + size, len(data))
        found: dict[str, int] = {}
        if (end := ends.search(data, start, stop)) is None:
            raw = data[start:stop]
        else:
            parts, held, at = [], 0, start
            while end is not None:
                parts.append(data[at : end.start()])
                held += end.start() - at
                at = self._run(end.start(), held + 1, found)
                stop = min(at + size - held, len(data))
                end = ends.search(data, at, stop)
            raw = b"".join([*parts, data[at:stop]])
        after = self._run(stop, len(raw) + 1, found)
        return Piece(raw.decode("latin-1"), stop, after, _ends(found))

    def wide(self, start: int, size: int) -> Piece | None:
        """The same, each UTF-8 character as one (DEL if Latin-1 lacks it: no field permits it); None where it is no UTF-8."""
        found = re.compile(rb"(?:[^\r\n\x80-\xff]|%b){%d}" % (_SEVERAL, size)).match(self._window.data, start)
        if found is None:
            return None
        text = "".join(c if ord(c) < 256 else "\x7f" for c in found[0].decode())
        first = next((i for i, c in enumerate(text, 1) if not c.isascii() or c == "\x7f"), 0)
        ends: dict[str, int] = {}
        after = self._run(found.end(), size + 1, ends)
        return Piece(text, found.end(), after, _ends(ends), first)

    def line(self, start: int, within: int) -> Piece | None:
        """What comes before the next line end, if that is not farther away than `within`."""
        data = self._window.data
        end = self._window.ends.search(data, start, start + within)
        if end is None:
            return None
        found: dict[str, int] = {}
        after = self._run(end.start(), end.start() - start + 1, found)
        text = data[start : end.start()].decode("latin-1")
        return Piece(text, end.start(), after, _ends(found))

    def begin(self, start: int) -> Piece:
        """Line ends before a record."""
        return self.take(start, 0)

    def named(self, number: int, piece: Piece) -> list[B2Error]:
        """What must be said of a piece that was not said before: a kind of line end, UTF-8."""
        faults = [
            B2Error(Problem.SEPARATOR, number, position=end.position, detail=end.kind)
            for end in piece.ends
            if self._first(end.kind)
        ]
        at = piece.wide
        if not at and self._window.code != "EBCDIC" and (found := _UTF8.search(piece.text.encode("latin-1"))):
            at = found.start() + 1
        if at and self._first("UTF-8"):
            faults.append(B2Error(Problem.ENCODING, number, position=at, detail="UTF-8"))
        return faults

    def _first(self, kind: str) -> bool:
        known = kind in self._named
        self._named.add(kind)
        return not known

    def _run(self, at: int, position: int, found: dict[str, int]) -> int:
        """Behind the line ends that begin at `at`."""
        data, ends = self._window.data, self._window.ends
        while end := ends.match(data, at):
            found.setdefault(_NAMES[end[0]], position)
            at = end.end()
        return at


def _ends(found: dict[str, int]) -> tuple[End, ...]:
    return tuple(End(kind, position) for kind, position in found.items())
