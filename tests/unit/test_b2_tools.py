"""`tournee b2 encode|decode|split|merge|diff|stats` and `tournee noemie`: what a person sees, exit codes, nothing half written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import rich.progress
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.errors import B2Error
from tournee.b2.files import fichier_bytes
from tournee.b2.jsonl import de_json, vers_json
from tournee.b2.model import Fichier, Lot
from tournee.b2.plan import plan
from tournee.b2.twin import decode
from tournee.cli import b2_reading
from tournee.cli.app import tree
from tournee.cli.errors import run_guarded

_NOEMIE = Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run_guarded(tree, [str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def good(tmp_path: Path) -> Path:
    lots = tuple(
        Lot(numero_lot=n, date_lot=JOUR, factures=(signee(n), signee(10 + n)), signatures=(signature(),))
        for n in (1, 2, 3)
    )
    path = tmp_path / "good.b2"
    path.write_bytes(fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots)))
    return path


def test_decode_and_encode_give_the_same_bytes(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("b2", "decode", good)
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[0]["type"] == "000" and rows[4]["values"]["code_acte"] == "VG"
    lines = tmp_path / "lines.jsonl"
    lines.write_text(out, "utf-8")
    made = tmp_path / "made.b2"
    code, _, err = run("b2", "encode", lines, "-o", made)
    assert code == 0 and made.read_bytes() == good.read_bytes() and f"{len(rows)} enregistrements" in err


def test_encode_writes_nothing_when_a_line_is_wrong(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lines, made = tmp_path / "lines.jsonl", tmp_path / "made.b2"
    lines.write_text('{"type": "5", "values": {"nombre_lignes": 1}}\n', "utf-8")
    code, _, err = run("b2", "encode", lines, "-o", made)
    assert code == 3 and "champ numero_emetteur" in err and "→" in err
    assert list(tmp_path.iterdir()) == [lines]


def test_csv_has_a_table_per_type(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, _ = run("b2", "decode", good, "--csv", tmp_path / "csv")
    assert code == 0
    assert {p.name for p in (tmp_path / "csv").iterdir()} == {f"{r.record.type}.csv" for r in plan("sv-sim-1").records}
    lines = (tmp_path / "csv" / "4.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + 12 and lines[0].startswith("numero_emetteur,nir_assure")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_of_two_files_are_never_mixed(run, good: Path, tmp_path: Path, suffix: str) -> None:  # type: ignore[no-untyped-def]
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="extra `analysis`")
    tables, retour = tmp_path / "tables", tmp_path / "retour"
    retour.write_text(_NOEMIE.read_text("ascii").replace("\n", ""), "ascii")
    assert run("b2", "decode", good, f"--{suffix}", tables)[0] == 0
    (tables / f"notes.{suffix}").write_text("mine")
    before = {p.name: p.read_bytes() for p in tables.iterdir()}
    assert run("b2", "decode", good, f"--{suffix}", tables)[0] == 0  # the same tables again
    code, _, err = run("b2", "decode", retour, f"--{suffix}", tables)
    assert code == 2 and f"2S.{suffix}" in err and "notes" not in err and "→" in err
    data = good.read_bytes()
    good.write_bytes(data[: 128 * 9] + b"x" + data[128 * 9 + 1 :])
    assert run("b2", "decode", good, f"--{suffix}", tables)[0] == 3  # a fault after some records
    assert {p.name: p.read_bytes() for p in tables.iterdir()} == before
    assert run("b2", "decode", good, f"--{suffix}", tmp_path / "none" / "new")[0] == 3
    assert not (tmp_path / "none").exists()


def test_parquet_has_the_same_values_with_their_types(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    arrow = pytest.importorskip("pyarrow.parquet", reason="extra `analysis`")
    code, _, err = run("b2", "decode", good, "--parquet", tmp_path / "tables")
    assert code == 0 and f"{len(plan('sv-sim-1').records)} tables" in err
    table = arrow.read_table(tmp_path / "tables" / "4.parquet")
    lines = [r for r in decode(good.read_bytes()) if type(r).__name__ == "LigneHonoraires"]
    assert [tuple(row.values()) for row in table.to_pylist()] == [tuple(line) for line in lines]
    assert str(table.schema.field("montant_amo").type) == "int64"
    assert table.schema.field("montant_amo").metadata[b"unit"] == b"cents"
    assert run("b2", "decode", good, "--parquet", tmp_path, "--csv", tmp_path)[0] == 2


def test_parquet_without_pyarrow_names_the_extra(run, good: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run("b2", "decode", good, "--parquet", tmp_path / "tables")
    assert code == 2 and "tournee[analysis]" in err


@pytest.mark.parametrize("command", ["decode", "stats"])
def test_a_fault_stops_unless_tolerant(run, good: Path, command: str) -> None:  # type: ignore[no-untyped-def]
    """The third record is unreadable, the last one cut: both are named, and that the end is missing; the rest is there."""
    data = bytearray(good.read_bytes())
    data[2 * 128 + 11] = ord("x")
    good.write_bytes(data[:-1])
    code, out, err = run("b2", command, good)
    assert code == 3 and "enregistrement 3 (type 2), champ nir_assure" in err and "--tolerant lit la suite" in err
    whole = len(data) // 128
    assert len(out.splitlines()) == (2 if command == "decode" else 0)
    code, out, err = run("b2", command, good, "--tolerant", *(["--json"] if command == "stats" else []))
    assert code == 3 and f"enregistrement {whole} : enregistrement incomplet" in err and "3 faute(s)" in err
    if command == "decode":
        assert len(out.splitlines()) == whole - 2
    else:
        assert json.loads(out)["records"] == whole - 2
    assert "85059900" not in err


def test_a_file_with_line_ends_is_read_when_tolerant(run, good: Path) -> None:  # type: ignore[no-untyped-def]
    data = good.read_bytes()
    good.write_bytes(b"\r\n".join(data[i : i + 128] for i in range(0, len(data), 128)))
    code, out, err = run("b2", "decode", good)
    assert code == 3 and not out and "CR LF" in err
    code, out, err = run("b2", "decode", good, "--tolerant")
    assert code == 3 and len(out.splitlines()) == len(data) // 128 and "CR LF" in err


def test_long_files_show_a_bar_on_a_terminal(run, good: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(b2_reading, "_LONG_BYTES", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    begun: list[str] = []
    real = rich.progress.wrap_file

    def watched(*args: Any, **options: Any) -> Any:
        begun.append(options["description"])
        return real(*args, **options)

    monkeypatch.setattr(rich.progress, "wrap_file", watched)
    code, out, _ = run("b2", "decode", good)
    lines = tmp_path / "lines.jsonl"
    lines.write_text(out, "utf-8")
    assert code == 0
    assert run("b2", "check", good)[0] == run("b2", "stats", good)[0] == 0
    assert run("b2", "encode", lines, "-o", tmp_path / "made.b2")[0] == 0
    assert run("b2", "split", good, "-o", tmp_path / "parts")[0] == 0
    read = [name for name in begun if not name.endswith(".part")]  # what was written is read again
    assert read == ["good.b2", "good.b2", "good.b2", "lines.jsonl", "good.b2"] and len(begun) == len(read) + 1 + 3
    assert (tmp_path / "made.b2").read_bytes() == good.read_bytes()


def test_split_then_merge(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("b2", "split", good, "-o", tmp_path / "parts", "--lots", 2)
    parts = out.split()
    assert code == 0 and [Path(p).name for p in parts] == ["P00001.b2", "P00002.b2"]
    code, _, _ = run("b2", "merge", *parts, "-o", tmp_path / "merged.b2", "--identification", "F00001")
    assert code == 0 and (tmp_path / "merged.b2").read_bytes() == good.read_bytes()


def test_split_refuses_a_file_whose_totals_are_wrong(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(good.read_bytes())
    data[4 * 128 + 107] = ord("9")
    good.write_bytes(data)
    code, _, err = run("b2", "split", good, "-o", tmp_path / "parts")
    assert code == 3 and "total inexact" in err and not (tmp_path / "parts").exists()
    good.write_bytes(b"")
    assert run("b2", "split", good, "-o", tmp_path / "parts", "--profile", "sv-sim-1")[0] == 3
    assert run("b2", "split", good, "-o", tmp_path / "parts", "--identification", "é")[0] == 2


def test_diff_names_the_fields(run, good: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("b2", "diff", good, good)[:2] == (0, "Aucun écart.\n")
    data = bytearray(good.read_bytes())
    data[4 * 128 + 107] = ord("9")
    other = tmp_path / "other.b2"
    other.write_bytes(data[: 6 * 128] + data[7 * 128 :])
    code, out, _ = run("b2", "diff", good, other)
    assert code == 3 and "montant_amo (108): '0002100' → '9002100'" in out
    assert "- " in out and "fin de facture" in out and "2 écarts" in out
    data = bytearray(good.read_bytes())
    data[2 * 128 + 11] = ord("2")
    other.write_bytes(data)
    assert "85059900" not in run("b2", "diff", good, other, "--mask")[1]


def test_stats(run, good: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("b2", "stats", good, "--json")
    document = json.loads(out)
    assert code == 0 and (document["lots"], document["factures"]) == (3, 6)
    assert (document["total_facture_cents"], document["total_amo_cents"]) == (24000, 16800)
    assert document["actes"][0] == {"code": "MD", "quantite": 6, "facture_cents": 6000, "amo_cents": 4200}
    assert "240,00 €" in run("b2", "stats", good)[1]


def test_stats_of_a_return_are_refused(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "retour"
    path.write_text(_NOEMIE.read_text("ascii").replace("\n", ""), "ascii")
    code, out, err = run("b2", "stats", path)
    assert code == 3 and not out and "pas de lots" in err and "→" in err


def test_noemie_check_and_show(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "retour"
    data = _NOEMIE.read_text("ascii").replace("\n", "")
    path.write_text(data, "ascii")
    code, out, _ = run("noemie", "check", path)
    assert code == 0 and "NOEMIE" in out and "10 enregistrements" in out
    path.write_text(data.replace("29505", "21205X@29505"), "ascii")
    code, out, _ = run("noemie", "check", path)
    assert code == 3 and "type d'enregistrement inconnu" in out
    code, out, _ = run("noemie", "show", path, "--mask", "--tolerant")
    assert code == 0 and "libelle_rejet" in out and "1850599006084" not in out


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_hostile_json_lines_are_typed_errors(text: str) -> None:
    try:
        list(de_json(plan("sv-sim-1"), text.splitlines()))
    except B2Error:
        pass


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        '{"type": 1, "values": {}}',
        '{"type": "4", "values": {"x": 1}}',
        "[" * 100_000,
        '{"type": "5", "values": {"nombre_lignes": ' + "9" * 5_000 + "}}",
        b"\xff\xfe{",
        '{"type": "4", "values": []}',
    ],
)
def test_wrong_lines_name_their_record(line: str | bytes) -> None:
    made = plan("sv-sim-1")
    first = vers_json(
        made,
        decode(
            fichier_bytes(
                Fichier(
                    identification="F00001",
                    date_creation=JOUR,
                    lots=(Lot(numero_lot=1, date_lot=JOUR, factures=(signee(1),)),),
                )
            )
        )[0],
    )
    with pytest.raises(B2Error) as caught:
        list(de_json(made, [first, "", line]))
    assert caught.value.record_number == 2
