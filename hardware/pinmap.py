#!/usr/bin/env python3
"""Pin maps: `python hardware/pinmap.py --write | --check`.

`hardware/pins/<BOARD>.toml` is the only place where a wire is written down. From it come the firmware's `pins.py`, the wiring table
and the wiring picture in `hardware/wiring/`.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BOARDS = HERE.parent / "firmware" / "tournee_fw" / "boards"
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


def load(path: Path) -> PinMap:
    """Raises MapError."""
    raw = tomllib.loads(path.read_text("utf-8"))
    left, right = ([_place(path, text) for text in raw[side].split()] for side in ("left", "right"))
    places = dict(left + right)
    if len(places) != len(left) + len(right):
        raise MapError(f"{path.name}: a place stands twice")
    wires: list[Wire] = []
    for n, row in enumerate(raw["wire"], 1):
        where = f"{path.name}, wire {n} ({row['part']} {row['at']})"
        pin = row["pin"]
        place = next((p for p, name in places.items() if name == pin), None)
        if place is None:
            raise MapError(f"{where}: the connectors have no {pin}")
        if pin in SUPPLIES or pin in raw["reserved"]:
            raise MapError(f"{where}: {pin} is not free")
        if taken := next((w for w in wires if w.pin == pin), None):
            raise MapError(f"{where}: {pin} goes to {taken.part} {taken.at} already")
        wires.append(Wire(place, pin, row["part"], row["at"], row.get("to", "")))
    for n, row in enumerate(raw["supply"], 1):
        if places.get(row["place"]) not in SUPPLIES:
            raise MapError(f"{path.name}, supply {n} ({row['part']} {row['at']}): place {row['place']} is no supply")
        wires.append(Wire(row["place"], places[row["place"]], row["part"], row["at"]))
    rest = (raw["title"], raw["doc"], raw["source"], raw["prefix"], tuple(left), tuple(right), tuple(wires))
    return PinMap(path.stem, *rest, raw["constants"], raw.get("code", {}).get("text", ""))


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
            lines += ["", "SLOTS = (", *_slots(groups[name]), ")"]
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
    lines += [
        "",
        f"What stands between these pins and cards, keys, display and cell: [schematic](../netlist/{made.board}.md). Ground pads are joined.",
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
