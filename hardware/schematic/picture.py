"""Two pictures of a board as SVG: its blocks round the controller, and the interface chip of slot 0 pin by pin."""

from __future__ import annotations

from html import escape

from .model import Board, Part
from .render import others, shown

_COLOURS = ("#b3541e", "#1e6fb3", "#2e8b57", "#7a4fa3", "#8a6d1d", "#a3324f")
_ROW = 20
_BOX = 330  # width of a block
_GAP = 210  # where the wires and their labels are
_CORE = 190


def _head(width: int, height: int, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(width // 2, 28, title, anchor="middle", size=18),
    ]


def _text(x: int, y: int, text: str, anchor: str = "start", size: int = 13, colour: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(text)}</text>'


def _rect(x: int, y: int, width: int, height: int, colour: str, fill: str = "#f6f6f2") -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def _line(x1: int, y1: int, x2: int, y2: int, colour: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="1.5"/>'


def _summary(parts: list[Part]) -> list[str]:
    """A block's parts as lines: chips and sockets by name, resistors and capacitors by number and value."""
    lines = [f"{p.ref}  {p.type}" for p in parts if not p.value]
    for letter, word in (("C", "capacitors"), ("R", "resistors")):
        values = [shown(p) for p in parts if p.value and p.type[0] == letter]
        if values:
            counted = [f"{values.count(v)} × {v}" for v in dict.fromkeys(values)]
            lines += [
                f"{word if n == 0 else ''} {', '.join(counted[n : n + 3])}".strip() for n in range(0, len(counted), 3)
            ]
    return lines


def blocks(board: Board) -> str:
    """Controller in the middle, a block per sheet, a wire per row of the pin map."""
    instances = list(dict.fromkeys(instance for _, _, instance, _ in board.wires))
    colour = {i: _COLOURS[n % len(_COLOURS)] for n, i in enumerate(instances)}
    sides = {-1: [i for i in instances if not i.startswith("slot")], 1: [i for i in instances if i.startswith("slot")]}
    left, right = 30 + _BOX + _GAP, 30 + _BOX + _GAP + _CORE
    width = right + _GAP + _BOX + 30
    drawn: list[str] = []
    bottom = 0
    for side, names in sides.items():
        y = 60
        for name in names:
            wires = [(wire, port) for wire, _, instance, port in board.wires if instance == name]
            lines = _summary([p for p in board.parts.values() if p.sheet == name])
            height = max(len(wires), len(lines) + 1) * _ROW + 26
            x = 30 if side < 0 else right + _GAP
            drawn.append(_rect(x, y, _BOX, height, colour[name]))
            drawn.append(_text(x + 14, y + 22, name, size=15, colour=colour[name]))
            drawn += [_text(x + 14, y + 22 + (n + 1) * _ROW, line) for n, line in enumerate(lines)]
            edge, core = (x + _BOX, left) if side < 0 else (x, right)
            for n, (wire, port) in enumerate(wires):
                at = y + 24 + n * _ROW
                drawn.append(_line(edge, at, core, at, colour[name]))
                drawn.append(_text((edge + core) // 2, at - 3, port, anchor="middle", size=11, colour=colour[name]))
                inward = ("start", core + 8) if side < 0 else ("end", core - 8)
                drawn.append(_text(inward[1], at + 4, board.pin_map.shown(wire.pin), anchor=inward[0], size=12))
            y += height + 24
        bottom = max(bottom, y)
    out = _head(width, bottom + 6, f"{board.title}: blocks and wires")
    out.append(_rect(left, 44, _CORE, bottom - 54, "#333", "#eef2f6"))
    out.append(_text((left + right) // 2, bottom - 22, "A1", anchor="middle", size=15))
    return "\n".join([*out, *drawn, "</svg>"]) + "\n"


def slot(board: Board) -> str:
    """The interface chip of slot 0: pins of the controller's side on the left, supplies and card on the right."""
    chip = board.parts["U101"]
    host = [p for p in chip.pins if (p.options.get("dom") == "VDD(INTF)" and p.name != "PRESN") or p.name == "XTAL2"]
    card = [p for p in chip.pins if p not in host]
    rows = max(len(host), len(card))
    width, left, right, top = 1280, 470, 660, 66
    height = top + rows * 28 + 40
    out = _head(width, height, f"{board.title}: U101 {chip.type} and what is round it (slot 1 likewise, 200 for 100)")
    out.append(_rect(left, top - 20, right - left, rows * 28 + 20, "#333", "#eef2f6"))
    out.append(_text((left + right) // 2, height - 24, "U101", anchor="middle", size=15))
    for pins, edge, side in ((host, left, -1), (card, right, 1)):
        for n, pin in enumerate(pins):
            y = top + n * 28
            net = chip.nets.get(pin.number)
            colour = (
                "#999" if net is None else "#333" if net == "GND" else "#b3541e" if net in board.supplies else "#1e6fb3"
            )
            anchor, inward = ("end", "start") if side < 0 else ("start", "end")
            out.append(_line(edge, y, edge + side * 44, y, colour))
            out.append(_text(edge - side * 8, y + 4, pin.name, anchor=inward))
            out.append(_text(edge + side * 22, y - 3, pin.number, anchor="middle", size=11))
            out.append(
                _text(
                    edge + side * 50, y + 4, _beyond(board, chip, net, pin.name), anchor=anchor, size=12, colour=colour
                )
            )
    return "\n".join([*out, "</svg>"]) + "\n"


def _beyond(board: Board, chip: Part, net: str | None, pin: str) -> str:
    """What a pin of the chip meets: the net, then its own small parts; for supplies only those that serve the pin."""
    if net is None:
        return "open"
    if net == "GND":
        return "GND"
    small = [p for p in board.parts.values() if p.serves == f"{chip.ref}.{pin}"]
    caps = ", ".join(f"{p.ref} {shown(p)} to {next((n for n in p.nets.values() if n != net), net)}" for p in small)
    if net in board.supplies and net in ("3V3", "VSYS", "5V"):
        return net + (f": {caps}" if caps else "")
    ends = others(board, chip, net).split(", ")
    ends = [end for end in ends if end not in {p.ref for p in small}]
    named = [f"{end} {shown(board.parts[end])}" if end in board.parts else end for end in ends]
    return f"{net}: " + ", ".join([*named, *([caps] if caps else [])])
