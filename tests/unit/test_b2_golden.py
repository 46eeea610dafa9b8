"""Bytes typed by hand from the norm against both twins, both ways: an error in a table shows here."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee_protocol.layouts import load
from tournee_sim.pytest_plugin import need

_GOLDEN = Path(__file__).resolve().parents[1] / "golden"
_ROWS: list[dict[str, Any]] = tomllib.loads((_GOLDEN / "b2_records.toml").read_text("utf-8"))["record"]


@pytest.fixture(params=["python", "c"])
def make(request: pytest.FixtureRequest) -> Any:
    if request.param == "python":
        return lambda name: PyCodec(plan(name))
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    return lambda name: CCodec(plan(name))


def _typed(row: dict[str, Any]) -> bytes:
    line = [" "] * 128
    for position, text in row["at"].items():
        start = int(position) - 1
        assert line[start : start + len(text)] == [" "] * len(text), f"{position} overlaps or goes beyond 128"
        line[start : start + len(text)] = text
    return "".join(line).encode("ascii")


@pytest.mark.parametrize("row", _ROWS, ids=lambda r: f"{r['profile']}-{r['class']}")
def test_hand_typed_record(row: dict[str, Any], make: Any) -> None:
    module = importlib.import_module(f"tournee.b2.records.{row['profile'].replace('-', '_')}")
    record = getattr(module, row["class"])(**row["values"])
    codec = make(row["profile"])
    assert codec.encode([record]) == _typed(row)
    assert codec.decode(_typed(row)) == [record]


@pytest.mark.parametrize("profile", ["b2-cp", "sv-sim-1"])
def test_every_record_has_a_hand_typed_one(profile: str) -> None:
    assert {r["class"] for r in _ROWS if r["profile"] == profile} == {r.name for r in load(profile).records}


def test_worked_sample_both_ways(make: Any) -> None:
    lines = (_GOLDEN / "b2_cp_sample.txt").read_text("ascii").splitlines()
    assert all(len(line) == 128 for line in lines)
    sample = "".join(lines).encode("ascii")
    codec = make("b2-cp")
    records = codec.decode(sample)
    assert [type(r).__name__ for r in records] == [
        "DebutFichier",
        "EnTeteLot",
        "EnTeteFacture",
        "PrestationHospitaliere",
        "PrestationHospitaliere",
        "FinFacture",
        "FinLot",
        "FinFichier",
    ]
    assert (records[3].prix_unitaire, records[5].total_amo_ph, records[6].total_facture) == (12345, 24690, 24690)
    assert (records[2].nir_assure, records[2].date_naissance) == ("1850599006084", "850512")
    assert records[-1].nombre_enregistrements == len(lines)
    assert codec.encode(records) == sample
