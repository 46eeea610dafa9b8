"""The harness judges the product, so it is judged here: skips, TOURNEE_REQUIRE, acceptance, set-up."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup import steps
from tests.tools import acceptance
from tests.tools.acceptance import Line, Table

_CONFTEST = """
from tests.tools import results
def pytest_addoption(parser): results.addoption(parser)
def pytest_configure(config): results.configure(config)
"""
_TESTS = """
import pytest
from tournee_sim.pytest_plugin import need
def test_good(): pass
def test_needs(): need("teapot", False, "buy one")
def test_nameless(): pytest.skip("not today")
@pytest.mark.parametrize("n", [1, 2])
def test_each(n): pass
"""


def _pytest(folder: Path, root: Path, *options: str, require: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_sample.py").write_text(_TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "docs").mkdir(exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TOURNEE_"))}
    env |= {"TOURNEE_REQUIRE": require, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def _table(folder: Path, text: str) -> None:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs/ACCEPTANCE.toml").write_text(text)
    (folder / "docs/ACCEPTANCE.md").write_text(acceptance.render(acceptance.load(folder)))


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_the_run_ends_with_what_was_skipped_and_why(tmp_path: Path, root: Path, workers: list[str]) -> None:
    done = _pytest(tmp_path, root, *workers)
    closing = done.stdout[done.stdout.index("skipped, and why") :]
    assert "1 × needs teapot: buy one" in closing
    assert "1 × not today" in closing
    assert "test_sample.py::test_needs" in closing
    assert closing.strip().splitlines()[-1].strip("= ").startswith("3 passed, 2 skipped")
    assert done.returncode == 0


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_require_turns_a_skip_into_a_failure(tmp_path: Path, root: Path, workers: list[str]) -> None:
    done = _pytest(tmp_path, root, *workers, require="kettle,teapot")
    assert done.returncode == 1
    assert "needs teapot: buy one" in done.stdout
    assert "skipped without saying what it needs" in done.stdout
    assert "3 passed" in done.stdout
    assert "2 failed" in done.stdout


def test_what_is_not_required_may_still_be_skipped(tmp_path: Path, root: Path) -> None:
    done = _pytest(tmp_path, root, "-k", "needs", require="kettle")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [("all", 1), ("all,-teapot", 0), ("all, -renode, -kettle", 1), ("teapot", 1), ("", 0), ("-teapot", 0)],
)
def test_all_but_some_may_be_required(words: str, code: int, tmp_path: Path, root: Path) -> None:
    assert _pytest(tmp_path, root, "-k", "needs", require=words).returncode == code


def test_ci_lets_only_renode_be_skipped(root: Path) -> None:
    lines = [line.split("#")[0].strip() for line in (root / ".ci/run").read_text(encoding="utf-8").splitlines()]
    assert "export TOURNEE_REQUIRE=all,-renode" in lines
    assert lines[-1] == "make test"


def test_acceptance_fails_the_run_for_a_line_without_its_test(tmp_path: Path, root: Path) -> None:
    _table(
        tmp_path,
        '[A1]\ntext="a"\nevidence=["test_sample.py::test_good"]\n[A2]\ntext="b"\nevidence=["test_sample.py::test_each"]\n',
    )
    done = _pytest(tmp_path, root, "--acceptance")
    assert done.returncode == 0, done.stdout
    done = _pytest(tmp_path, root, "--acceptance", "-k", "not each")
    assert done.returncode == 1
    assert "A2: test_sample.py::test_each: exists, but was not run (deselected?)" in done.stdout


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (Line("A1", "x", ("tests/unit/test_harness.py::test_gone",)), "no such test"),
        (Line("A1", "x", ("tests/t.py::test_f",)), "failed: tests/t.py::test_f[2]"),
        (Line("A1", "x", ("tests/t.py::test_s",)), "skipped"),
        (Line("A1", "x", ()), "no evidence"),
        (Line("A1", "x", ("bench:nowhere/nothing",)), "no such row"),
        (Line("A1", "x", ("picture:docs/none.png tool",)), "no such file"),
        (Line("A1", "x", ("picture:README.md",)), "say the command"),
        (Line("A2", "x", open=True), "A1: not in docs/ACCEPTANCE.toml"),
    ],
)
def test_acceptance_names_what_is_wrong(line: Line, problem: str, root: Path, tmp_path: Path) -> None:
    outcomes = {
        "tests/t.py::test_f[1]": "passed",
        "tests/t.py::test_f[2]": "failed",
        "tests/t.py::test_s": "skipped:renode",
    }
    found = [p for p in acceptance.check(Table({"A": 1}, (line,)), outcomes, root) if "is not what" not in p]
    assert len(found) == 1
    assert problem in found[0]


def test_acceptance_accepts_good_evidence(root: Path) -> None:
    outcomes = {"tests/t.py::test_f[1]": "passed", "tests/t.py::test_s": "skipped:renode"}
    lines = (
        Line("A1", "x", ("tests/t.py::test_f", "tests/t.py::test_s"), may_skip=("renode",)),
        Line("A2", "y", open=True),
    )
    found = acceptance.check(Table({"A": 2}, lines), outcomes, root)
    assert [p for p in found if "is not what" not in p] == []


def test_a_process_left_running_fails_the_run(tmp_path: Path, root: Path) -> None:
    _table(tmp_path, '[A1]\ntext="a"\nevidence=["test_left.py::test_leaves"]\n')
    child = "import sys, time; print('started', flush=True); time.sleep(60 if sys.argv[1] == 'left' else 0)"
    body = (
        "import subprocess, sys\n"
        "def test_leaves():\n"
        f"    left = subprocess.Popen([sys.executable, '-c', {child!r}, WORD], stdout=subprocess.PIPE)\n"
        "    left.stdout.readline()\n"
    )
    for word, code in [("gone", 0), ("left", 1)]:
        (tmp_path / "test_left.py").write_text(body.replace("WORD", repr(word)))
        done = _pytest(tmp_path, root, "--acceptance", "test_left.py")
        assert done.returncode == code, done.stdout
        for line in done.stdout.splitlines():
            if line.startswith("left running: "):
                os.kill(int(line.split()[2].rstrip(":")), signal.SIGKILL)
    assert "left running: " in done.stdout


@pytest.mark.parametrize(
    ("outcome", "strict", "good"),
    [
        ("skipped:teapot", False, True),
        ("skipped:teapot", True, False),
        ("skipped:renode", True, True),
        ("skipped:", False, False),
    ],
)
def test_where_a_skip_is_accepted(outcome: str, strict: bool, good: bool, root: Path) -> None:
    table = Table({}, (Line("A1", "x", ("tests/t.py::test_s",), may_skip=("renode",)),))
    found = acceptance.check(table, {"tests/t.py::test_s": outcome}, root, strict)
    assert [p for p in found if "is not what" not in p] == ([] if good else ["A1: tests/t.py::test_s: skipped"])


def test_bootstrap_can_be_read_by_an_old_python(root: Path) -> None:
    ast.parse((root / "tests/setup/bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_setup_is_repeated_only_when_something_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = steps.fingerprint([])
    assert steps.fingerprint([]) == before
    assert steps.fingerprint(["pcsc"]) != before
    monkeypatch.setenv("TOURNEE_SKIP_C", "1")
    assert steps.fingerprint([]) != before


def test_an_extra_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert steps.main(["--extras", "teapot"]) == 1
    said = capsys.readouterr().err
    assert "no extra teapot" in said
    assert "pcsc" in said


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "no network"),
        ("something else", "something else"),
    ],
)
def test_a_failed_setup_says_why_and_what_to_do(
    output: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOG", tmp_path / "out/setup.log")
    with pytest.raises(steps.SetupError) as caught:
        steps.run([sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"], "the packages cannot be installed")
    assert cause in caught.value.what
    assert caught.value.remedy
    assert output in (tmp_path / "out/setup.log").read_text()


def test_without_root_a_missing_package_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(steps, "_quiet", lambda command: 1)  # dpkg does not know it
    monkeypatch.setattr(steps.shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    assert steps.apt_install(["swig"], "PC/SC readers") is False
    assert "sudo apt install swig" in capsys.readouterr().out
