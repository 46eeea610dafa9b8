"""A file found right without keeping its records: format, order, counters, totals, repeated fields. Reads a view of a `mmap` as well."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Protocol, cast

from tournee.b2.check import Controle
from tournee.b2.lu import Lu
from tournee.b2.plan import Plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import DEFAULT_PROFILE, codec

Octets = bytes | bytearray | memoryview


class Scanner(Protocol):
    """What the C twin has beside the interface of both."""

    plan: Plan

    def scan(self, data: Octets) -> tuple[int, ...]: ...


def scan(data: Octets, profile: str = DEFAULT_PROFILE) -> Counter[str]:
    """Records of each type; raises B2Error at the first fault. Lists of codes and unique numbers are `check.Controle`'s."""
    twin = codec(profile)
    return scan_python(twin, data) if isinstance(twin, PyCodec) else scan_quick(cast("Scanner", twin), data)


def scan_quick(twin: Scanner, data: Octets) -> Counter[str]:
    """By the C twin."""
    return Counter({r.record.type: n for r, n in zip(twin.plan.records, twin.scan(data), strict=True) if n})


def scan_python(twin: PyCodec, data: Octets) -> Counter[str]:
    """What the C twin's scan must do."""
    controle = Controle(twin.plan, codes=False)
    counts: Counter[str] = Counter()
    lu: Lu | None = None
    with closing(twin.records(data)) as records:  # a fault's traceback must not hold a `mmap` open
        for number, (made, text, record) in enumerate(records, 1):
            lu = Lu(number, text, made, record)
            controle.prendre(lu)
            _raise(lu)
            counts[made.record.type] += 1
    if lu is not None:
        controle.terminer(lu)
        _raise(lu)
    return counts


def _raise(lu: Lu) -> None:
    if lu.faults:
        raise lu.faults[0]
