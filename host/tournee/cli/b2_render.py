"""A record on a terminal: its characters coloured by field, the names under their columns, faults underlined at theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tournee.b2.lu import Lu
from tournee_protocol.layouts import Field, Kind

_COLOURS = ("cyan", "green", "yellow", "magenta", "bright_blue")
_FAULT = "bold red underline"
_GUTTER = 2


@dataclass(frozen=True)
class Options:
    names: bool = True  # names under the first of several records of one type
    mask: bool = False  # personal values as dots


class Printer:
    """Prints records one after the other; remembers the type before, so that names are not repeated."""

    def __init__(self, console: Console, options: Options) -> None:
        self._console = console
        self._options = options
        self._before = ""

    def show(self, lu: Lu) -> None:
        type_ = lu.made.record.type if lu.made else "?"
        meaning = lu.made.record.meaning if lu.made else "type inconnu"
        title = Text(f"{lu.number:>5}  ", "dim").append(f"{type_:<3}", "bold").append(f"  {meaning}", "dim")
        self._print(title)
        names = self._options.names and (type_ != self._before or bool(lu.faults))
        self._before = type_
        for start, stop in _rows(lu, self._console.width - _GUTTER):
            self._row(lu, start, stop, names)
        for fault in lu.faults:
            self._print(Text("  ✗ ", "bold red").append(fault.what, "red"))

    def _row(self, lu: Lu, start: int, stop: int, names: bool) -> None:
        fields = [(i, f) for i, f in enumerate(lu.made.record.fields if lu.made else ()) if start < f.pos <= stop]
        line = Text(" " * _GUTTER) + characters(lu, self._options.mask)[start:stop]
        self._print(line)
        if self._console.color_system is None and (marks := _marks(lu, start, stop)):
            self._print(Text(" " * _GUTTER + marks))
        if names:
            for label in labels(
                [(i, f) for i, f in fields if f.kind is not Kind.C], start, self._console.width - _GUTTER
            ):
                self._print(Text(" " * _GUTTER) + label)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def characters(lu: Lu, mask: bool) -> Text:
    """The record's text, one style per field; what cannot be printed shows as ·."""
    shown = "".join(c if 0x20 <= ord(c) <= 0x7E or ord(c) >= 0xA1 else "·" for c in lu.text)
    if not lu.made:
        return Text(shown, _FAULT)
    text = Text()
    wrong = {f.position for f in lu.faults}
    for index, field in enumerate(lu.made.record.fields):
        part = shown[field.pos - 1 : field.end]
        if mask and field.personal and part.strip():
            part = "•" * len(part)
        text.append(part, _FAULT if field.pos in wrong else _style(index, field))
    return text.append(shown[len(text) :], _FAULT)


def labels(fields: list[tuple[int, Field]], start: int, width: int) -> list[Text]:
    """Lines of names, each under the first column of its field; a name that finds no place goes one line down, on a stem.

    A name that would leave the terminal stands at the bottom, to the left of its stem, which other names may interrupt.
    """
    lines: list[list[_Label]] = []
    shifted: list[_Label] = []
    # From right to left: a stem then passes only through lines whose names begin to its right.
    for index, field in reversed(fields):
        label = _Label(field.pos - 1 - start, field.name, _style(index, field))
        if label.end > width:
            shifted.append(label)
            continue
        for line in lines:
            if label.end < line[-1].at:
                line.append(label)
                break
        else:
            lines.append([label])
    made = []
    for depth, line in enumerate(lines):
        stems = [_Label(o.at, "│", o.style) for below in [*lines[depth + 1 :], shifted] for o in below]
        made.append(_line([*line, *stems]))
    for depth, label in enumerate(reversed(shifted)):
        stems = [_Label(o.at, "│", o.style) for o in shifted[: len(shifted) - depth - 1]]
        made.append(_line([_Label(max(label.at - len(label.name), 0), f"{label.name}┘", label.style), *stems]))
    return made


@dataclass(frozen=True)
class _Label:
    at: int  # column
    name: str
    style: str

    @property
    def end(self) -> int:
        return self.at + len(self.name)


def _line(labels: list[_Label]) -> Text:
    text = Text()
    for label in sorted(labels, key=lambda one: one.at):
        if len(text) <= label.at:
            text.append(" " * (label.at - len(text))).append(label.name, label.style)
    return text


def _style(index: int, field: Field) -> str:
    return "dim" if field.kind is Kind.C else _COLOURS[index % len(_COLOURS)]


def _marks(lu: Lu, start: int, stop: int) -> str:
    """A line of carets under the fields at fault."""
    marks = [" "] * max(len(lu.text), stop)
    for fault in lu.faults:
        if lu.made and fault.position:
            sizes = [f.len for f in lu.made.record.fields if f.pos == fault.position]
            marks[fault.position - 1 : fault.position - 1 + (sizes or [1])[0]] = "^" * (sizes or [1])[0]
    return "".join(marks[start:stop]).rstrip()


def _rows(lu: Lu, width: int) -> Iterator[tuple[int, int]]:
    """Cuts a record into rows that fit the terminal, between fields where possible."""
    ends = [f.end for f in lu.made.record.fields] if lu.made else []
    start, size = 0, len(lu.text)
    width = max(width, 20)
    while start < size:
        stop = min(start + width, size)
        if stop < size:
            stop = max((e for e in ends if start < e <= stop), default=stop)
        yield start, stop
        start = stop
