"""The terminal on a Raspberry Pi Pico W: `run(name, manifest)` is what the board's main.py calls."""

from tournee_fw.hal import picoboard

from . import pins


def run(name: str, manifest: str, healthy=None) -> None:
    """Until its line goes to the REPL; `healthy` is called once this version has come up."""
    picoboard.run("RPI_PICO_W", pins, name, manifest, healthy)


def board(name: str, transports=None):
    """The board alone; without `transports` its own."""
    return picoboard.board("RPI_PICO_W", pins, name, transports)
