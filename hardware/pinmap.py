#!/usr/bin/env python3
"""Pin maps: `python hardware/pinmap.py --write | --check`.

`hardware/pins/<BOARD>.toml` is the only place where a wire is written down. From it come the firmware's `pins.py`, the wiring table
and the wiring picture in `hardware/wiring/`.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BOARDS = HERE.parent / "firmware" / "tournee_fw" / "boards"
NAMES = HERE / "pinmap.toml"
_NUMBER = re.compile(r"\.\d+(?=\.|$)")
SUPPLIES = ("VBUS", "VSYS", "3V3", "5V", "GND", "AGND", "3V3_EN", "ADC_VREF", "RUN")
"""Pins that no signal may take."""


class MapError(Exception):
    """What is wrong with a pin map: the file, the place in it, and why."""


@dataclass(frozen=True)
class Wire:
    """From `place` of the board's connectors to the terminal `at` of a part. `to` names the value in pins.py, empty for none."""

    place: str
    pin: str  # as the board names it: GP2, A9, 3V3
    part: str
    at: str
    to: str = ""


@dataclass(frozen=True)
class PinMap:
    board: str
    title: str
    doc: str
    source: str
    prefix: str  # of a pin's name; what follows is its value, a number or a text
    left: tuple[tuple[str, str], ...]  # (place, pin) from the top
    right: tuple[tuple[str, str], ...]
    wires: tuple[Wire, ...]
    constants: dict[str, dict[str, Any]]
    code: str

    def shown(self, pin: str) -> str:
        """A pin's name for people: PC1 where the firmware says C1, which is also a place of the connectors."""
        return pin if self.prefix or pin in SUPPLIES else f"P{pin}"

    def value(self, pin: str) -> int | str:
        """Of a pin, as `machine.Pin` takes it."""
        text = pin.removeprefix(self.prefix)
        return int(text) if text.isdecimal() else text


def toml(path: Path) -> dict[str, Any]:
    """Raises MapError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MapError(f"{path.name}: {error}") from None
    except OSError as error:
        raise MapError(f"{path.name}: {error.strerror}") from None


def load(path: Path) -> PinMap:
    """Raises MapError."""
    raw = toml(path)
    title, doc, source, prefix = (_text(raw, key, path.name) for key in ("title", "doc", "source", "prefix"))
    left, right = ([_place(path, text) for text in _text(raw, side, path.name).split()] for side in ("left", "right"))
    places = dict(left + right)
    if len(places) != len(left) + len(right):
        raise MapError(f"{path.name}: a place stands twice")
    reserved = _of(raw, "reserved", list, path.name)
    wires: list[Wire] = []
    for where, row in _rows(path, raw, "wire"):
        pin = _text(row, "pin", where)
        place = next((p for p, name in places.items() if name == pin), None)
        if place is None:
            raise MapError(f"{where}: the connectors have no {pin}")
        if pin in SUPPLIES or pin in reserved:
            raise MapError(f"{where}: {pin} is not free")
        if taken := next((w for w in wires if w.pin == pin), None):
            raise MapError(f"{where}: {pin} goes to {taken.part} {taken.at} already")
        to = _text(row, "to", where) if "to" in row else ""
        if taken := next((w for w in wires if to and w.to == to), None):
            raise MapError(f"{where}: {to} is {taken.part} {taken.at} already")
        wires.append(Wire(place, pin, row["part"], row["at"], to))
    constants = _of(raw, "constants", dict, path.name)
    _named(path, [w.to for w in wires if w.to], constants)
    for where, row in _rows(path, raw, "supply"):
        place = _text(row, "place", where)
        if places.get(place) not in SUPPLIES:
            raise MapError(f"{where}: place {place} is no supply")
        wires.append(Wire(place, places[place], row["part"], row["at"]))
    code = _text(_of(raw, "code", dict, path.name), "text", f"{path.name}, code") if "code" in raw else ""
    return PinMap(path.stem, title, doc, source, prefix, tuple(left), tuple(right), tuple(wires), constants, code)


def _of(row: Any, key: str, kind: type, where: str) -> Any:
    if not isinstance(row, dict) or key not in row:
        raise MapError(f"{where}: there is no {key}")
    if not isinstance(row[key], kind):
        raise MapError(f"{where}: {key} is no {_KINDS[kind]}")
    return row[key]


_KINDS: dict[type, str] = {str: "text", list: "list", dict: "table"}


def _text(row: Any, key: str, where: str) -> str:
    return str(_of(row, key, str, where))


def _rows(path: Path, raw: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(its place in the file, the row) of every row that names part and terminal."""
    for n, row in enumerate(_of(raw, kind, list, path.name), 1):
        where = f"{path.name}, {kind} {n}"
        yield f"{where} ({_text(row, 'part', where)} {_text(row, 'at', where)})", row


def _named(path: Path, wires: list[str], constants: dict[str, dict[str, Any]]) -> None:
    """That the firmware reads these names, and none is hidden by another. Raises MapError."""
    known = toml(NAMES)
    for name, kind in [*((n, "wires") for n in wires), *((n, "constants") for n in constants)]:
        if _NUMBER.sub(".N", name) not in known[kind]:
            raise MapError(f"{path.name}: {name} is none of the {kind} in {NAMES.name}, which the firmware reads")
    for name, row in constants.items():
        if not isinstance(row, dict) or not isinstance(row.get("value"), int | str):
            raise MapError(f"{path.name}, constants: {name} has no value, a number or a text")
    names = [*wires, *constants]
    for name in names:
        if taken := next((n for n in names if n.startswith(f"{name}.") or (n == name and names.count(n) > 1)), None):
            raise MapError(f"{path.name}: {name} hides {taken}")
    numbered: dict[str, dict[str, list[str]]] = {}  # SLOTS -> 0 -> io, clk, …
    for name in wires:
        if found := _NUMBER.search(name):
            of = numbered.setdefault(name[: found.start()], {})
            of.setdefault(found[0][1:], []).append(name[found.end() :])
    for head, of in numbered.items():
        if list(of) != [str(n) for n in range(len(of))]:
            raise MapError(
                f"{path.name}: {head} has the numbers {', '.join(of)}, in this order: wanted are 0, 1 and so on"
            )
        for number, keys in of.items():
            if lacks := set(of["0"]) ^ set(keys):
                one = min(lacks).removeprefix(".")
                raise MapError(f"{path.name}: {head}.0 and {head}.{number} are not alike: one has no {one}")
    hz = constants.get("HZ", {}).get("value")
    if hz is not None and hz not in (clocks := _clocks()):
        raise MapError(
            f"{path.name}: HZ = {hz} gives no clock of a card; wanted is one of {', '.join(map(str, clocks))}"
        )


def _clocks() -> list[int]:
    """Of the processor, that `hal/rp2` makes a card's clock of."""
    for node in ast.parse((BOARDS.parent / "hal" / "rp2.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CARD_CLOCKS":
            return list(ast.literal_eval(node.value))
    raise MapError("hal/rp2.py: there is no CARD_CLOCKS")


def _place(path: Path, text: str) -> tuple[str, str]:
    place, sep, pin = text.partition("=")
    if not sep:
        raise MapError(f"{path.name}: {text} is not PLACE=PIN")
    return place, pin


def python(made: PinMap) -> str:
    """pins.py."""
    groups: dict[str, dict[str, int | str]] = {}
    for wire in made.wires:
        if wire.to:
            name, _, key = wire.to.partition(".")
            groups.setdefault(name, {})[key] = made.value(wire.pin)
    lines = [f'"""{made.doc}"""', ""]
    comments: dict[str, str] = {}
    for name, row in made.constants.items():
        head, _, key = name.partition(".")
        comments[head] = row.get("comment", "")
        groups[head] = {key: row["value"], **groups.get(head, {})} if key else {"": row["value"]}
    order = [n for n in made.constants if n in groups and not n.startswith("BATTERY")]
    order += [n for n in groups if n not in order]
    for name in order:
        if name == "SLOTS":
            lines += [*([""] if lines[-1] else []), "SLOTS = (", *_slots(groups[name]), ")"]
            continue
        comment = f"  # {comments[name]}" if comments.get(name) else ""
        lines.append(f"{name} = {_plain(groups[name])}{comment}")
    return "\n".join(lines) + "\n" + (f"\n\n{made.code}" if made.code else "")


def _slots(values: dict[str, int | str]) -> list[str]:
    """Keys are `0.io` …; one line per slot."""
    slots: dict[str, dict[str, int | str]] = {}
    for key, value in values.items():
        number, _, name = key.partition(".")
        slots.setdefault(number, {})[name] = value
    return [f"    {_dict(slot)}," for slot in slots.values()]


def _plain(values: dict[str, int | str]) -> str:
    if set(values) == {""}:
        return _literal(values[""])
    if all(key.isdecimal() for key in values):
        return "(" + ", ".join(map(_literal, values.values())) + ")"
    return _dict(values)


def _dict(values: dict[str, int | str]) -> str:
    return "{" + ", ".join(f'"{key}": {_literal(value)}' for key, value in values.items()) + "}"


def _literal(value: int | str) -> str:
    if isinstance(value, int):
        return f"{value:_}" if value >= 1_000_000 else str(value)
    return f'"{value}"'


def table(made: PinMap) -> str:
    """The wiring table, a page."""
    lines = [
        f"# Wiring of {made.title}",
        "",
        f"Made from [`pins/{made.board}.toml`](../pins/{made.board}.toml) by `python hardware/pinmap.py --write`. {made.source}",
        "",
        f"![Wiring of {made.title}]({made.board}.svg)",
        "",
        "| place | pin | part | terminal |",
        "|---|---|---|---|",
    ]
    rank = {place: n for n, (place, _) in enumerate(made.left + made.right)}
    wires = sorted(made.wires, key=lambda w: rank[w.place])
    lines += [f"| {w.place} | {made.shown(w.pin)} | {w.part} | {w.at} |" for w in wires]
    sheet = HERE / "netlist" / f"{made.board}.md"
    between = "What stands between these pins and cards, keys, display and cell: "
    lines += [
        "",
        *([f"{between}[schematic](../netlist/{sheet.name}). Ground pads are joined."] if sheet.exists() else []),
        "Display: a 3.3 V module, because these pins do not bear 5 V.",
        "No board of ours has been wired yet.",
    ]
    return "\n".join(lines) + "\n"


_COLOURS = ("#b3541e", "#1e6fb3", "#2e8b57", "#7a4fa3", "#8a6d1d")
_ROW, _TOP, _WIDE, _EDGE = 26, 70, 1320, 530


def picture(made: PinMap) -> str:
    """The wiring picture: the board's pads as one sees them from above, each wire straight to its part."""
    rows = max(len(made.left), len(made.right))
    height = _TOP + rows * _ROW + 40
    parts = list(dict.fromkeys(w.part for w in made.wires))
    colour = {part: _COLOURS[n % len(_COLOURS)] for n, part in enumerate(parts)}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDE}" height="{height}" fill="white"/>',
        f'<text x="{_WIDE // 2}" y="30" text-anchor="middle" font-size="18">{escape(made.title)}, from above</text>',
        f'<rect x="{_EDGE}" y="{_TOP - 22}" width="{_WIDE - 2 * _EDGE}" height="{rows * _ROW + 16}" rx="8" fill="#f2f2ee" stroke="#333"/>',
    ]
    for pads, side in ((made.left, -1), (made.right, 1)):
        edge = _EDGE if side < 0 else _WIDE - _EDGE
        outward, inward = ("end", "start") if side < 0 else ("start", "end")
        for n, (place, pin) in enumerate(pads):
            y = _TOP + n * _ROW
            out.append(f'<circle cx="{edge}" cy="{y - 4}" r="5" fill="#d9c27a" stroke="#333"/>')
            label = pin if place == pin else f"{place}  {made.shown(pin)}"
            out.append(f'<text x="{edge - 12 * side}" y="{y}" text-anchor="{inward}">{escape(label)}</text>')
            here = [w for w in made.wires if w.place == place]
            if not here:
                continue
            end = edge + side * 70
            out.append(
                f'<line x1="{edge}" y1="{y - 4}" x2="{end}" y2="{y - 4}" stroke="{colour[here[0].part]}" stroke-width="2"/>'
            )
            x = end + 6 * side
            spans = "".join(
                f'<tspan fill="{colour[w.part]}">{", " if k else ""}{escape(f"{w.part} {w.at}")}</tspan>'
                for k, w in enumerate(here)
            )
            out.append(f'<text x="{x}" y="{y}" text-anchor="{outward}">{spans}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def outputs() -> dict[Path, str]:
    """Every generated file with its content; raises MapError."""
    made = [load(path) for path in sorted((HERE / "pins").glob("*.toml"))]
    found = {BOARDS / m.board / "pins.py": python(m) for m in made}
    found |= {HERE / "wiring" / f"{m.board}.md": table(m) for m in made}
    return found | {HERE / "wiring" / f"{m.board}.svg": picture(m) for m in made}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write what differs")
    mode.add_argument("--check", action="store_true", help="exit 1 when something differs")
    options = parser.parse_args(argv)
    try:
        stale = {path: text for path, text in outputs().items() if not path.exists() or path.read_text("utf-8") != text}
    except MapError as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in stale.items():
        shown = path.relative_to(HERE.parent)
        if options.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {shown}")
        else:
            print(f"{shown} is not what its pin map says: run python hardware/pinmap.py --write")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
