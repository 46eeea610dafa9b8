"""The simulated radio: a timed Bluetooth LE air, an HCI hub and the radio of a simulated terminal.

`hub.AirHub` gives every HCI client (a host, a terminal) its own virtual controller on one `air.Air`; `host.RadioHost` is the
peripheral's Bluetooth stack (Bumble GATT server) behind the `bluetooth` module of a real MicroPython (`mpy/bluetooth.py`).
Importing this package loads nothing heavy; its modules need the extra `[sim]` (Bumble).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

SHIM_DIR: Final = Path(__file__).parent / "mpy"
"""Folder to put first in MICROPYPATH (keep `.frozen` in that path): it holds the `bluetooth` module."""

_bumble = logging.getLogger("bumble")
if _bumble.level == logging.NOTSET:  # its warnings go to whoever sets a level, not to a person's console
    _bumble.setLevel(logging.CRITICAL)
