"""The image of the board `qemu`, built once per run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from building import BuildError, mps2
from tournee_sim.pytest_plugin import need


@cache
def _built() -> tuple[Path | None, str]:
    try:
        return mps2.build("MPS2_AN385", None, 1), ""
    except BuildError as error:
        return None, f"{error} → {error.remedy}"


def image() -> Path:
    """Of the firmware as it stands; the test is skipped where it cannot be made or run."""
    need("qemu")
    path, reason = _built()
    need("qemu", path is not None, reason)
    assert path is not None
    return path
