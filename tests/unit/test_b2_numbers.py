"""Numbers already seen: the same answers as a set, in little memory however they come."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tournee.b2.numbers import Numbers

_numbers = st.integers(0, 200_000) | st.integers(0, 10**9 - 1)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), _numbers), max_size=300))
def test_the_answers_of_a_set(rows: list[tuple[str, int]]) -> None:
    numbers, known = Numbers(), set()
    for row in rows:
        assert numbers.add(list(row)) is (row not in known)
        known.add(row)


def test_a_page_that_fills_up_forgets_nothing() -> None:
    numbers, rng = Numbers(), Random(1)
    order = rng.sample(range(65_536), 10_000)
    assert all(numbers.add([n]) for n in order)
    assert not any(numbers.add([n]) for n in order)
    assert numbers.add([next(n for n in range(65_536) if n not in set(order))])


@pytest.mark.parametrize("kind", ["sequential", "scattered"])
def test_memory_of_a_million(kind: str) -> None:
    """E9: 10 MB at most between 10 000 and 1 000 000 bills."""
    rng = Random(2)
    order = range(1_000_000) if kind == "sequential" else rng.sample(range(10**9), 1_000_000)
    numbers = Numbers()
    tracemalloc.start()
    try:
        for count, number in enumerate(order):
            if count == 10_000:
                first = tracemalloc.get_traced_memory()[0]
            numbers.add([number])
        assert tracemalloc.get_traced_memory()[0] - first <= 10_000_000
    finally:
        tracemalloc.stop()
