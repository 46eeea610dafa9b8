"""The MicroPython image that the bench boots: the one that RP2_UF2 names, else Debian's sources of the port rp2, built once."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from tournee.flash import fileset
from tournee.flash.adapters import cross
from tournee_sim.pytest_plugin import need

FIRMWARE = Path(__file__).resolve().parents[3] / "firmware"
VARIABLE = "RP2_UF2"


@cache
def image() -> Path:
    if named := os.environ.get(VARIABLE):
        return Path(named)
    need("qemu")  # the compilers
    if str(FIRMWARE) not in sys.path:
        sys.path.append(str(FIRMWARE))
    from building import BuildError, stock

    try:
        return stock.build()
    except BuildError as error:
        need("stock_image", False, f"{error} → {error.remedy}")
        raise


@cache
def firmware() -> fileset.FileSet:
    """What `tournee flash` lays on the board. The image has no radio, which the firmware finds out by itself."""
    return fileset.make("RPI_PICO_W", cross.compiled)
