"""`tournee b2 show|check|decode|stats` and `tournee noemie` on files with faults: what a person sees, exit codes, JSON, the bar."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import rich.progress

from tests.unit.test_b2_reading import RECORDS, good
from tournee.cli import b2_reading
from tournee.cli.app import tree
from tournee.cli.errors import run_guarded

_RETURN = (Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt").read_text("ascii").replace("\n", "")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "140")

    def call(group: str, command: str, data: bytes, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "file.b2"
        path.write_bytes(data)
        code = run_guarded(tree, [group, command, str(path), *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def _changed(record: int, position: int, text: bytes) -> bytes:
    at = record * 128 + position - 1
    return good()[:at] + text + good()[at + len(text) :]


_LOT_END = next(i for i, r in enumerate(RECORDS) if r[:1] == b"6")
_LOT_2 = [i for i, r in enumerate(RECORDS) if r[:1] == b"1"][1]
_WRONG = {
    "total": (_changed(_LOT_END, 25, b"999999999"), "total inexact"),
    "cut": (b"".join(RECORDS[: _LOT_END - 1]), "enregistrement incomplet"),
    "order": (b"".join(r for r in RECORDS if r[:1] != b"6"), "enregistrement mal placé"),
    "lot twice": (_changed(_LOT_2, 20, b"001"), "champ numero_lot, position 20 : numéro déjà utilisé"),
    "length": (good()[:6000] + good()[6001:], "longueur autre que celle de la norme (127 au lieu de 128)"),
    "line end": (good() + b"\n", "position 129 : des fins de ligne"),
}


@pytest.mark.parametrize("wrong", _WRONG)
@pytest.mark.parametrize("command", ["decode", "stats"])
def test_decode_and_stats_stop_at_the_first_fault_of_any_kind(run, command: str, wrong: str) -> None:  # type: ignore[no-untyped-def]
    data, said = _WRONG[wrong]
    code, out, err = run("b2", command, data)
    assert code == 3 and said in err and "--tolerant lit la suite" in err
    assert not out or command == "decode"
    code, out, err = run("b2", command, data, "--tolerant", *(["--json"] if command == "stats" else []))
    assert code == 3 and said in err and "faute(s)" in err
    sound = len(data) // 128
    assert (len(out.splitlines()) if command == "decode" else json.loads(out)["records"]) == sound


@pytest.mark.parametrize("command", ["show", "check", "decode", "stats"])
def test_the_standard_input_is_read_as_a_file(run, command: str, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(good())))
    code = run_guarded(tree, ["b2", command, "-"])
    assert (code, capsys.readouterr().out) == run("b2", command, good())[:2]


@pytest.mark.parametrize("command", ["show", "check", "decode", "stats"])
def test_an_empty_file_is_refused_whatever_its_layout(run, command: str) -> None:  # type: ignore[no-untyped-def]
    for options in ((), ("--profile", "sv-sim-1"), ("--profile", "noemie")):
        code, out, err = run("b2", command, b"", *options)
        assert code == 3 and "fichier vide" in out + err


@pytest.mark.parametrize(("data", "problem"), [(b"", "truncated"), (b"%PDF-1.7 hello", "profile")])
def test_check_answers_in_json_whatever_it_is_given(run, data: bytes, problem: str) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("b2", "check", data, "--json")
    document = json.loads(out)
    assert code == 3 and document["ok"] is False and document["profile"] is None and document["records"] == {}
    assert document["fault_count"] == 1 and document["faults"][0]["problem"] == problem


@pytest.mark.parametrize("command", ["show", "check"])
def test_noemie_takes_returns_only(run, command: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run("noemie", command, good())
    assert code == 3 and "n'est pas un retour" in err and "tournee b2" in err and "✓" not in out
    assert run("noemie", command, _RETURN.encode())[0] == 0
    assert run("b2", command, _RETURN.encode())[0] == 0


def _types(out: str) -> list[str]:
    return [r["type"] for r in json.loads(out)["records"]]


def test_a_bill_and_a_lot_of_a_return_are_found(run) -> None:  # type: ignore[no-untyped-def]
    bill = ["102", "103", "198", "199", "294", "295"]
    for options in (("--facture", "1"), ("--lot", "1"), ("--lot", "1", "--facture", "1")):
        types = _types(run("noemie", "show", _RETURN.encode(), "--json", *options)[1])
        assert [t for t in types if t != "990"] == bill
    for options in (("--facture", "2"), ("--lot", "2")):
        assert _types(run("noemie", "show", _RETURN.encode(), "--json", *options)[1]) == []
    # The lot stands in an entity of its own; the bills in it do not repeat it, two share a control entity.
    one, lot = "10003000000007@", "0800225011500{}@"
    entities = [lot.format(4), one, _RETURN[150:190].replace("001250115", "   250115"), lot.format(5), one]
    other = (_RETURN[:128] + "".join(entities) + _RETURN[-128:]).encode()
    assert _types(run("noemie", "show", other, "--json", "--tolerant", "--lot", "4")[1]) == ["080", "100", "102"]
    assert _types(run("noemie", "show", other, "--json", "--tolerant", "--lot", "5")[1]) == ["080", "100"]
    assert _types(run("noemie", "show", other, "--json", "--tolerant", "--facture", "7")[1]) == ["100", "100"]


def test_a_record_of_the_wrong_length_is_shown_with_its_fault(run) -> None:  # type: ignore[no-untyped-def]
    data, said = _WRONG["length"]
    code, out, _ = run("b2", "show", data, "--faults")
    assert code == 0 and said in out and "1 faute" in out
    code, out, _ = run("b2", "show", data[:200] + b"\n" + data[200:], "--faults")
    assert code == 0 and "position 73" in out


@pytest.mark.parametrize("options", [(), ("--facture", "3"), ("--type", "4"), ("--faults",)])
def test_show_of_a_long_file_has_a_bar_unless_it_fills_the_terminal(run, options: tuple[str, ...], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(b2_reading, "_LONG_BYTES", 1)
    begun: list[str] = []
    real = rich.progress.wrap_file

    def watched(*args: Any, **more: Any) -> Any:
        begun.append(more["description"])
        return real(*args, **more)

    monkeypatch.setattr(rich.progress, "wrap_file", watched)
    assert run("b2", "show", good(), *options)[0] == 0 and begun == []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run("b2", "show", good(), *options)[0] == 0 and begun == ["file.b2"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("b2", "show", good(), *options)[0] == 0 and len(begun) == (2 if options else 1)
