"""The terminal on a Raspberry Pi Pico W: `run(name, manifest)` is what the board's main.py calls."""

from tournee_fw.hal import picoboard

from . import pins


def run(name: str, manifest: str) -> None:
    """Until something ends it."""
    picoboard.run("RPI_PICO_W", pins, name, manifest)
