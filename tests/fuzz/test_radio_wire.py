"""Any bytes from a firmware process end in values or in WireError."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tournee_sim.radio.mpy import tagged

_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=40) | st.binary(max_size=300)
_values = st.lists(st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=12), max_size=6)


def read_back(values: list[object]) -> list[object]:
    data = tagged.encode(values)
    return tagged.decode(data, 2, len(data), depth=12)


@given(st.binary(max_size=400))
def test_hostile_bytes(body: bytes) -> None:
    try:
        items = tagged.decode(body, 0, len(body))
    except tagged.WireError:
        return
    assert read_back(items) == items


@given(_values)
def test_round_trip(values: list[object]) -> None:
    assert read_back(values) == values
