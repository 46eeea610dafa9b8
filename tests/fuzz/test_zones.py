"""Any zone comes back as it went; any bytes give groups or a ZoneError, never anything else."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tournee_protocol import zones
from tournee_protocol.zones import Group, ZoneError

FIELDS = st.text(st.characters(max_codepoint=127), max_size=40)
GROUPS = st.builds(Group, st.integers(1, 0xFFFF), st.lists(FIELDS, max_size=25).map(tuple))


@given(st.lists(GROUPS, max_size=8), st.integers(0, 40))
def test_round_trip(groups: list[Group], padding: int) -> None:
    zone = zones.encode(groups)
    assert zones.decode(zone) == tuple(groups)
    assert zones.decode(zone + bytes(padding), padded=True) == tuple(groups)
    zones.check(groups)


@settings(max_examples=500)
@given(st.binary(max_size=300), st.booleans())
def test_hostile_bytes(data: bytes, padded: bool) -> None:
    with contextlib.suppress(ZoneError):
        zones.check(zones.decode(data, padded=padded))


@given(st.lists(GROUPS, min_size=1, max_size=4), st.data())
def test_a_cut_zone_is_never_taken_for_a_longer_one(groups: list[Group], data: st.DataObject) -> None:
    zone = zones.encode(groups)
    cut = data.draw(st.integers(0, len(zone) - 1))
    with contextlib.suppress(ZoneError):
        assert len(zones.decode(zone[:cut])) < len(groups)
