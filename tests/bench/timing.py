"""Ratios of CPU times: the measured and its baseline take turns, the best of each counts, so that a busy machine disturbs both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

TURNS_PER_SECOND = 10_000_000
"""What `turns` does in a second on the calibrated machine: a figure "calibrated" is that of such a machine."""
ROUNDS = 15
_STEADY_S = 0.003


def turns(count: int) -> int:
    """The calibration: a `for` loop that adds, nothing else, the pace of this machine's Python."""
    total = 0
    for n in range(count):
        total += n
    return total


def ratio(numerator: Callable[[], object], denominator: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Best time of `numerator` over best time of `denominator`, dimensionless."""
    numerator()
    denominator()
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, call in enumerate((numerator, denominator)):
            gc.collect()
            gc.disable()
            start = time.thread_time()
            call()
            best[i] = min(best[i], time.thread_time() - start)
            gc.enable()
    return best[0] / best[1]


def steady_ratio(
    numerator: Callable[[], object],
    denominator: Callable[[], object],
    rounds: int = ROUNDS,
    *,
    steady_s: float = _STEADY_S,
) -> float:
    """As `ratio`, each call repeated for `steady_s` per round: memory is warm, as it is for who encodes block after block. Many
    short rounds find the moments that a busy machine leaves alone.
    """
    counts = [_repeats(numerator, steady_s), _repeats(denominator, steady_s)]
    best = [float("inf"), float("inf")]
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for i, call in enumerate((numerator, denominator)):
                start = time.thread_time()
                for _ in range(counts[i]):
                    call()
                best[i] = min(best[i], (time.thread_time() - start) / counts[i])
    finally:
        gc.enable()
    return best[0] / best[1]


def _repeats(call: Callable[[], object], steady_s: float) -> int:
    call()
    start = time.thread_time()
    call()
    return max(1, int(steady_s / max(time.thread_time() - start, 1e-9)))
