"""E7: the GIL is released while a file is scanned and while columns are encoded."""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.b2_cases import JOUR, signee
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.b2.plan import plan
from tournee_protocol.layouts import Kind
from tournee_sim.pytest_plugin import need

_TRIES = 500


@pytest.fixture
def no_switching() -> Iterator[None]:
    """A thread keeps the GIL until it gives it away."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(before)


def _runs_beside(call: Callable[[], object]) -> bool:
    """True when another thread ran while `call` did."""
    begun, ended = threading.Event(), False

    def work() -> None:
        nonlocal ended
        begun.set()
        call()
        ended = True

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    beside = not ended
    thread.join()
    return beside


def _codec() -> Any:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    return CCodec(plan("sv-sim-1"))


def test_the_probe_sees_a_call_that_keeps_the_gil(no_switching: None) -> None:
    codec = _codec()
    data = fichier_bytes(
        Fichier(
            identification="F00001", date_creation=JOUR, lots=(Lot(numero_lot=1, date_lot=JOUR, factures=(signee(),)),)
        )
    )
    assert not any(_runs_beside(lambda: codec.decode(data)) for _ in range(20))


def test_a_scan_lets_other_threads_run(no_switching: None) -> None:
    codec = _codec()
    lots = tuple(
        Lot(numero_lot=n, date_lot=JOUR, factures=tuple(signee(20 * n + i) for i in range(20))) for n in range(1, 200)
    )
    data = fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots))
    assert any(_runs_beside(lambda: codec.scan(data)) for _ in range(_TRIES))


def test_columns_let_other_threads_run(no_switching: None) -> None:
    codec = _codec()
    made = next(r for r in plan("sv-sim-1").records if r.record.type == "5")
    count = 100_000
    columns = [
        array("q", [7]) * count if field.kind is Kind.N else b"1" * field.len * count for field in made.record.valued
    ]
    assert any(_runs_beside(lambda: codec.encode_columns(made.index, columns, count)) for _ in range(_TRIES))
