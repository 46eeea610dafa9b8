"""The terminal on a NUCLEO-WB55: `run(name, manifest)` is what the board's main.py calls."""

from tournee_fw.hal import stm32

from . import pins


def run(name: str, manifest: str) -> None:
    """Until something ends it."""
    stm32.run("NUCLEO_WB55", pins, name, manifest)
