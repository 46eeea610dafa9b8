"""What `firmware/build.py` is made of: `debian` and `sources` get MicroPython, `files` lays out the firmware, `mps2` makes an image, `stock` one
without the firmware."""

from __future__ import annotations

from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent.parent
PACKAGE = FIRMWARE / "tournee_fw"
TOOLS = FIRMWARE.parent / ".tools"
"""Fetched sources and objects; never in the repository."""


class BuildError(Exception):
    """What stopped the build, and the one thing to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy
