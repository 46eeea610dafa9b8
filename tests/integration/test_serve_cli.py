"""`tournee serve` as a process: answers over a real socket; says what is wrong when it cannot."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner

from tests.unit.billing_cases import bill, rights
from tournee.billing import bill_to_json, rights_to_json
from tournee.cli.serve import command
from tournee.errors import NetworkError, UsageError


def test_serve_answers_on_this_computer_only() -> None:
    program = [sys.executable, "-u", "-m", "tournee.cli", "serve", "--port", "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.match(r"(http://127\.0\.0\.1:\d+)/", process.stdout.readline())
            assert found
            body = json.dumps({"bill": bill_to_json(bill()), "rights": rights_to_json(rights()), "today": "2025-01-15"})
            request = urllib.request.Request(
                f"{found[1]}/v1/price", body.encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)["totals"]["montant_cents"] == 4000
        finally:
            process.terminate()
            _, said = process.communicate()
    assert said == ""


def test_a_taken_port_is_told_with_its_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(command, ["--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, NetworkError) and "--port" in result.exception.remedy


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(command, [])
    assert isinstance(result.exception, UsageError) and "tournee[web]" in result.exception.remedy
