"""The terminal on YOUR BOARD: copy this folder, rename it, and fill in `hal.py` (docs/PORTING.md).

`run(name, manifest)` is what the board's main.py calls; `board(name, transports)` is what the conformance suite calls.
"""

import gc

from tournee_fw.hal.wired import wired_and_radio

from . import pins
from .hal import TemplateBoard


def run(name: str, manifest: str, healthy=None) -> None:
    """Until its line goes to the REPL; `healthy` is called once this version has come up."""
    from tournee_fw.app import Terminal

    terminal = Terminal(board(name), name, manifest)
    gc.collect()
    terminal.run(healthy)


def board(name: str, transports=None):
    """The board alone; without `transports` its own."""
    return TemplateBoard("TEMPLATE", pins, wired_and_radio(name) if transports is None else transports)
