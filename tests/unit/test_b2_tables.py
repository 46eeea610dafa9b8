"""Tables are data: a new record needs no code; a table that contradicts itself is refused; texts are folded by rule."""

from __future__ import annotations

import tomllib
from collections import namedtuple
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.b2_cases import facture
from tournee.b2.errors import B2Error
from tournee.b2.facture import facture_records
from tournee.b2.folding import Pli, plier, plier_facture
from tournee.b2.plan import make_plan, plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import encode
from tournee_protocol.layouts import LayoutError, generate, load, profile_names
from tournee_protocol.layouts.loader import parse
from tournee_sim.pytest_plugin import need

_TABLE = (resources.files("tournee_protocol.layouts") / "sv_sim_1.toml").read_text("utf-8")

_NEW = """
[[record]]
type = "8"
name = "Commentaire"
meaning = "commentaire d'essai"
source = "test"
confidence = "weak"
field = [
  { pos = 1, len = 1, kind = "C", const = "8", meaning = "type" },
  { pos = 2, len = 9, kind = "N", name = "numero", meaning = "numéro" },
  { pos = 11, len = 3, kind = "D", name = "code", blank = true, meaning = "code" },
  { pos = 14, len = 115, kind = "A", name = "texte", default = "", meaning = "texte" },
]
"""


@pytest.mark.parametrize("twin", ["python", "c"])
def test_a_new_record_needs_only_its_table(twin: str) -> None:
    profile = parse(tomllib.loads(_TABLE + _NEW), "sv-sim-1")
    commentaire: Any = namedtuple("Commentaire", ["numero", "code", "texte"])
    made = make_plan(profile, (*(r.cls for r in plan("sv-sim-1").records), commentaire))
    if twin == "c":
        need("ctwin")
        from tournee.b2.ctwin import CCodec

        codec: Any = CCodec(made)
    else:
        codec = PyCodec(made)
    records = [*facture_records(facture()), commentaire(42, None, "BONJOUR")]
    data = codec.encode(records)
    assert data[-128:] == b"8000000042   BONJOUR".ljust(128)
    assert codec.decode(data) == records
    with pytest.raises(B2Error) as caught:
        codec.encode([commentaire(42, None, "x" * 116)])
    assert caught.value.key == ("overflow", 1, "8", "texte", 14)
    assert "class Commentaire(NamedTuple):" in generate.module(profile)
    assert "| 14 | 115 | A | `texte` ⚠ |" in generate.document([profile])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pos = 4, len = 2,", "pos = 5, len = 2,", "begins at 5"),
        ("pos = 92, len = 37,", "pos = 92, len = 36,", "127 bytes instead of 128"),
        ('confidence = "high"', 'confidence = "sure"', "confidence 'sure'"),
        ('name = "EnTeteLot"', 'name = "DebutFichier"', "two records with one name"),
        ('field = "total_amo"', 'field = "total_omo"', "5.total_omo"),
        ('const = "SV01"', 'const = "SV-SIM"', "does not fit"),
        ("default = 0, meaning", 'default = "0", meaning', "is not of kind N"),
        ("unit = ", "units = ", "unknown key units"),
    ],
)
def test_a_wrong_table_is_refused(old: str, new: str, said: str) -> None:
    assert old in _TABLE
    with pytest.raises(LayoutError, match=said):
        parse(tomllib.loads(_TABLE.replace(old, new, 1)), "sv-sim-1")


def test_unknown_layout_names_the_known() -> None:
    with pytest.raises(LayoutError, match="sv-sim-1"):
        load("sv-sim-9")


@pytest.mark.parametrize("name", profile_names())
def test_every_row_has_meaning_source_confidence(name: str) -> None:
    for record in load(name).records:
        for field in record.fields:
            assert field.meaning and field.source and field.confidence, (name, record.type, field.pos)


def test_classes_that_do_not_fit_the_table_are_refused() -> None:
    classes = tuple(r.cls for r in plan("sv-sim-1").records)
    with pytest.raises(TypeError, match="not made from this table"):
        make_plan(load("sv-sim-1"), (classes[1], classes[0], *classes[2:]))


def test_the_c_twin_takes_only_tuples_as_records() -> None:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    known = plan("sv-sim-1")
    foreign = type("Foreign", (), {"_fields": known.records[-1].cls._fields})
    with pytest.raises(TypeError, match="NamedTuple"):
        CCodec(make_plan(known.profile, (*(r.cls for r in known.records[:-1]), foreign)))


def test_accents_are_folded_and_listed() -> None:
    text, plis = plier("Cœur d’Émilie", "nom")
    assert text == "Coeur d'Emilie"
    assert plis == [Pli("nom", 2, "œ", "oe"), Pli("nom", 7, "’", "'"), Pli("nom", 8, "É", "E")]
    assert plier("é", capitales=True)[0] == "E"
    bill, found = plier_facture(facture(nom_emetteur="DOCTEUR FÉE"))
    assert bill.nom_emetteur == "DOCTEUR FEE" and [p.champ for p in found] == ["nom_emetteur"]
    assert plier_facture(facture()) == (facture(), [])


def test_what_has_no_rule_is_refused_by_name_and_not_dropped() -> None:
    text, plis = plier("１Жé")
    assert text == "１Жe" and len(plis) == 1
    with pytest.raises(B2Error) as caught:
        encode(facture_records(facture(zone_ik="Ж")))
    assert caught.value.field == "zone_ik"


@given(st.text())
def test_folding_never_loses_a_character(text: str) -> None:
    folded, plis = plier(text)
    assert len(folded) >= len(plis) and plier(folded)[0] == folded
    if text.isascii():
        assert (folded, plis) == (text, [])
