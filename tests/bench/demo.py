"""One simulated visit (`tournee demo`), run once; the rows read the summary.json that it leaves."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.registry import Unavailable, bench


@cache
def _summary(link: str) -> dict[str, Any]:
    """summary.json and `wall_s` of a demo over `link`; its options are those of `make demo`, with a fixed seed."""
    if importlib.util.find_spec("tournee.cli.demo") is None:
        raise Unavailable("there is no `tournee demo` in this tree")
    with tempfile.TemporaryDirectory(prefix="tb") as folder:
        command = [
            sys.executable,
            "-m",
            "tournee.cli",
            "demo",
            "--link",
            link,
            "--seed",
            "1",
            "--quiet",
            "--out",
            folder,
        ]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        summary: dict[str, Any] = json.loads(Path(folder, "summary.json").read_text(encoding="utf-8"))
    return summary | {"wall_s": wall_s}


def _read(link: str, key: str) -> float:
    value = _summary(link).get(key)
    if not value:
        raise Unavailable(f"summary.json has no {key}, or it is 0")
    return float(value)


@bench("demo", "wall time, ble", "s", better="lower")
def wall_ble() -> float:
    return _read("ble", "wall_s")


@bench("demo", "wall time, serial", "s", better="lower")
def wall_serial() -> float:
    return _read("serial", "wall_s")


@bench("demo", "APDUs per visit", "APDU", better="lower", reach=300)
def apdus() -> float:
    return _read("ble", "apdus")


@bench("demo", "round trips per visit", "round trips", better="lower", reach=60)
def round_trips() -> float:
    return _read("ble", "round_trips")


@bench("demo", "APDUs per round trip", "×", better="higher", reach=5)
def apdus_per_round_trip() -> float:
    return _read("ble", "apdus") / _read("ble", "round_trips")


@bench("demo", "bytes over the link per visit", "bytes", better="lower", reach=40_000)
def link_bytes() -> float:
    return _read("ble", "bytes")
