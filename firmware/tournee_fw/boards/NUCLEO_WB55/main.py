"""The terminal on a NUCLEO-WB55: `run(name, manifest)` is what the board's main.py calls."""

from tournee_fw.hal import stm32

from . import pins


def run(name: str, manifest: str, healthy=None) -> None:
    """Until its line goes to the REPL; `healthy` is called once this version has come up."""
    stm32.run("NUCLEO_WB55", pins, name, manifest, healthy)


def board(name: str, transports=None):
    """The board alone; without `transports` its own."""
    return stm32.board("NUCLEO_WB55", pins, name, transports)
