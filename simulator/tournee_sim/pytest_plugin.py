"""pytest plugin of the simulator: `need()`, which skips with a reason or, under TOURNEE_REQUIRE, fails. Imports nothing heavy."""

from __future__ import annotations

import os

import pytest


def required() -> frozenset[str]:
    """Capabilities that `TOURNEE_REQUIRE=a,b` turns from a skip into a failure."""
    return frozenset(filter(None, os.environ.get("TOURNEE_REQUIRE", "").split(",")))


def need(capability: str, available: bool, remedy: str) -> None:
    """Skip the running test unless `available`; fail instead when the capability is required."""
    if available:
        return
    reason = f"needs {capability}: {remedy}"
    if capability in required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
