"""What is written from a board: a netlist that KiCad reads, and pages for people. Nothing in them depends on the day or the machine."""

from __future__ import annotations

from .model import Board, Part, Texts


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def netlist(board: Board) -> str:
    """S-expressions, version E, as KiCad's board editor imports them. [SPEC KiCad file formats, netlist: high]"""
    lines = [
        '(export (version "E")',
        f"  (design (source {_quoted('hardware/schematic/sheets.toml, hardware/pins/' + board.name + '.toml')}))",
        "  (components",
    ]
    lines += [f"    (comp (ref {_quoted(p.ref)}) (value {_quoted(shown(p))}))" for p in board.parts.values()]
    lines += ["  )", "  (nets"]
    for code, (net, pins) in enumerate(sorted(board.nets.items()), 1):
        lines.append(f"    (net (code {_quoted(str(code))}) (name {_quoted(net)})")
        lines += [f"      (node (ref {_quoted(part.ref)}) (pin {_quoted(pin.number)}))" for part, pin in pins]
        lines[-1] += ")"
    return "\n".join([*lines, "  )", ")"]) + "\n"


def shown(part: Part) -> str:
    """A part's value for people: 100n, 10k, or its type."""
    return part.type[1:] if part.value else part.type


def others(board: Board, part: Part, net: str) -> str:
    """Where a net leads from a part; how far only, when it is a rail."""
    ends = list(
        dict.fromkeys(f"{p.ref} {q.name}" if len(p.pins) > 2 else p.ref for p, q in board.nets[net] if p is not part)
    )
    return f"{len(ends)} pins" if len(ends) > 8 else ", ".join(ends)


def page(board: Board, texts: Texts) -> str:
    """Every part with its pins, sheet by sheet."""
    name = board.name
    lines = [
        f"# Schematic of {board.title}",
        "",
        f"Made by `python -m hardware.schematic --write` from [parts](../schematic/library.toml), [sheets](../schematic/sheets.toml) "
        f"and the [pin map](../pins/{name}.toml); the rules of",
        f"[rules.py](../schematic/rules.py) hold. For a board editor: [{name}.net]({name}.net). {len(board.parts)} parts, "
        f"{len(board.nets)} nets. Nothing of it has met copper yet.",
        "",
        f"![Blocks of {board.title}]({name}.svg)",
        "",
        f"![Slot 0 of {board.title}]({name}-slot.svg)",
    ]
    sheets = {"board": "Board", **{i: _title(texts, board, i) for i in texts.sheets["boards"][name]["sheets"]}}
    for sheet, title in sheets.items():
        parts = [p for p in board.parts.values() if p.sheet == sheet]
        lines += ["", f"## {title}"]
        for part in (p for p in parts if not p.value):
            row = texts.library.get(part.type) or texts.library["mcu"][part.type]
            lines += [
                "",
                f"**{part.ref}** {part.type}: {row.get('function', board.title)}. [{row['source']}: {row['confidence']}]",
            ]
            lines += [f"⚠ {row['unsure']}"] if "unsure" in row else []
            lines += ["", "| pin | name | net | leads to |", "|---|---|---|---|"]
            for pin in part.pins:
                net = part.nets.get(pin.number)
                lines.append(
                    f"| {pin.number} | {pin.name} | {net or '–'} | {others(board, part, net) if net else 'open'} |"
                )
        small = [p for p in parts if p.value]
        if small:
            lines += ["", "| part | value | from | to | beside |", "|---|---|---|---|---|"]
            lines += [
                f"| {p.ref} | {shown(p)} | {p.nets['1']} | {p.nets['2']} | {p.serves.replace('.', ' ')} |"
                for p in small
            ]
    return "\n".join(lines) + "\n"


def _title(texts: Texts, board: Board, instance: str) -> str:
    title: str = texts.sheets["sheet"][texts.sheets["boards"][board.name]["sheets"][instance]]["title"]
    return title.format(n=instance.split()[-1])
