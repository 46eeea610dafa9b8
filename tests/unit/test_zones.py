"""Zone encoding: the public bytes, both length forms, errors that name their place."""

from __future__ import annotations

import pytest

from tournee_protocol import zones
from tournee_protocol.zones import Group, ZoneError


def test_bytes_of_a_group_as_in_the_public_dump() -> None:
    """`00 65 LL` then length-prefixed ASCII, an empty field is 00 [IMPL MDT]."""
    zone = zones.encode([Group(101, ("0", "", "01"))])
    assert zone == bytes.fromhex("0065 06 0130 00 023031")
    assert zones.decode(zone) == (Group(101, ("0", "", "01")),)


@pytest.mark.parametrize(("size", "header"), [(126, "7F"), (127, "8180"), (254, "81FF")])
def test_length_forms(size: int, header: str) -> None:
    zone = zones.encode([Group(104, ("x" * size,))])
    assert zone[2 : 2 + len(header) // 2] == bytes.fromhex(header)
    assert zones.decode(zone)[0].field(1) == "x" * size


def test_length_above_255_takes_two_bytes() -> None:
    group = Group(104, ("a" * 200, "b" * 200))
    zone = zones.encode([group])
    assert zone[2:5] == bytes.fromhex("82 0192")
    assert zones.decode(zone) == (group,)


def test_fields_by_name() -> None:
    group = zones.make(101, regime="01", caisse="991", nir="")
    assert group.fields == ("",) * 9 + ("01", "991")
    assert group.get("caisse") == "991"
    assert group.get("centre") == ""
    assert group.named()["regime"] == "01"
    assert Group(9999, ("a",)).named() == {"champ_1": "a"}
    with pytest.raises(KeyError, match="couleur"):
        zones.make(101, couleur="bleu")


def test_padding_only_where_it_is_expected() -> None:
    zone = zones.encode([Group(105, ("20240101",))])
    assert zones.decode(zone + bytes(20), padded=True) == zones.decode(zone)
    with pytest.raises(ZoneError, match=f"byte {len(zone)}"):
        zones.decode(zone + bytes(20))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("0065", "byte 0"),
        ("000001 00", "byte 0"),
        ("0065 05 0130", "byte 0"),
        ("0065 02 05 31", "byte 3, group 101, field 1"),
        ("0065 02 01 E9", "byte 3, group 101, field 1"),
        ("0065 80", "byte 2, group 101"),
        ("0065 83 000001 00", "byte 2, group 101"),
        ("0065 82 01", "byte 2, group 101"),
    ],
)
def test_bad_bytes_name_their_place(data: str, place: str) -> None:
    with pytest.raises(ZoneError) as caught:
        zones.decode(bytes.fromhex(data))
    assert caught.value.place == place
    assert caught.value.remedy


def test_values_that_do_not_fit() -> None:
    for group in (Group(0, ()), Group(65536, ()), Group(104, ("é",)), Group(104, ("x" * 256,))):
        with pytest.raises(ZoneError, match=f"group {group.id}"):
            zones.encode([group])
    with pytest.raises(ZoneError, match="at most 65535"):
        zones.encode([Group(104, ("x" * 255,) * 257)])


def test_dictionary_check() -> None:
    assert zones.check([zones.make(101, regime="01"), zones.make(104, nom="X"), zones.make(104, nom="Y")]) == ()
    found = zones.check([Group(1, ()), Group(1, ()), Group(102, ("",) * 4), Group(9999, ())])
    assert [f.place for f in found] == ["group 1", "group 9999", "group 102, field 4"]


def test_dictionary_rows_carry_source_and_confidence() -> None:
    rows = zones.groups_by_id().values()
    assert {1, 2, 12, 13, 14, 93, *range(101, 110), 111, 1110, 1130, 1321, 1410} <= {row.id for row in rows}
    assert all(row.source and row.confidence in "HML" for row in rows)
    assert all(len({f.name for f in row.fields}) == len(row.fields) for row in rows)
    assert zones.spec(2).number("habilitation_lot") == 21
    assert zones.spec(104).number("ruf_amo") == 18
    assert zones.spec(109).number("services") == 12
