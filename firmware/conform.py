#!/usr/bin/env python3
"""Runs the HAL conformance suite on a board over its REPL: `python firmware/conform.py --board RPI_PICO_W [--port PORT] [--pull]`.

The board has stock MicroPython and the firmware's files (`tournee flash`); nothing is left on it. Put a card into each slot first. The report
goes to standard output; the exit code is 0 when no check failed, 4 when one did or the board does not answer.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "host"), str(HERE.parent / "protocol"), str(HERE)]
try:
    from tournee.errors import TourneeError
    from tournee.flash.adapters import board, serialports
    from tournee.flash.adapters.serialports import Port
    from tournee.flash.errors import FlashError
except ImportError as missing:
    print(
        f"conform.py: {missing.name} is not installed\n→ pip install 'tournee[flash]' (make setup has it)",
        file=sys.stderr,
    )
    sys.exit(4)

CHECKS = HERE / "conformance" / "checks.py"
_END = re.compile(r"^CONFORMANCE (\d+) OK, (\d+) SKIPPED, (\d+) FAILED", re.MULTILINE)
_FIND_S = 10.0  # the board may still be starting
_SILENT_S = 90  # a check that asks for a card waits 30 s


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
    parser.add_argument("--port", default="auto", help="serial port of the board (default: the only one there is)")
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
    try:
        said = run(serialports.the_one() if options.port == "auto" else serialports.named(options.port), installed)
    except TourneeError as error:
        print(f"conform.py: {error}\n→ {error.remedy}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    end = _END.search(said)
    if end is None:
        print("conform.py: the suite did not end\n→ reset the board and try again", file=sys.stderr)
        return 4
    if not any(map(int, end.groups())):
        print(f"conform.py: no check's name has {options.only!r}\n→ leave --only out to see all names", file=sys.stderr)
        return 4
    return 4 if int(end[3]) else 0


def run(port: Port, program: str) -> str:
    """What the board printed, shown as it comes; however it ends, the board starts again with a heap without the suite."""
    said, out = bytearray(), sys.stdout  # the latter is taken away from what mpremote prints

    def printed(piece: bytes) -> None:
        said.extend(piece.replace(b"\x04", b""))
        out.write(piece.replace(b"\x04", b"").decode("utf-8", "replace"))
        out.flush()

    line = board.opened(port, _FIND_S)
    try:
        line.run(program, _SILENT_S, printed)
    finally:
        with contextlib.suppress(FlashError):
            line.reset()
        line.close()
    return said.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main())
