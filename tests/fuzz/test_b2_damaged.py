"""One change to a right file: reading never fails, says so or reads what was there, and all that lies far from it is still read."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.test_b2_twins import _file
from tournee.b2.check import Controle
from tournee.b2.errors import B2Error
from tournee.b2.read import ouvrir
from tournee.b2.twin import decode

_PROFILES = ("sv-sim-1", "b2-cp", "noemie")
_LOST = 2
"""Records that one change may cost: that where it is, and by bad luck its neighbour."""
_FOREIGN = b"\x00\x1a\x7f\xa0\xe9\xff"


@cache
def _right(profile: str, ends: bytes) -> tuple[bytes, list[Any]]:
    data = _file(profile)
    records = decode(data, profile)
    if not ends:
        return data, records
    if profile == "noemie":
        return data[:128] + ends + data[128:].replace(b"@", b"@" + ends), records
    return ends.join(data[i : i + 128] for i in range(0, len(data), 128)), records


@st.composite
def _changed(draw: st.DrawFn, whole: bytes) -> tuple[str, bytes]:
    at = draw(st.integers(0, len(whole) - 1))
    kind = draw(st.sampled_from(["removed", "added", "replaced", "foreign", "end", "cut"]))
    byte = bytes([draw(st.integers(0, 255))])
    return kind, {
        "removed": whole[:at] + whole[at + 1 :],
        "added": whole[:at] + byte + whole[at:],
        "replaced": whole[:at] + byte + whole[at + 1 :],
        "foreign": whole[:at] + bytes([draw(st.sampled_from(_FOREIGN))]) + whole[at + 1 :],
        "end": whole[:at] + draw(st.sampled_from([b"\n", b"\r\n", b"\r"])) + whole[at:],
        "cut": whole[:at],
    }[kind]


@pytest.mark.parametrize("profile", _PROFILES)
@pytest.mark.parametrize("ends", [b"", b"\n", b"\r\n"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_one_change_costs_few_records(profile: str, ends: bytes, data: st.DataObject) -> None:
    whole, records = _right(profile, ends)
    kind, changed = data.draw(_changed(whole))
    if not changed.strip(b"\r\n"):
        with pytest.raises(B2Error):
            ouvrir(io.BytesIO(changed), profile)
        return
    found = ouvrir(io.BytesIO(changed), profile)
    lus = list(Controle(found.plan).lire(found))
    read = [lu.record for lu in lus if lu.record is not None]
    faults = [*found.faults, *(f for lu in lus for f in lu.faults)]
    # A permitted character in the place of another makes another right record.
    assert faults or read == records or kind == "replaced"
    told = {f.record_number for f in faults}
    if kind == "cut":
        kept = max(len(changed) // (128 + len(ends)) - 1, 0) if profile != "noemie" else 0
        assert read[:kept] == records[:kept]
        return
    before = next(
        (i for i, (a, b) in enumerate(zip(read, records, strict=False)) if a != b), min(len(read), len(records))
    )
    behind = next(
        (i for i, (a, b) in enumerate(zip(read[::-1], records[::-1], strict=False)) if a != b),
        min(len(read), len(records)),
    )
    assert before + behind >= len(records) - _LOST, (kind, told)
