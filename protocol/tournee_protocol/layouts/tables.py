"""Tables beside the layouts: code lists and destination rules (`_codes.toml`), lot rules (`_lots.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def codes() -> dict[str, Any]:
    return _read("_codes.toml")


@cache
def lot_rules(profile: str) -> dict[str, Any]:
    """Rules of a profile; KeyError when it has none."""
    rules: dict[str, Any] = _read("_lots.toml")[profile]
    return rules


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / name).read_text("utf-8"))
