"""`python -m hardware.schematic --write | --check`: rules first, then the files made from the design."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hardware.pinmap import MapError

from . import bom, picture, render, rules
from .model import HERE, DesignError, Texts, board

OUT = HERE.parent / "netlist"


def outputs(texts: Texts) -> dict[Path, str]:
    """Every file made from the design with its content."""
    found = {HERE.parent / "BOM.md": bom.page(bom.read(), texts)}
    for name in texts.sheets["boards"]:
        made = board(texts, name)
        found |= {
            OUT / f"{name}.net": render.netlist(made),
            OUT / f"{name}.md": render.page(made, texts),
            OUT / f"{name}.svg": picture.blocks(made),
            OUT / f"{name}-slot.svg": picture.slot(made),
        }
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hardware.schematic", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="check the rules, then write what differs")
    mode.add_argument("--check", action="store_true", help="check the rules; exit 1 for a fault or a file that differs")
    options = parser.parse_args(argv)
    try:
        texts = Texts.read()
        boards = [board(texts, name) for name in texts.sheets["boards"]]
        faults = [f"{made.name}: {fault}" for made in boards for fault in rules.check(made)]
        faults += map(str, bom.check(bom.read(), boards))
        stale = (
            {}
            if faults
            else {p: text for p, text in outputs(texts).items() if not p.exists() or p.read_text("utf-8") != text}
        )
    except (DesignError, MapError) as error:
        print(error, file=sys.stderr)
        return 2
    for fault in faults:
        print(fault)
    for path, text in stale.items():
        shown = path.relative_to(HERE.parent.parent)
        if options.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {shown}")
        else:
            print(f"{shown} is not what the design says: run python -m hardware.schematic --write")
    return 1 if faults or (stale and options.check) else 0


if __name__ == "__main__":
    sys.exit(main())
