"""Pictures of the documentation: `python -m tests.tools.picture demo docs/pictures/demo.svg` plays the demo and draws what it printed.

`python -m tests.tools.picture b2 docs/pictures/b2_show.svg`: `tournee b2 show` on a fictitious bill of which two fields are wrong.

The drawing loads nothing from elsewhere: system fonts, no script.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def draw(argv: list[str], title: str, target: Path, columns: int = COLUMNS) -> int:
    """Runs `tournee …` with colours and writes the SVG; the command's exit code."""
    env = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(columns), "TTY_INTERACTIVE": "0"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tournee.cli", *argv]
        done = subprocess.run(command, env=env, cwd=folder, stdout=subprocess.PIPE, check=False)
    console = Console(record=True, width=columns, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text.from_ansi(done.stdout.decode()))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(console.export_svg(title=title, code_format=_FORMAT, unique_id="tournee"), encoding="utf-8")
    return done.returncode


def draw_b2(target: Path) -> int:
    """`b2 show` on a file whose line has a letter in an amount and whose end does not add up."""
    from tests.unit.b2_cases import JOUR, signee
    from tournee.b2.files import fichier_bytes
    from tournee.b2.model import Fichier, Lot

    lot = Lot(numero_lot=1, date_lot=JOUR, factures=(signee(1),))
    data = bytearray(fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=(lot,))))
    data[4 * 128 + 107] = ord("O")
    data[6 * 128 + 72] = ord("9")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "F00001.b2")
        path.write_bytes(data)
        types = [part for type_ in ("1", "2", "4", "5") for part in ("--type", type_)]
        return draw(
            ["b2", "show", str(path), "--tolerant", *types], "tournee b2 show F00001.b2 --tolerant", target, 150
        )


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("demo", "b2"):
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "b2":
        return draw_b2(Path(sys.argv[2]))
    return draw(["demo", "--out", "out/demo"], "tournee demo", Path(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(main())
