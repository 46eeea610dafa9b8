"""Parts list: `hardware/bom.toml` says what to buy, the netlist says how many; both must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from hardware import pinmap

from .model import HERE, Board, Texts, board
from .rules import Fault

PATH = HERE.parent / "bom.toml"
FIELDS = {"id", "maker", "part", "package", "qty", "alternates", "source", "confidence"}
CONFIDENCE = ("high", "medium", "none")


def read() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pinmap.toml(PATH).get("row", [])
    return rows


def check(rows: list[dict[str, Any]], boards: list[Board]) -> Iterator[Fault]:
    """Every part of a netlist in the right number, no row without a part, every row filled in."""
    known: set[str] = set()
    for row in rows:
        if set(row) != FIELDS or row["confidence"] not in CONFIDENCE or not all(row.values()):
            yield Fault(
                "bom",
                row.get("id", "?"),
                f"wants {', '.join(sorted(FIELDS))}, and a confidence of {', '.join(CONFIDENCE)}",
            )
        if row["id"] in known:
            yield Fault("bom", row["id"], "has two rows")
        known.add(row["id"])
    for made in boards:
        counted = Counter(part.bom for part in made.parts.values())
        listed = {row["id"]: row["qty"][made.name] for row in rows if made.name in row["qty"]}
        for name in sorted(set(counted) | set(listed)):
            if counted[name] != listed.get(name, 0):
                yield Fault(
                    "bom", f"{made.name} {name}", f"{counted[name]} in the netlist, {listed.get(name, 0)} in the list"
                )


def page(rows: list[dict[str, Any]], texts: Texts) -> str:
    """BOM.md."""
    boards = [board(texts, name) for name in texts.sheets["boards"]]
    refs = {
        b.name: {row["id"]: [p.ref for p in b.parts.values() if p.bom == row["id"]] for row in rows} for b in boards
    }
    lines = [
        "# Parts list",
        "",
        "Made by `python -m hardware.schematic --write` from [bom.toml](bom.toml); numbers of parts are compared with the netlists. An order",
        "number is **high** when it was seen in a maker's or a seller's text, **medium** when it is remembered or follows the maker's scheme,",
        "**none** when only a requirement is stated. Stock, price and life cycle of none of them were looked up, and none has been bought.",
        "",
        "| part | maker, order number | confidence | package | "
        + " | ".join(b.title for b in boards)
        + " | references | alternates | source |",
        "|---|---|---|---|" + "---|" * len(boards) + "---|---|---|",
    ]
    for row in rows:
        place = next((refs[b.name][row["id"]] for b in boards if refs[b.name][row["id"]]), [])
        counts = " | ".join(str(row["qty"].get(b.name, "–")) for b in boards)
        lines.append(
            f"| {row['id']} | {row['maker']}: {row['part']} | {row['confidence']} | {row['package']} | {counts} "
            f"| {', '.join(place)} | {row['alternates']} | {row['source']} |"
        )
    return "\n".join(lines) + "\n"
