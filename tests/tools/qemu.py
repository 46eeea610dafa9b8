"""The image of the board `qemu`, built once per run."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from tournee_sim.pytest_plugin import need

ROOT = Path(__file__).resolve().parents[2]


def builder() -> ModuleType:
    """`firmware/build.py` as a module."""
    spec = importlib.util.spec_from_file_location("firmware_build", ROOT / "firmware" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _built() -> tuple[Path | None, str]:
    build = builder()
    try:
        return build.build("MPS2_AN385", None, 1), ""
    except build.BuildError as error:
        return None, f"{error} → {error.remedy}"


def image() -> Path:
    """Of the firmware as it stands; the test is skipped where it cannot be made or run."""
    need("qemu")
    path, reason = _built()
    need("qemu", path is not None, reason)
    assert path is not None
    return path
