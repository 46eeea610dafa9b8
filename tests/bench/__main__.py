"""`python -m tests.bench [--area X] [--out FILE] [--list]`: exit 0; 3 when a row does not reach its value, 2 for a wrong area, 1 when one broke."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.registry import Row, areas, benches, document


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--area", action="append", help="only this area; may be repeated")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), help="JSON file to write")
    parser.add_argument("--list", action="store_true", help="name the rows without measuring")
    options = parser.parse_args(argv)
    console = Console(highlight=False)
    chosen = {key: b for key, b in benches().items() if not options.area or b.area in options.area}
    unknown = set(options.area or ()) - set(areas())
    if unknown:
        console.print(f"bench: no area {', '.join(sorted(unknown))}; there are: {', '.join(areas())}", style="red")
        return 2
    if options.list:
        console.print("\n".join(chosen))
        return 0
    rows = []
    with console.status("") as status:
        for key, item in chosen.items():
            status.update(f"measuring {key}")
            rows.append(item.run())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document(rows), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(table(rows))
    console.print(f"{len(rows)} rows → {options.out}")
    for note in dict.fromkeys(row.note for row in rows if row.note):
        console.print(f"- {note}", style="yellow", markup=False)
    missed = [row for row in rows if row.ok is False and row.value is not None]
    for row in missed:
        console.print(
            f"not reached: {row.area}/{row.name}: {row.value:g} {row.unit}, should be {_reach(row)}", style="red"
        )
    if any(row.ok is False and row.value is None for row in rows):
        return 1
    return 3 if missed else 0


def _reach(row: Row) -> str:
    if row.reach is None:
        return ""
    return f"{'≤' if row.better == 'lower' else '≥'} {row.reach:g}"


def table(rows: list[Row]) -> Table:
    result = Table("area", "name", "value", "unit", "reach", "", title="Tournée benchmarks")
    result.columns[2].justify = "right"
    for row in rows:
        value = "-" if row.value is None else f"{row.value:,.4g}" if abs(row.value) < 1000 else f"{row.value:,.0f}"
        mark = {True: "ok", False: "[red]not reached[/]", None: ""}[row.ok]
        if row.note:
            mark = "[red]failed[/]" if row.ok is False else "[yellow]not measured[/]"
        result.add_row(row.area, row.name, value, row.unit, _reach(row), mark)
    return result


if __name__ == "__main__":
    sys.exit(main())
