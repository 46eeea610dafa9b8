"""NOEMIE: a return typed by hand both ways, control totals, unknown and damaged entities, the writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tournee.b2.errors import Problem
from tournee.b2.noemie import controle, cumul, ecrire, lire
from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.read import reconnaitre
from tournee.b2.records import noemie as n
from tournee.b2.twin import codec
from tournee_protocol.layouts import Field, Kind, load

_LINES = (Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt").read_text("ascii").splitlines()
_FILE = "".join(_LINES).encode("ascii")


def _keys(data: bytes) -> list[tuple[str, int, str, str, int]]:
    return [fault.key for lu in lire(data) for fault in lu.faults]


def test_hand_typed_return_both_ways() -> None:
    lus = list(lire(_FILE))
    assert [lu.made.record.type for lu in lus if lu.made] == [line[:3] for line in _LINES]
    assert _keys(_FILE) == []
    records = [lu.record for lu in lus]
    assert records[2] == n.Facture102(3, "000000001", "", "001", "250115", "F", "250115", "", "10")
    assert records[4] == n.PartAmo(4, 2800, "P", 2800, "P")
    assert records[6].code_rejet == "0250" and records[6].information == "0250-050" and records[6].numero_ligne == 1
    assert records[8] == n.EntiteControle(99, "RETOUR", 1, 2800, "P")
    for twin in (PyCodec(plan("noemie")), codec("noemie")):
        assert twin.decode(_FILE) == records
        assert twin.encode(records) == _FILE


def test_writer_counts_and_sums() -> None:
    records = [lu.record for lu in lire(_FILE)]
    debut, body = records[0], records[1:-2]
    assert isinstance(debut, n.DebutFichier)
    assert controle("RETOUR", body) == records[8]
    assert ecrire(debut, [*body, controle("RETOUR", body)]) == _FILE
    owed = n.PartAmo(4, 2800, "P", 3000, "N")
    assert cumul([*body, owed]) == -200
    made = ecrire(debut, [*body, owed, controle("X", [*body, owed])])
    assert _keys(made) == [] and made[-128:][96:97] == b"N"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (b"00000002800P@", b"00000002900P@", ("total", 9, "990", "cumul", 31)),
        (b"00000001000000028", b"00000002000000028", ("count", 9, "990", "compteur", 23)),
        (b"00000010T", b"00000011T", ("count", 10, "999", "nombre_enregistrements", 56)),
        (b"00000002800P ", b"00000002900P ", ("total", 10, "999", "cumul", 86)),
        (b"19804", b"198x4", ("characters", 5, "198", "niveau_rupture", 4)),
    ],
)
def test_control_totals_are_verified(old: bytes, new: bytes, key: tuple[str, int, str, str, int]) -> None:
    assert old in _FILE
    assert key in _keys(_FILE.replace(old, new, 1))


def test_unknown_entity_is_skipped_and_reported() -> None:
    data = _FILE.replace(b"29505", b"21205ENTITE INCONNUE@29505").replace(b"00000010T", b"00000011T")
    assert _keys(data) == [("unknown_record", 8, "", "", 0)]
    assert [lu.made.record.type for lu in lire(data) if lu.made] == [line[:3] for line in _LINES]


def test_damaged_entities_leave_the_rest_readable() -> None:
    short = _FILE.replace(b"COMMENTAIRE    ", b"COMMENTAIRE", 1)
    assert ("terminator", 8, "295", "", 0) in _keys(short)
    assert [lu.record for lu in lire(short)][8] == n.EntiteControle(99, "RETOUR", 1, 2800, "P")
    assert Problem.TRUNCATED.value in {key[0] for key in _keys(_FILE[:-1])}
    assert Problem.UNKNOWN_RECORD.value in {key[0] for key in _keys(_FILE[:150] + b"no entity, no end")}


def test_every_entity_of_the_table_has_its_public_size() -> None:
    sizes = {
        "000": 128, "010": 14, "020": 21, "040": 21, "070": 12, "071": 86, "080": 15, "081": 22, "100": 15, "102": 40, "103": 152,
        "110": 88, "120": 57, "150": 8, "160": 23, "198": 24, "199": 49, "210": 118, "220": 118, "250": 47, "261": 19, "262": 134,
        "290": 98, "294": 153, "295": 135, "990": 43, "999": 128,
    }  # fmt: skip
    assert {r.type: r.size for r in load("noemie").records} == sizes


def _any_value(field: Field) -> Any:
    if field.values:
        return field.values[0][0] if field.kind is not Kind.N else int(field.values[0][0])
    return {Kind.N: 1, Kind.D: "1" * field.len, Kind.I: "A" * field.len, Kind.A: "X"}[field.kind]


@pytest.mark.parametrize("reference", ["576", "580", "900", "572", "531", "908"])
def test_a_return_of_each_reference_with_every_entity(reference: str) -> None:
    """Written with its totals, recognised by its head, read back without a fault by both twins."""
    debut = next(lire(_FILE)).record
    assert isinstance(debut, n.DebutFichier)
    body = [
        made.cls(*map(_any_value, made.record.valued))
        for made in plan("noemie").records
        if made.record.type not in ("000", "990", "999")
    ]
    data = ecrire(debut._replace(reference=reference), [*body, controle("RETOUR", body)])
    assert reconnaitre(data) == "noemie"
    lus = list(lire(data))
    assert [fault.key for lu in lus for fault in lu.faults] == []
    assert lus[0].record.reference == reference
    assert [lu.record for lu in lus[1:-2]] == body == PyCodec(plan("noemie")).decode(data)[1:-2]


def test_a_code_outside_its_list_is_named() -> None:
    data = _FILE.replace(b"1980400002800P", b"1980400002800Z", 1)
    assert data != _FILE
    assert ("value", 5, "198") in {key[:3] for key in _keys(data)}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_line_ends_are_told_once_and_read(end: bytes) -> None:
    data = b"".join(lu.text.encode() + end for lu in lire(_FILE))
    assert _keys(data) == [("separator", 1, "", "", 129)]
    assert [lu.record for lu in lire(data)] == [lu.record for lu in lire(_FILE)]
