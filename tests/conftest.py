"""What every test gets: a home of its own, a bounded hypothesis; at the end, what was skipped and why, and the acceptance check."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.tools import results
from tournee_sim.fixtures import keys, terminals  # noqa: F401  (fixtures for every test)

settings.register_profile("tournee", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("tournee"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "tournee")


# A shell that starts this in the background has its children ignore Ctrl-C, and so would every command under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    results.addoption(parser)


def pytest_configure(config: pytest.Config) -> None:
    results.configure(config)


@pytest.fixture(autouse=True, scope="session")
def _a_home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the person's settings, journal or keyring."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOURNEE_HOME", str(home))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        patch.setenv("TOURNEE_DEBUG", "1")  # a bug shows its traceback: the people of the tests are fictitious
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]
