"""`tournee sim run`, `replay` and `trace show` as commands: what passes, what fails and leaves a trace, workers that die, runs broken off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.tools import qemu as images
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.pytest_plugin import need
from tournee_sim.scenarios.load import library, scenarios
from tournee_sim.scenarios.model import Outcome
from tournee_sim.scenarios.pool import run_all
from tournee_sim.scenarios.run import SESSIONS, Plan
from tournee_sim.scenarios.worker import Settings

FAILING = """\
scenario: 1
about: A card that is mute is expected to answer.
cards: {0: generic-t1}
steps:
  - power: {slot: 0}
  - apdu: {slot: 0, send: 00 84 00 00 08}
  - fault: {kind: silent, slot: 0}
  - apdu: {slot: 0, send: 00 84 00 00 08}
"""


def tournee(keys: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tournee.cli", *words]
    environment = os.environ | {"TOURNEE_TEST_KEYS": str(keys)} | (env or {})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


def test_sessions_pass_and_the_report_says_so(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    report = tmp_path / "report"
    done = tournee(keys, "sim", "run", "visit", "-n", "4", "-j", "2", "--seed", "5", "--report", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 sessions: 4 passed" in done.stdout and "seed 5" in done.stdout
    assert ET.parse(report / "junit.xml").getroot()[0].get("tests") == "4"
    assert "4 sessions passed" in (report / "report.html").read_text("utf-8")
    assert not (report / "traces").exists()
    again = tournee(keys, "sim", "run", "visit", "--report", str(report))
    assert again.returncode == 2 and "→ give --resume" in again.stderr


def test_a_failing_session_leaves_trace_and_seed_and_is_repeated(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    (tmp_path / "bad.yaml").write_text(FAILING, "utf-8")
    report = tmp_path / "report"
    done = tournee(keys, "sim", "run", str(tmp_path / "bad.yaml"), "--seed", "9", "--report", str(report), "--json")
    assert done.returncode == 4, done.stderr
    reply = json.loads(done.stdout)
    (failure,) = reply["failures"]
    assert (failure["name"], failure["seed"], failure["message"]) == ("bad", 9, "status TIMEOUT, not OK")
    trace = failure["trace"]
    replayed = tournee(keys, "sim", "replay", trace, "--times", "2")
    assert replayed.returncode == 4 and replayed.stdout.count("now:  the same") == 2, replayed.stdout + replayed.stderr
    assert "was" not in replayed.stdout  # the exchanges do not differ
    shown = tournee(keys, "trace", "show", trace)
    assert shown.returncode == 0
    assert "00 84 00 00 08  →  8 bytes" in shown.stdout
    assert shown.stdout.rstrip().endswith("failed at step 4: status TIMEOUT, not OK")
    assert tournee(keys, "trace", "show", trace, "--apdu").stdout.count("→") == 1
    assert len(json.loads(tournee(keys, "trace", "show", trace, "--json").stdout)["rows"]) > 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sim", "run"], "which scenario?"),
        (["sim", "run", "vist"], "did you mean visit?"),
        (["sim", "run", "visit", "--only", "z*"], "no scenario fits"),
        (["sim", "run", "visit", "--resume"], "--resume needs --report"),
        (["sim", "run", "visit", "--board", "abacus"], "there are unix, qemu"),
        (["sim", "replay", __file__], "no JSON"),
        (["trace", "show", __file__], "no JSON"),
    ],
)
def test_wrong_words_end_with_2_and_a_remedy(keys: Path, words: list[str], says: str) -> None:
    done = tournee(keys, *words)
    assert done.returncode == 2 and says in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("clear:\n    expect: {status: REMOVED, sw: 6A82}", "bad.yaml:6: steps/0/expect: `clear` gets no answer"),
        (
            "power: {slot: 0}\n    expect: {status: MUTE}\n    expect: {status: OK}",
            "bad.yaml:7: expect stands here a second",
        ),
        ("power: {slot: 0}\n    expect: {status: MUTEE}", "did you mean MUTE? take one of OK, BAD_MESSAGE"),
        ("insert: {slot: 1, card: vitale-famile}", "bad.yaml:5: steps/0/insert/card: slot 1: no card"),
        ("wait: {ms: 999999999999}", "bad.yaml:5: steps/0/wait/ms"),
    ],
)
def test_a_wrong_scenario_ends_with_2_its_line_and_a_remedy(keys: Path, tmp_path: Path, step: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"scenario: 1\nabout: Wrong.\ncards: {{0: generic-t1}}\nsteps:\n  - {step}\n", "utf-8")
    done = tournee(keys, "sim", "run", str(path))
    assert done.returncode == 2 and says in done.stderr and "\n→ " in done.stderr, done.stdout + done.stderr


def test_a_character_to_the_card_can_be_damaged(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    step = "fault: {kind: parity, slot: 0, direction: to_card, after: 2, count: 1}"
    (tmp_path / "parity.yaml").write_text(FAILING.replace("fault: {kind: silent, slot: 0}", step), "utf-8")
    done = tournee(keys, "sim", "run", str(tmp_path / "parity.yaml"), "--seed", "1")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_library_is_listed(keys: Path) -> None:
    listed = json.loads(tournee(keys, "sim", "run", "--list", "--json").stdout)["scenarios"]
    assert listed["faults/t0"] == "35 scenarios" and "visit" in listed


def test_every_scenario_of_the_library_passes(keys: Path, tmp_path: Path) -> None:
    """But for the fault matrix, which has tests of its own."""
    need("micropython")
    names = [name for name in library() if not name.startswith("faults/")]
    done = tournee(
        keys, "sim", "run", *names, "-n", "3", "-j", "2", "--seed", "11", "--report", str(tmp_path / "report")
    )
    assert done.returncode == 0 and f"{3 * len(names)} sessions: {3 * len(names)} passed" in done.stdout, done.stdout


@contextlib.contextmanager
def _outcomes(plan: Plan, keys: Path, workers: int) -> Iterator[Any]:
    jobs = plan.jobs(list(scenarios(plan.words)))
    with contextlib.closing(run_all(jobs, workers, Settings(keys, Path(tempfile.gettempdir())))) as found:
        yield found


def test_a_worker_that_dies_costs_one_session_and_is_told(keys: Path) -> None:
    """SIGKILL between two outcomes: the session at work is an error with its seed, all others are run."""
    need("micropython")
    import multiprocessing

    found: list[Outcome] = []
    with _outcomes(Plan(("visit",), 6, ("unix",), 70), keys, 1) as outcomes:
        for outcome in outcomes:
            found.append(outcome)
            if len(found) == 2:
                for process in multiprocessing.active_children():
                    process.kill()
                    process.join()
    assert sorted(o.seed for o in found) == list(range(70, 76))
    (lost,) = [o for o in found if o.kind != "passed"]
    assert (lost.kind, lost.message) == ("error", "the worker process died (SIGKILL)")


def test_ctrl_c_ends_with_130_and_the_run_goes_on_where_it_was(keys: Path, tmp_path: Path) -> None:
    need("micropython")
    report = tmp_path / "report"
    words = ["sim", "run", "visit", "-n", "12", "--seed", "1", "--report", str(report)]
    environment = os.environ | {"TOURNEE_TEST_KEYS": str(keys)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tournee.cli", *words],
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    first = threading.Thread(target=_interrupt_after_a_line, args=(report / SESSIONS, process))
    first.start()
    _, said = process.communicate(timeout=200)
    first.join()
    assert process.returncode == 130 and "--resume" in said, said
    before = (report / SESSIONS).read_text("utf-8").splitlines()
    assert 1 <= len(before) < 12
    done = tournee(keys, *words, "--resume")
    assert done.returncode == 0 and "12 sessions: 12 passed" in done.stdout, done.stdout + done.stderr
    numbers = [json.loads(line)["number"] for line in (report / SESSIONS).read_text("utf-8").splitlines()]
    assert sorted(numbers) == list(range(12)) and numbers[: len(before)] == [
        json.loads(line)["number"] for line in before
    ]


def _interrupt_after_a_line(path: Path, process: subprocess.Popen[str]) -> None:
    waiting = threading.Event()
    while process.poll() is None and not (path.exists() and path.read_text("utf-8").count("\n")):
        waiting.wait(0.05)
    process.send_signal(signal.SIGINT)


@pytest.mark.xdist_group("qemu")
@pytest.mark.timeout(900)
def test_the_same_scenario_on_two_boards(keys: Path, tmp_path: Path) -> None:
    """A Cortex-M3 in QEMU beside the process; what only the process can be asked is skipped there, and said."""
    need("micropython")
    need("qemu")
    report = tmp_path / "report"
    image = {IMAGE_VARIABLE: str(images.image())}
    words = ["sim", "run", "visit", "faults/pps", "--only", "visit", "--board", "unix,qemu", "--report", str(report)]
    done = tournee(keys, *words, env=image)
    assert done.returncode == 0 and "2 sessions: 2 passed" in done.stdout, done.stdout + done.stderr
    words = [
        "sim",
        "run",
        "faults/pps",
        "--only",
        "pps/DONE/pull",
        "--board",
        "qemu",
        "--report",
        str(tmp_path / "other"),
    ]
    done = tournee(keys, *words, env=image)
    assert done.returncode == 0 and "0 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "only unix can be watched" in (tmp_path / "other" / "junit.xml").read_text("utf-8")
