"""pytest hooks: TOURNEE_REQUIRE, the closing list of skips, out/test-results.json, the acceptance check (--acceptance)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools import acceptance, leftovers
from tournee_sim.pytest_plugin import is_required, needed, require_list

_RANK = {"passed": 0, "skipped": 1, "failed": 2}


class Results:
    """Outcome of every test; lives in the controller, its report hooks also in xdist's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._root = config.rootpath
        self._worker = hasattr(config, "workerinput")
        self._outcomes: dict[str, str] = {}
        self._skips: dict[str, list[str]] = {}
        self._problems: list[str] = []
        self._open: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        return _judged((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        return _judged((yield))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report.nodeid, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped or report.failed:
            self._note(report.nodeid, report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._worker or not self._config.getoption("acceptance"):
            return
        out = self._root / "out"
        out.mkdir(exist_ok=True)
        document = {"version": 1, "results": dict(sorted(self._outcomes.items()))}
        (out / "test-results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        table = acceptance.load(self._root)
        self._problems = acceptance.check(table, self._outcomes, self._root, strict=bool(require_list()))
        self._open = [line.id for line in table.lines if line.open]
        self._problems += [f"left running: {process}" for process in leftovers.find()]
        if self._problems and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._config.getoption("acceptance"):
            if self._open:
                terminalreporter.section("acceptance: open lines")
                terminalreporter.write_line(" ".join(self._open))
            if self._problems:
                terminalreporter.section("acceptance and leftovers: FAILED", red=True)
                for problem in self._problems:
                    terminalreporter.write_line(problem, red=True)
        terminalreporter.section("skipped, and why")
        if not self._skips:
            terminalreporter.write_line("nothing")
        for reason, tests in sorted(self._skips.items()):
            terminalreporter.write_line(f"{len(tests):4} × {reason}")
            terminalreporter.write_line(f"       {tests[0]}{' …' if len(tests) > 1 else ''}")

    def _note(self, nodeid: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        before = self._outcomes.get(nodeid, "passed").partition(":")[0]
        if _RANK[report.outcome] >= _RANK[before]:
            self._outcomes[nodeid] = report.outcome
            if report.skipped:
                self._outcomes[nodeid] += f":{needed(_reason(report)) or ''}"
        if report.skipped and not hasattr(report, "wasxfail") and not self._worker:
            self._skips.setdefault(_reason(report), []).append(nodeid)


def _reason(report: Any) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _judged(report: Any) -> Any:
    """Under TOURNEE_REQUIRE a skip fails when it needs something required, or does not say what it needs."""
    if not report.skipped or hasattr(report, "wasxfail") or not require_list():
        return report
    reason = _reason(report)
    capability = needed(reason)
    if capability is None:
        report.outcome = "failed"
        report.longrepr = f"skipped without saying what it needs (need('capability')): {reason}"
    elif is_required(capability):
        report.outcome = "failed"
        report.longrepr = f"required by TOURNEE_REQUIRE, but skipped: {reason}"
    return report


def addoption(parser: pytest.Parser) -> None:
    parser.addoption("--acceptance", action="store_true", help="check docs/ACCEPTANCE.toml against this whole run")


def configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Results(config), "tournee-results")
    leftovers.mark()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        Path(config.rootpath, "out").mkdir(exist_ok=True)
