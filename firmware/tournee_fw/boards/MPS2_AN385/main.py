"""The terminal on a Cortex-M3 (QEMU): frozen into the image by `firmware/build.py`, started over the REPL of UART 0."""

import gc
import sys

import machine

from tournee_fw.app import Terminal
from tournee_fw.hal.mps2 import Mps2Board

from .ramdisk import mount


def run(name: str, manifest: str, reader: str = "", healthy=None) -> None:
    """Until UART 0 goes to the REPL; what else ends it is said there and ends QEMU.

    `manifest`: hash of the firmware files; `reader`: the serial CCID reader on UART 4 (`ccid.READERS`), or none.
    """
    try:
        mount()
        terminal = Terminal(Mps2Board(reader), name, manifest)
        gc.collect()
        terminal.run(healthy)
        return
    except Exception as error:
        print("\n*** terminal ended")
        sys.print_exception(error)
    machine.reset()  # type: ignore[attr-defined] (the unix port, whose stubs are read, has none)
