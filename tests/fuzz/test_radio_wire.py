"""Any bytes from a firmware process end in values or in WireError."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tournee_sim.radio import wire

_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=40) | st.binary(max_size=300)
_values = st.lists(st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=12), max_size=6)


@given(st.binary(max_size=400))
def test_hostile_bytes(body: bytes) -> None:
    try:
        items = wire.decode(body)
    except wire.WireError:
        return
    assert wire.decode(wire.encode(items)[2:]) == items


@given(_values)
def test_round_trip(values: list[object]) -> None:
    assert wire.decode(wire.encode(values)[2:], depth=12) == values
