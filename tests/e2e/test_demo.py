"""`make demo` as it is promised: links, outcomes, visits, dates, what it leaves, what it never says."""

from __future__ import annotations

import datetime as dt
import email
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Play, Played
from tournee.b2.plan import plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.twin import codec
from tournee_sim.people import vitale
from tournee_sim.pytest_plugin import need


def test_the_visit_by_bluetooth_is_paid(paid: Played) -> None:
    s = paid.summary
    assert (s["status"], s["link"], s["board"], s["invoices"]) == ("paid", "ble", "unix", 1)
    assert s["micropython"] and s["apdus"] > 100 and s["round_trips"] > 10


@pytest.mark.parametrize("link", ["serial", "tcp"])
def test_the_other_links_are_paid(play: Play, link: str) -> None:
    if link == "serial":
        need("tty")
    played = play("--link", link)
    assert (played.code, played.summary["status"], played.summary["link"]) == (0, "paid", link), played.text


def test_the_amounts_are_those_of_the_table(paid: Played) -> None:
    evaluation = paid.json("bill.json")["evaluation"]
    assert [line["code"] for line in evaluation["lines"]] == ["VG", "MD"]
    totals = evaluation["totals"]
    assert (totals["montant_cents"], totals["amo_cents"], totals["patient_cents"]) == (4000, 2800, 1200)
    assert evaluation["contexte"]["parcours"] == "T"


def test_signing_is_refused_before_the_bill_is_valid(paid: Played) -> None:
    commands = paid.summary["commands"]
    first_sign = next(i for i, c in enumerate(commands) if " bill sign " in c)
    assert "--resume" in commands[first_sign + 1]
    assert "signature est refusée" in paid.text


def test_everything_promised_is_left(paid: Played) -> None:
    left = {p.name for p in paid.out.iterdir()}
    assert left >= {"bill.json", "lot.b2", "sent.eml", "fund", "returns", "receipt.pdf", "apdu.log", "summary.json"}
    assert (paid.out / "receipt.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((paid.out / "returns").glob("*.eml"))) == 3
    assert (paid.out / "fund" / "checks.json").exists()
    life = [e["step"] for e in paid.json("bill.json")["life"]]
    for step in ("numbered", "prepared", "signed", "in-lot", "sent", "acknowledged", "paid"):
        assert step in life
    assert all(dt.datetime.fromisoformat(e["at"]).tzinfo for e in paid.json("bill.json")["life"])


def test_the_fund_checked_signatures_totals_and_counters(paid: Played) -> None:
    checks = _checks(paid)
    assert checks and all(c["ok"] for c in checks), [c for c in checks if not c["ok"]]
    names = " ".join(c["name"] for c in checks).lower()
    for word in ("cms", "cps", "vitale", "lot", "total"):
        assert word in names, names


def test_the_file_is_records_of_128_ascii_bytes_and_both_twins_agree(paid: Played) -> None:
    need("ctwin", codec().name == "c", "a C compiler")
    data = (paid.out / "lot.b2").read_bytes()
    assert len(data) % 128 == 0 and data.isascii() and b"\n" not in data
    assert data[:3] == b"000" and data[-128:-125] == b"999"
    assert int(data[-128:][55:63]) == len(data) // 128
    assert b"SIMULATION SV-SIM 1" in data[:128]
    python = PyCodec(plan("sv-sim-1"))
    assert python.decode(data) == codec().decode(data)
    assert python.encode(python.decode(data)) == codec().encode(codec().decode(data)) == data


def test_the_mail_is_that_of_the_profile(paid: Played) -> None:
    mail = email.message_from_bytes((paid.out / "sent.eml").read_bytes())
    assert re.fullmatch(r"SV000001/\d{1,14}/\d{19}/00001", mail["Subject"])
    assert mail["Content-Type"].lower().startswith("application/edi-consent")
    assert mail["Content-Description"] == "FACTURE/SV/K"
    assert mail["X-Simulation"] == "SV-SIM/1"
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert b"\x60\x86\x48\x01\x65\x03\x04\x01\x02" in content, "AES-128-CBC"
    assert (paid.out / "lot.b2").read_bytes()[:128] not in content


def test_the_pin_is_asked_once_and_said_nowhere(paid: Played) -> None:
    log = (paid.out / "apdu.log").read_text()
    assert log.count("00 20 00 01 04") == 1
    assert "** ** ** **" in log and "37 32 39 31" not in log
    for path in paid.out.rglob("*"):
        if path.is_file() and path.name != "account.json":
            assert b'"7291"' not in path.read_bytes(), path
    assert "7291" not in paid.text


def test_the_database_shows_no_name_no_nir_no_act(paid: Played) -> None:
    home = paid.out / "world" / "home"
    raw = b"".join(p.read_bytes() for p in home.iterdir() if p.is_file())
    assert b"numbered" in raw, "steps are readable"
    for secret in [*_secrets_of("vitale-famille"), '"VG"', '"MD"', "accident_tiers", "FACTURE/SV/K"]:
        assert secret.encode() not in raw, secret


def test_no_bill_datum_comes_from_the_scenario(paid: Played) -> None:
    """The commands carry answers and card ids only; names, NIR, régime and specialty are the cards'."""
    script = " ".join(paid.summary["commands"])
    for secret in _secrets_of("vitale-famille"):
        assert secret not in script
    answers = (paid.out / "world" / "answers-1.json").read_text()
    for secret in _secrets_of("vitale-famille"):
        assert secret not in answers


def test_rejected_shows_code_text_and_what_to_do(play: Play) -> None:
    played = play("--outcome", "rejected")
    assert (played.code, played.summary["status"]) == (3, "rejected"), played.text
    assert re.search(r"\d{4}-\d{3}", played.text) and "→" in played.text


def test_partial_explains_the_difference(play: Play) -> None:
    played = play("--outcome", "partial")
    assert (played.code, played.summary["status"]) == (0, "partly_paid"), played.text
    assert "sur 28,00 €" in played.text and "il manque" in played.text


def test_a_lost_arl_ends_in_waiting_with_the_day_to_act(play: Play) -> None:
    played = play("--outcome", "lost-arl", "--date", "2025-01-15")
    assert (played.code, played.summary["status"]) == (0, "waiting"), played.text
    waiting = played.json("status.json")["waiting"]
    assert waiting[0]["act_on"] == "2025-01-17", "two working days after Wednesday 15 January 2025"
    assert "2025-01-17" in played.text


def test_five_bills_of_four_patients_of_two_funds_make_two_files(play: Play, root: Path) -> None:
    played = play("--visits", str(root / "docs" / "examples" / "visits.yaml"))
    assert (played.code, played.summary["invoices"], played.summary["files"]) == (0, 5, 2), played.text
    counts = sorted(_count(played.out / name) for name in ("lot.b2", "lot-2.b2"))
    assert counts == [2, 3]
    checks = _checks(played)
    assert all(c["ok"] for c in checks)


@pytest.mark.parametrize("day", ["2025-01-15", "+2y"])
def test_it_plays_on_other_days(play: Play, day: str) -> None:
    if day == "+2y":
        day = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=731)).isoformat()
    played = play("--date", day)
    assert (played.code, played.summary["status"]) == (0, "paid"), played.text
    assert played.json("bill.json")["life"][0]["at"].startswith(day)


def test_a_seed_fixes_the_lot(play: Play) -> None:
    first, second = (play("--seed", "7", "--date", "2025-01-15").summary["lot_sha256"] for _ in range(2))
    assert first == second


def test_json_and_quiet_say_no_more_than_they_promise(demo_environment: dict[str, str], tmp_path: Path) -> None:
    import json

    need("micropython")
    argv = [sys.executable, "-m", "tournee.cli", "demo", "--out", str(tmp_path / "o"), "--link", "tcp", "--json"]
    done = subprocess.run(argv, env=demo_environment, capture_output=True, timeout=240, check=False)
    assert json.loads(done.stdout)["status"] == "paid"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_from_outside_it_leaves_nothing_running(
    demo_environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    need("micropython")
    out = tmp_path / "o"
    argv = [sys.executable, "-m", "tournee.cli", "demo", "--out", str(out), "--link", "tcp", "--show-commands"]
    process = subprocess.Popen(
        argv, env=demo_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if b"tournee init" in line:
            break
    os.kill(process.pid, number)
    assert process.wait(60) == 130
    process.stdout.close()
    if process.stderr:
        process.stderr.close()
    for _ in range(50):
        if not (running := _running(str(out))):
            break
        time.sleep(0.1)  # they are nobody's children here: nothing tells of their end
    assert not running, running


def test_a_folder_that_no_demo_made_is_left_alone(demo_environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    argv = [sys.executable, "-m", "tournee.cli", "demo", "--out", str(tmp_path)]
    done = subprocess.run(argv, env=demo_environment, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and (tmp_path / "thesis.txt").read_text() == "mine"


def _checks(played: Played) -> list[dict[str, Any]]:
    """Every check of every file."""
    return [check for file in played.json("fund/checks.json")["files"] for check in file["checks"]]


def _count(path: Path) -> int:
    data = path.read_bytes()
    return sum(data[i : i + 1] == b"5" for i in range(0, len(data), 128))


def _secrets_of(card: str) -> list[str]:
    """Names and NIRs of one card of the catalogue."""
    found: list[str] = []
    for person in vitale(card).beneficiaires:
        found += [person.nom, person.prenom, person.nir]
    return [text for text in found if len(text) > 4]


def _running(text: str) -> list[str]:
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            line = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
