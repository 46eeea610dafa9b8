"""The billing engine beside a fixed calibration loop (`timing.turns`): microseconds as on a machine that runs 10⁷ turns in 1 s."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from functools import cache

from tests.bench.registry import bench
from tests.bench.timing import TURNS_PER_SECOND, steady_ratio, turns
from tests.unit.billing_cases import bill, rights
from tournee.billing import Act, Bill, evaluate

_DAY = date(2026, 3, 2)
_TURNS = 10_000


def _us(made: Bill, runs: int, rounds: int) -> float:
    """Calibrated microseconds of one evaluation."""
    card = rights()
    if evaluate(made, card, today=date(2026, 11, 21)).status != "valid":
        raise AssertionError("the benchmarked bill must be valid")

    def work() -> None:
        for _ in range(runs):
            evaluate(made, card, today=date(2026, 11, 21))

    calibrated_us = _TURNS / TURNS_PER_SECOND * 1_000_000
    return steady_ratio(work, lambda: turns(_TURNS), rounds=rounds, steady_s=0.001) * calibrated_us / runs


@cache
def _series(days: int) -> Bill:
    """A nurse's series: one dressing and one injection a day."""
    acts = []
    for n in range(days):
        day = _DAY + timedelta(days=n)
        acts += [Act("AMI", reference="pansement-lourd", date=day), Act("AMI", reference="injection", date=day)]
    return bill(
        {
            "accident_tiers": False,
            "nature_assurance": "maladie",
            "lieu": "domicile",
            "actes": acts,
            "majoration_imperative": True,
            "prescripteur": "991129768",
            "prescription_date": "2026-03-01",
            "tiers_payant": "amo",
        },
        day=_DAY,
        specialite="24",
    )


@bench("billing", "simple bill (GP's visit)", "µs", better="lower", reach=250)
def simple() -> float:
    return _us(bill(day=_DAY), 10, 600)


@bench("billing", "complex bill (20 days, 80 lines)", "µs", better="lower")
def complex_bill() -> float:
    return _us(_series(20), 1, 60)


@bench("billing", "growth per line, 320 lines over 80", "×", better="lower", reach=1.5)
def growth() -> float:
    return _us(_series(80), 1, 30) / _us(_series(20), 1, 60) / 4


@bench("billing", "import of the engine with its tables", "ms", better="lower", reach=150)
def imported() -> float:
    """Processor time in a fresh interpreter that measures itself; the best of twelve."""
    program = (
        "import time\n"
        "start = time.process_time()\n"
        "import tournee.billing; from tournee.billing.tables import tables; tables()\n"
        "print((time.process_time() - start) * 1000)\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(12)
    ]
    return min(float(r.stdout) for r in runs)
