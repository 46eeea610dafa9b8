#!/usr/bin/env python3
"""Runs the HAL conformance suite on a board over its REPL: `python firmware/conform.py --board RPI_PICO_W [--port PORT] [--pull]`.

The board has stock MicroPython and the firmware's files (`tournee flash`); nothing is left on it. Put a card into each slot first. The report
goes to standard output; the exit code is 0 when no check failed, 4 when one did or the board does not answer.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKS = HERE / "conformance" / "checks.py"
_END = re.compile(r"^CONFORMANCE \d+ OK, \d+ SKIPPED, (\d+) FAILED", re.MULTILINE)
TIMEOUT_S = 300


_INSTALLED = """import sys
try:
    with open("tournee/current") as file:
        sys.path.insert(0, "tournee/" + file.read().split()[0])
except OSError:
    pass
"""


def script(board: str, *, pull: bool = False, only: str = "") -> str:
    """What the board runs: the checks, then the board's own `board(name, transports)` without its REPL's line."""
    start = f"from tournee_fw.boards.{board}.main import board\nrun(board('conformance', []), {pull}, only={only!r})\n"
    return f"{_INSTALLED}{CHECKS.read_text('utf-8')}\n{start}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the HAL conformance suite on a board over its REPL.")
    parser.add_argument(
        "--board", required=True, help="folder of tournee_fw/boards whose main.py has board(name, transports)"
    )
    parser.add_argument(
        "--port", default="auto", help="serial port of the board (default: the first that mpremote finds)"
    )
    parser.add_argument("--pull", action="store_true", help="also ask for each card to be pulled and put back")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the checks whose name has TEXT")
    parser.add_argument("--show", action="store_true", help="print what would run on the board, and run nothing")
    options = parser.parse_args(argv)
    if not (HERE / "tournee_fw" / "boards" / options.board / "main.py").is_file():
        parser.error(f"no board {options.board}: tournee_fw/boards has no such folder with a main.py")
    installed = script(options.board, pull=options.pull, only=options.only)
    if options.show:
        print(installed)
        return 0
    mpremote = shutil.which("mpremote") or str(Path(sys.executable).with_name("mpremote"))
    if not Path(mpremote).exists():
        print("conform.py: no mpremote\n→ pip install mpremote", file=sys.stderr)
        return 4
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as file:
        file.write(installed)
        file.flush()
        command = [mpremote, *([] if options.port == "auto" else ["connect", options.port]), "run", file.name]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            print(f"conform.py: no end after {TIMEOUT_S} s\n→ reset the board and try again", file=sys.stderr)
            return 4
        except KeyboardInterrupt:
            return 130
    print(done.stdout, end="")
    end = _END.search(done.stdout)
    if end is None:
        print("conform.py: the suite did not end\n→ is the firmware on the board? tournee flash", file=sys.stderr)
        return 4
    return 4 if int(end[1]) else 0


if __name__ == "__main__":
    sys.exit(main())
