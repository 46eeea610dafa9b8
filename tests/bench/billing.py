"""The billing engine beside a fixed calibration loop: microseconds as on a machine that runs 10⁷ turns of that loop in 1 s."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from functools import cache

from tests.bench.registry import bench
from tests.bench.timing import ratio
from tests.unit.billing_cases import bill, rights
from tournee.billing import Act, Bill, evaluate

_DAY = date(2026, 3, 2)
_TURNS = 20_000  # 2 ms of the calibrated machine
_TABLE = {n: n * 31 for n in range(8)}


def _loop() -> None:
    """The calibration: one dict lookup, one addition, one modulo a turn, as rules do; an empty loop says nothing of them."""
    total = 0
    for n in range(_TURNS):
        total = (total + _TABLE[n & 7]) % 1_000_003


def _us(made: Bill, runs: int) -> float:
    """Calibrated microseconds of one evaluation."""
    card = rights()
    if evaluate(made, card, today=date(2026, 11, 21)).status != "valid":
        raise AssertionError("the benchmarked bill must be valid")

    def work() -> None:
        for _ in range(runs):
            evaluate(made, card, today=date(2026, 11, 21))

    return ratio(work, _loop, rounds=25) * 2_000 / runs


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
    return _us(bill(day=_DAY), 20)


@bench("billing", "complex bill (20 days, 80 lines)", "µs", better="lower")
def complex_bill() -> float:
    return _us(_series(20), 4)


@bench("billing", "growth per line, 320 lines over 80", "×", better="lower", reach=1.5)
def growth() -> float:
    return _us(_series(80), 2) / _us(_series(20), 4) / 4


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
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(5)
    ]
    return min(float(r.stdout) for r in runs)
