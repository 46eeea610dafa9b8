"""Ratios of times: the measured and its baseline take turns, the best of each counts, so that a busy machine disturbs both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

ROUNDS = 9


def ratio(numerator: Callable[[], object], denominator: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Best time of `numerator` over best time of `denominator`, dimensionless."""
    numerator()
    denominator()
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, call in enumerate((numerator, denominator)):
            gc.collect()
            gc.disable()
            start = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - start)
            gc.enable()
    return best[0] / best[1]
