"""How soon the command answers: processes started, against an empty Python."""

from __future__ import annotations

import subprocess
import sys

from tests.bench.registry import bench
from tests.bench.timing import ratio

_EMPTY = [sys.executable, "-c", "pass"]
_HELP = [sys.executable, "-m", "tournee.cli", "--help"]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


@bench("start", "tournee --help over an empty Python", "×", better="lower")
def help_over_empty() -> float:
    return ratio(lambda: _run(_HELP), lambda: _run(_EMPTY), rounds=5)


@bench("start", "tournee --help", "s", better="lower", reach=0.3)
def help_s() -> float:
    import time

    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        _run(_HELP)
        best = min(best, time.perf_counter() - start)
    return best
