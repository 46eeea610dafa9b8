"""Long streams of valid files, from bills to bytes, each scanned again: time stays linear, memory constant.

LONG=1 measures 5·10⁶ bills instead of 10⁵ (ten minutes); figures of the last long run stand in docs/BENCHMARKS.md. A machine that others
use is now quick, now slow: between the lots of each file small files are made, always the same, and what counts is the time of the file over theirs.
"""

from __future__ import annotations

import mmap
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from tests.bench.registry import bench

_LOT, _LOTS_PER_FILE = 20, 500
_LOTS_BESIDE, _BESIDE_EACH = 10, 25  # lots of a small file; lots after which one is made
_FEW = _LOT * _LOTS_PER_FILE
_MANY = 5_000_000 if os.environ.get("LONG", "0") not in ("", "0") else 100_000


@bench("files", f"E20 CPU time per bill, last third of {_MANY} over first", "×", better="lower", reach=1.1)
def linear() -> float:
    times, beside, _ = _run()
    shares = [a / b for a, b in zip(times, beside, strict=True)]
    third = len(shares) // 3
    return statistics.median(shares[-third:]) / statistics.median(shares[:third])


@bench("files", f"E9 resident growth, {_FEW} to {_MANY} bills", "MB", better="lower", reach=10.0)
def resident_growth() -> float:
    return _run()[2]


@bench("files", "bills per CPU second, made, written, scanned", "1/s")
def throughput() -> float:
    return _MANY / sum(_run()[0])


@cache
def _run() -> tuple[list[float], list[float], float]:
    """CPU seconds of each file of the stream and of the small files beside it, growth of the resident set behind the first file in MB."""
    _file(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, beside = [], []
    for first in range(0, _MANY, _FEW):
        small = 0.0

        def one_beside() -> None:
            nonlocal small
            start = time.process_time()
            _file(0, _LOTS_BESIDE)
            small += time.process_time() - start

        start = time.process_time()
        _file(first, between=one_beside)
        times.append(time.process_time() - start - small)
        beside.append(small)
    return times, beside, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _file(first: int, lots: int = _LOTS_PER_FILE, between: Callable[[], None] | None = None) -> None:
    from tests.unit.b2_cases import signature, signee
    from tournee.b2.files import fichier_records
    from tournee.b2.lots import lot_records
    from tournee.b2.model import Fichier, Lot
    from tournee.b2.scan import scan
    from tournee.b2.stream import Ecrivain

    day = date(2025, 1, 15)

    def lot(number: int) -> Any:
        start = first + number * _LOT + 1
        return Lot(
            numero_lot=number + 1,
            date_lot=day,
            factures=tuple(signee(n) for n in range(start, start + _LOT)),
            signatures=(signature(),),
        )

    debut = fichier_records(Fichier(identification=f"F{first // _FEW:05d}", date_creation=day, lots=(lot(0),)))[0]
    with tempfile.TemporaryFile() as out:
        writer = Ecrivain(out, debut)
        for number in range(lots):
            writer.ecrire(lot_records(lot(number)))
            if between and number % _BESIDE_EACH == 0:
                between()
        count = writer.fermer()
        out.flush()
        with mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            if scan(view).total() != count:
                raise AssertionError("the scan does not count what was written")
