"""`tournee terminal …` and `tournee read …` as a person types them, against the real firmware."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tournee_sim.people import practitioner, vitale

Terminals = Callable[..., Any]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command in a home of its own."""

    def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "TOURNEE_HOME": str(tmp_path / "home"), "COLUMNS": "200", **environment}
        return subprocess.run(
            [sys.executable, "-m", "tournee.cli", *words], env=variables, capture_output=True, text=True, timeout=120
        )

    return call


def _document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["version"] == 1
    return document


def _schema(root: Path, name: str) -> Any:
    return json.loads((root / "docs" / "schemas" / f"{name}.json").read_text("utf-8"))


def test_the_terminal_is_remembered_and_says_what_it_is(terminals: Terminals, run: Run) -> None:
    board = terminals()
    assert _document(run("terminal", "use", board.url, "--json"))["terminal"] == board.url
    info = _document(run("terminal", "info", "--json"))
    assert (info["channel"], info["pin_locked"], info["board"]) == ("none", True, "UNIX")
    assert len(info["manifest"]) == 64
    assert len(info["boot_id"]) == 16
    text = run("terminal", "info").stdout
    assert "channel" in text and "locked" in text


def test_slots_atr_and_apdu(terminals: Terminals, run: Run) -> None:
    board = terminals(vitale=None)
    where = ("--terminal", board.url)
    assert [s["state"] for s in _document(run("terminal", "slots", "--json", *where))["slots"]] == ["present", "absent"]
    (card,) = _document(run("terminal", "atr", "--json", *where))["slots"]
    assert (card["card"], card["atr"][:4]) == ("CPS3", "3BAC")
    done = run("terminal", "apdu", "0", "00 A4 09 0C 04 3F 00 D0 03", "00B000000C", "00A4090C043F00D010", *where)
    assert done.returncode == 0, done.stderr
    assert "9000  done" in done.stdout
    assert "6A82  file or application not found" in done.stdout
    assert "5A 0A 80 25 00 00 01 99" in done.stdout
    rows = _document(run("terminal", "apdu", "0", "0084000008", "--json", *where))["exchanges"]
    assert len(rows[0]["data"]) == 16


def test_a_pin_is_refused_in_an_apdu(terminals: Terminals, run: Run) -> None:
    done = run("terminal", "apdu", "0", "002000010439393939", "--terminal", terminals().url)
    assert done.returncode == 4
    assert "un code ne traverse jamais la liaison" in done.stderr


@pytest.mark.parametrize("text", ["00A4", "00zz", "00A40000023F"])
def test_a_bad_apdu_is_refused_before_anything_is_opened(run: Run, text: str) -> None:
    done = run("terminal", "apdu", "0", text, "--terminal", "tcp:127.0.0.1:1")
    assert done.returncode == 2
    assert "→" in done.stderr


def test_read_cps_with_its_schema(terminals: Terminals, run: Run, root: Path) -> None:
    board = terminals(auto_pin=True)
    person = practitioner("cps-medecin")
    schema = _schema(root, "cps")
    free = _document(run("read", "cps", "--no-pin", "--json", "--terminal", board.url))
    jsonschema.validate(free, schema)
    assert (free["situations"], free["besoin_code"], free["simulation"]) == (None, ["situations"], True)
    asked = run("read", "cps", "--json", "--terminal", board.url)
    assert "Saisissez votre code porteur sur le terminal" in asked.stderr
    full = _document(asked)
    jsonschema.validate(full, schema)
    assert [s["numero_facturation"] for s in full["situations"]] == [
        s.get("numero_facturation") for s in person.situations
    ]
    done = run("read", "cps", "--terminal", board.url)
    assert "SIMULATION" in done.stdout
    assert person.numero_national[1:] in done.stdout
    assert done.stderr == "", "the PIN holds between commands"
    assert not _document(run("terminal", "info", "--json", "--terminal", board.url))["pin_locked"]
    assert run("terminal", "lock", "--terminal", board.url).returncode == 0
    assert _document(run("terminal", "info", "--json", "--terminal", board.url))["pin_locked"]
    assert "Saisissez" in run("read", "cps", "--terminal", board.url).stderr
    assert board.counters()["cards"][0]["verify"] == 2


def test_read_vitale_with_its_schema(terminals: Terminals, run: Run, root: Path) -> None:
    board = terminals(auto_pin=True)
    schema = _schema(root, "vitale")
    free = _document(run("read", "vitale", "--no-rights", "--json", "--terminal", board.url))
    jsonschema.validate(free, schema)
    assert (free["droits"], free["besoin_cps"]) == (None, ["droits"])
    full = _document(run("read", "vitale", "--json", "--terminal", board.url))
    jsonschema.validate(full, schema)
    people = vitale("vitale-famille").beneficiaires
    assert [b["nir"] for b in full["beneficiaires"]] == [b.nir + b.cle_nir for b in people]
    assert [b["rang_gemellaire"] for b in full["droits"]["beneficiaires"]] == [b.rang for b in people]
    text = run("read", "vitale", "--terminal", board.url).stdout
    assert "caisse 991" in text
    assert all(b.prenom in text for b in people)


def test_lecture_vitale_needs_no_cps(terminals: Terminals, run: Run) -> None:
    board = terminals(cps=None)
    assert _document(run("read", "vitale", "--no-rights", "--json", "--terminal", board.url))["beneficiaires"]
    done = run("read", "vitale", "--terminal", board.url)
    assert done.returncode == 4
    assert done.stderr.startswith("CPS absente.\n→ Insérez")


def test_ctrl_c_while_the_pin_is_awaited_frees_the_terminal(terminals: Terminals, run: Run, tmp_path: Path) -> None:
    board = terminals()
    home = {**os.environ, "TOURNEE_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "tournee.cli", "read", "cps", "--terminal", board.url]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=home) as reading:
        board.wait_display("valider")
        reading.send_signal(signal.SIGINT)
        assert reading.wait(30) == 130
        assert reading.stderr is not None
        assert "Traceback" not in reading.stderr.read()
    board.wait_display("annulée")
    assert _document(run("terminal", "info", "--json", "--terminal", board.url))["pin_locked"]
    assert board.counters()["cards"][0].get("verify", 0) == 0


def test_a_command_killed_while_the_pin_is_awaited_does_not_hold_the_terminal(
    terminals: Terminals, run: Run, tmp_path: Path
) -> None:
    board = terminals()
    home = {**os.environ, "TOURNEE_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "tournee.cli", "read", "cps", "--json", "--terminal", board.url]
    with subprocess.Popen(words, env=home) as killed:
        board.wait_display("valider")
        killed.kill()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=home) as reading:
        board.wait_display("annulée")
        board.wait_display("valider")
        board.type(board.pin + "\r")
        assert reading.stdout is not None
        assert json.loads(reading.stdout.read())["situations"]
    assert board.counters()["cards"][0]["verify"] == 1


def test_nobody_there(run: Run) -> None:
    done = run("terminal", "info", "--terminal", "tcp:127.0.0.1:1")
    assert done.returncode == 4
    assert "connexion refusée" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("terminal", "info", "--terminal", "usb:1").returncode == 2


def test_the_terminal_may_come_from_the_environment(terminals: Terminals, run: Run) -> None:
    assert _document(run("terminal", "info", "--json", TOURNEE_TERMINAL=terminals().url))["channel"] == "none"


def test_watch_shows_a_card_leaving_and_scan_lists(terminals: Terminals, run: Run, tmp_path: Path) -> None:
    board = terminals()
    words = [
        sys.executable,
        "-m",
        "tournee.cli",
        "terminal",
        "watch",
        "--count",
        "1",
        "--json",
        "--terminal",
        board.url,
    ]
    home = {**os.environ, "TOURNEE_HOME": str(tmp_path / "home")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=home) as watching:
        assert watching.stdout is not None
        first = [json.loads(watching.stdout.readline()) for _ in range(2)]
        assert [r["state"] for r in first] == ["present", "present"]
        busy = run("terminal", "info", "--terminal", board.url)
        assert (busy.returncode, "autre commande" in busy.stderr) == (4, True)
        board.pull(1)
        assert json.loads(watching.stdout.readline()) == {"version": 1, "event": "slot", "slot": 1, "state": "absent"}
        assert watching.wait(30) == 0
    found = _document(run("terminal", "scan", "--timeout", "0.1", "--json"))
    assert isinstance(found["found"], list)
