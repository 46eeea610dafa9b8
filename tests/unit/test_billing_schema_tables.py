"""Every table of the engine follows docs/schemas/tables.json; a wrong table names its row and what to do."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tournee.billing import tables as module
from tournee.billing.errors import TableError
from tournee.billing.tables import dated_rows, tables

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "host/tournee/billing/data"
FILES = sorted(f.stem for f in DATA.glob("*.toml"))
SCHEMA = json.loads((ROOT / "docs/schemas/tables.json").read_text(encoding="utf-8"))


@cache
def _validator(name: str) -> Any:
    schema = {**SCHEMA["properties"][name], "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def _documents(name: str) -> Iterator[Any]:
    document = tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))
    if name == "questions":
        yield from document["question"]
    elif name == "feries":
        yield document
    else:
        assert set(document) == {"groupe"}
        for group in document["groupe"]:
            yield from ({k: v for k, v in group.items() if k != "rows"} | row for row in group["rows"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def test_the_schema_knows_exactly_the_files_there_are() -> None:
    assert set(FILES) == set(SCHEMA["properties"])


@pytest.mark.parametrize("name", FILES)
def test_each_table_follows_its_schema(name: str) -> None:
    documents = [_plain(d) for d in _documents(name)]
    assert documents
    for document in documents:
        _validator(name).validate(document)


@pytest.mark.parametrize(
    "change",
    [{"cents": 0}, {"cents": "2500"}, {"zone": "lune"}, {"source": ""}, {"confidence": "X"}, {"couleur": "bleu"}],
)
def test_the_schema_refuses_a_wrong_row(change: dict[str, Any]) -> None:
    row = _plain(next(_documents("tarifs_medecin")))
    _validator("tarifs_medecin").validate(row)
    with pytest.raises(jsonschema.ValidationError):
        _validator("tarifs_medecin").validate(row | change)


@pytest.mark.parametrize(
    "rows",
    [
        '{ code = "G", source = "" , confidence = "H" }',
        '{ code = "G", source = "s", confidence = "X" }',
        '{ code = "G", source = "s", confidence = "H", valid_from = 2025-01-02, valid_to = 2025-01-01 }',
        '{ source = "s", confidence = "H" }',
        '{ code = "G", confidence = "H" }',
    ],
)
def test_a_wrong_row_is_named_when_the_tables_are_read(monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    monkeypatch.setattr(module, "read", lambda name: tomllib.loads(f"[[groupe]]\nrows = [{rows}]"))
    with pytest.raises(TableError) as caught:
        list(dated_rows("tarifs_medecin", ("code",)))
    assert "tarifs_medecin.toml, ligne 1" in caught.value.what and caught.value.remedy


def test_names_that_tables_give_each_other_exist() -> None:
    t = tables()
    assert {nom for row in t.modes.values() for nom in row["suites"]} <= set(t.suites)
    letters = {code for _, _, code in t.tarifs}
    assert {row.data["code"] for rows in t.maxima.values() for row in rows} <= letters
    acts = {(r.data["profession"], r.data["ref"]) for rows in t.actes.values() for r in rows}
    for (profession, _), rows in t.maxima.items():
        assert {(profession, ref) for r in rows for ref in r.data.get("refs", ())} <= acts
    assert set(t.wider.values()) <= set(t.zones.values())
    assert {p["profession"] for p in t.professions.values()} == {p for p, _, _ in t.tarifs}
    assert {code for r, a, b in t.incompatibles for code in a | b} - letters <= {"MCC"}


def test_both_zones_have_rows_for_each_visiting_profession() -> None:
    metropole = {p for p, zone, _ in tables().tarifs if zone == "metropole"}
    drom = {p for p, zone, _ in tables().tarifs if zone == "drom"}
    assert metropole - drom <= {
        "specialiste",
        "pediatre",
        "neurologue",
        "psychiatre",
        "gynecologue_medical",
        "orthoptiste",
    }
