"""The C twin under AddressSanitizer and UBSan: a tenth of the examples of `make test`; `make asan` runs them all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tournee_sim.pytest_plugin import need

_ROOT = Path(__file__).resolve().parents[2]


def test_the_twins_run_clean_under_the_sanitizers() -> None:
    need("ctwin")
    need("sanitizers")
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.asan", "tests/fuzz/test_b2_twins.py", "tests/unit/test_b2_golden.py"],
        cwd=_ROOT,
        env=os.environ | {"TOURNEE_FUZZ": "0.1", "TOURNEE_REQUIRE": "ctwin", "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
