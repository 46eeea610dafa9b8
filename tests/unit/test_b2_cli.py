"""`tournee b2 show|check`: what a person sees, exit codes, and that nothing bad stops the reading of the rest."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.b2.read import ouvrir
from tournee.cli.app import tree
from tournee.cli.b2_render import Options, Printer, characters, labels
from tournee.cli.errors import run_guarded


def _good() -> bytes:
    lots = (
        Lot(numero_lot=1, date_lot=JOUR, factures=(signee(1), signee(2)), signatures=(signature(),)),
        Lot(numero_lot=2, date_lot=JOUR, factures=(signee(3, nature_assurance="41"),), signatures=(signature(),)),
    )
    return fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots))


def _set(data: bytes, record: int, position: int, text: str) -> bytes:
    at = (record - 1) * 128 + position - 1
    return data[:at] + text.encode("latin-1") + data[at + len(text) :]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "140")

    def call(command: str, data: bytes, *options: str) -> tuple[int, str]:
        path = tmp_path / "file.b2"
        path.write_bytes(data)
        code = run_guarded(tree, ["b2", command, str(path), *options])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def test_check_good_file(run) -> None:  # type: ignore[no-untyped-def]
    code, out = run("check", _good())
    assert code == 0 and "53 enregistrements" in out and "SIMULATION" in out


def test_check_names_every_fault(run) -> None:  # type: ignore[no-untyped-def]
    bad = _set(_set(_good(), 3, 12, "x"), 5, 108, "9")[:-50]
    code, out = run("check", bad)
    assert code == 3
    assert "enregistrement 3 (type 2), champ nir_assure, position 12 : caractère non permis" in out
    assert "enregistrement 7 (type 5), champ total_amo, position 66 : total inexact (2800 au lieu de 9002800)" in out
    assert "enregistrement 53 : enregistrement incomplet" in out
    assert "4 fautes" in out and "→" in out
    assert "85059900" not in out


def test_check_json(run) -> None:  # type: ignore[no-untyped-def]
    code, out = run("check", _set(_good(), 3, 12, "x"), "--json")
    document = json.loads(out)
    assert code == 3 and document["version"] == 1 and document["ok"] is False
    assert document["faults"][0] == {
        "problem": "characters",
        "record": 3,
        "type": "2",
        "field": "nir_assure",
        "position": 12,
        "text": "enregistrement 3 (type 2), champ nir_assure, position 12 : caractère non permis",
        "remedy": "Utilisez les caractères permis du champ (docs/LAYOUTS.md).",
    }


def test_utf8_in_fields_filled_up_by_bytes_shifts_nothing(run) -> None:  # type: ignore[no-untyped-def]
    """é takes two of the field's places; what comes behind is where it belongs."""
    code, out = run("check", _set(_good(), 2, 30, "\xc3\xa9"), "--profile", "sv-sim-1")
    assert code == 3 and "UTF-8" in out
    assert "\n2 fautes" in out and "enregistrement 2 (type 1), champ nom_emetteur, position 30 : caractère" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: b"", "fichier vide"),
        (lambda d: b"\r\n".join(d[i : i + 128] for i in range(0, len(d), 128)), "CR LF"),
        (
            lambda d: d[:128] + b"\n" + d[128:256] + b"\r\n" + d[256:],
            "enregistrement 2, position 129 : des fins de ligne",
        ),
        (lambda d: d.decode("ascii").encode("cp1140"), "EBCDIC"),
        (lambda d: _set(d, 2, 30, "\xe9").decode("latin-1").encode("utf-8"), "UTF-8"),
        (lambda d: _set(d, 2, 30, "\xe9"), "enregistrement 2 (type 1), champ nom_emetteur, position 30 : caractère"),
        (lambda d: d[:128] + b"8" * 128 + d[128:], "enregistrement 2 : type d'enregistrement inconnu"),
        (
            lambda d: _set(d, 53, 56, "00000054"),
            "nombre_enregistrements, position 56 : compteur inexact (54 au lieu de 53)",
        ),
        (lambda d: d[:128] + d[256:], "enregistrement mal placé"),
        (lambda d: d[: 52 * 128], "enregistrement 52 (type 999) : enregistrement incomplet"),
        (
            lambda d: d.replace(b"1991129768FO01TP991002", b"1991129768FN01TP991001"),
            "numero_lot, position 20 : numéro déjà",
        ),
        (
            lambda d: _set(d, 4, 30, "000000009"),
            "enregistrement 4 (type 2S), champ numero_facture, position 30 : valeur diff",
        ),
        (lambda d: _set(d, 3, 46, "9"), "champ mode_securisation, position 46 : code absent"),
    ],
    ids=[
        "empty",
        "crlf",
        "mixed",
        "ebcdic",
        "utf8",
        "latin1",
        "unknown",
        "counter",
        "order",
        "cut",
        "lot",
        "same",
        "code",
    ],
)
def test_hostile_files_are_named_and_read_on(run, change, said) -> None:  # type: ignore[no-untyped-def]
    data, profile = change(_good()), ("--profile", "sv-sim-1")
    code, out = run("check", data, *profile)
    assert code == 3 and said in out
    code, shown = run("show", data, *profile, "--tolerant")
    if "vide" in said:
        assert code == 3 and said in shown
        return
    assert code == 0 and "numero_emetteur" in shown
    code, stopped = run("show", data, *profile)
    assert code == 3 and said in stopped and "--tolerant lit la suite" in stopped
    assert len(stopped) < len(shown) + 500


@pytest.mark.parametrize("command", ["check", "show", "decode", "stats"])
def test_an_empty_file_is_called_empty_whatever_its_layout(run, command: str) -> None:  # type: ignore[no-untyped-def]
    code, out = run(command, b"")
    assert code == 3 and "fichier vide" in out and "Redemandez le fichier" in out


def test_show_puts_names_under_their_columns(run) -> None:  # type: ignore[no-untyped-def]
    code, out = run("show", _good(), "--type", "2", "--facture", "2", "--mask")
    lines = out.splitlines()
    assert code == 0
    data = next(i for i, line in enumerate(lines) if line.startswith("  2991129768"))
    assert "•••••••••••••" in lines[data] and "85059900" not in out
    assert any(line.find("nir_assure") == lines[data].index("•") for line in lines[data + 1 : data + 9])
    assert sum(line.startswith("  2991129768") for line in lines) == 1


def test_show_marks_faults_at_their_field(run) -> None:  # type: ignore[no-untyped-def]
    _, out = run("show", _set(_good(), 3, 12, "x"), "--faults")
    lines = out.splitlines()
    data = next(i for i, line in enumerate(lines) if line.startswith("  2991129768"))
    assert lines[data + 1] == " " * 13 + "^" * 13
    assert "✗" in out and "total_amo" not in out


def test_show_json_of_one_lot(run) -> None:  # type: ignore[no-untyped-def]
    code, out = run("show", _good(), "--lot", "2", "--json")
    document = json.loads(out)
    assert code == 0 and document["profile"] == "sv-sim-1"
    assert [r["type"] for r in document["records"]][:3] == ["1", "2", "2S"]
    assert document["records"][1]["values"]["nature_assurance"] == "41"


def test_unknown_profile_and_foreign_file(run) -> None:  # type: ignore[no-untyped-def]
    assert run("show", _good(), "--profile", "x")[0] == 2
    code, out = run("check", b"%PDF-1.7 hello world")
    assert code == 3 and "norme non reconnue" in out


@pytest.mark.parametrize("width", [40, 80, 130, 200])
def test_every_name_is_shown_once_within_the_terminal(width: int) -> None:
    for lu in ouvrir(io.BytesIO(_good())):
        assert lu.made is not None
        out = io.StringIO()
        Printer(Console(file=out, width=width, highlight=False), Options()).show(lu)
        shown = out.getvalue().partition("\n")[2]
        words = shown.replace("│", " ").replace("┘", " ").split()
        for field in lu.made.record.valued:
            assert words.count(field.name) == 1, (lu.made.record.type, field.name)
        if width >= 130:
            assert max(map(len, out.getvalue().splitlines())) <= width


def test_characters_shows_control_bytes_as_dots() -> None:
    lu = next(iter(ouvrir(io.BytesIO(_set(_good(), 1, 92, "\x1b[2J")))))
    assert "\x1b" not in characters(lu, mask=False).plain
    assert labels([], 0, 80) == []
