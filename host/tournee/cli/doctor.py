"""`tournee doctor`: named checks of this computer, each OK, SKIPPED or FAILED with one remedy."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from tournee.cli.output import console, emit, json_option
from tournee.errors import TourneeError

OK, SKIPPED, FAILED = "OK", "SKIPPED", "FAILED"


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str
    detail: str
    remedy: str = ""
    exit_code: int = 0


@click.command(name="doctor")
@click.option("--offline", is_flag=True, help="Leave the mail servers and the terminal alone.")
@json_option
def command(offline: bool, as_json: bool) -> int:
    """Check this computer: Python, C twin, links, journal, cards, mail. Changes nothing."""
    found: list[Finding] = []
    out = console(stderr=as_json)
    for check in _CHECKS if not offline else _CHECKS[:-2]:
        for finding in check():
            found.append(finding)
            if not as_json:
                colour = {OK: "green", SKIPPED: "yellow", FAILED: "red"}[finding.verdict]
                out.print(f"[{colour}]{finding.verdict:<8}[/] {finding.check:<14} {finding.detail}")
                if finding.remedy:
                    out.print(f"{'':<24}→ {finding.remedy}")
    failed = [f for f in found if f.verdict == FAILED]
    if as_json:
        emit({"checks": [f.__dict__ for f in found], "failed": len(failed)})
    else:
        skipped = sum(f.verdict == SKIPPED for f in found)
        out.print(f"{len(found) - len(failed) - skipped} OK, {skipped} skipped, {len(failed)} failed")
    return failed[0].exit_code if failed else 0


def _python() -> Iterator[Finding]:
    text = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    good = sys.version_info >= (3, 11)
    yield Finding("python", OK if good else FAILED, text, "" if good else "Install Python 3.11 or newer.", 2)


def _twin() -> Iterator[Finding]:
    from tournee.b2.twin import codec

    name = codec().name
    if name == "c":
        yield Finding("c-twin", OK, "records are encoded in C")
    else:
        yield Finding(
            "c-twin",
            SKIPPED,
            "not built: the Python twin is used, slower",
            "Install a C compiler and reinstall tournee.",
        )


def _serial() -> Iterator[Finding]:
    import os

    from serial.tools import list_ports

    ports = [p.device for p in list_ports.comports()]
    closed = [p for p in ports if os.name == "posix" and not os.access(p, os.R_OK | os.W_OK)]
    if closed:
        yield Finding(
            "serial",
            FAILED,
            f"no permission for {', '.join(closed)}",
            "Add yourself to the group dialout, then log in again.",
            4,
        )
    elif ports:
        yield Finding("serial", OK, ", ".join(ports))
    else:
        yield Finding("serial", SKIPPED, "no serial port", "Plug the terminal in, or use Bluetooth.")


def _bluetooth() -> Iterator[Finding]:
    from pathlib import Path

    if platform.system() != "Linux":
        yield Finding("bluetooth", OK, "the system's own")
    elif not Path("/run/dbus/system_bus_socket").exists():
        yield Finding(
            "bluetooth",
            SKIPPED,
            "no D-Bus here",
            "Use USB, or a Bluetooth dongle by URL: ble:NAME?hci=usb:0 (docs/BLUETOOTH.md).",
        )
    elif not any(Path("/sys/class/bluetooth").glob("hci*")):
        yield Finding("bluetooth", SKIPPED, "no adapter", "Plug a Bluetooth adapter in, or use USB.")
    else:
        yield Finding("bluetooth", OK, "adapter present")


def _pcsc() -> Iterator[Finding]:
    from importlib.util import find_spec

    if find_spec("smartcard") is None:
        yield Finding(
            "pcsc", SKIPPED, "pyscard is not installed", "For ordinary card readers: pip install 'tournee[pcsc]'"
        )
    else:
        yield Finding("pcsc", OK, "pyscard is installed")


def _simulator() -> Iterator[Finding]:
    import shutil
    from pathlib import Path

    beside = Path(sys.executable).with_name("micropython")
    if beside.exists() or shutil.which("micropython"):
        yield Finding("micropython", OK, "the simulator can run the firmware")
    else:
        yield Finding("micropython", SKIPPED, "not installed: no simulator", "pip install 'tournee[sim]'")


def _journal() -> Iterator[Finding]:
    from tournee.cli.office import opened
    from tournee.store.errors import NotInitialised

    try:
        with opened(write=False) as office:
            count = len(office.journal.entries())
            yield Finding("journal", OK, f"{count} entries in {office.folder}")
            if office.chosen is None:
                yield Finding("cabinet", SKIPPED, "not chosen", "tournee init")
                return
            rows = len(office.cabinet.directory.destinations) if office.cabinet.directory_json else 0
            if rows:
                yield Finding("destinations", OK, f"{rows} rows")
            else:
                yield Finding("destinations", FAILED, "no directory of funds", "tournee init --destinations FILE", 2)
            for series, (first, last) in office.journal.ranges().items():
                left = last - first + 1
                good = left > 100
                remedy = "" if good else "tournee init --range FIRST-LAST"
                yield Finding(f"numbers-{series}", OK if good else FAILED, f"{left} left", remedy, 3)
    except NotInitialised as exc:
        yield Finding("journal", SKIPPED, exc.what, exc.remedy)
    except TourneeError as exc:
        yield Finding("journal", FAILED, exc.what, exc.remedy, exc.exit_code)


def _mail() -> Iterator[Finding]:
    import socket

    from tournee.cli.office import opened

    try:
        with opened(write=False) as office:
            account = office.chosen.account if office.chosen else None
    except TourneeError:
        account = None
    if account is None:
        yield Finding("mail", SKIPPED, "no account", "tournee init")
        return
    for name, host, port in (
        ("smtp", account.smtp_host, account.smtp_port),
        ("pop3", account.pop3_host, account.pop3_port),
    ):
        try:
            with socket.create_connection((host, port), timeout=5):
                yield Finding(name, OK, f"{host}:{port} answers")
        except OSError as exc:
            yield Finding(
                name,
                FAILED,
                f"{host}:{port}: {exc.strerror or exc}",
                "Check the network and the account (tournee init).",
                5,
            )


def _terminal() -> Iterator[Finding]:
    import asyncio

    from tournee.cli.connect import reader_for, terminal_url

    try:
        url = terminal_url()
    except TourneeError as exc:
        yield Finding("terminal", SKIPPED, exc.what, exc.remedy)
        return

    async def ask() -> str:
        async with reader_for(url) as reader:
            info = await reader.info()
            return f"{info.name}: firmware {info.firmware} on {info.board}, channel {info.channel}"

    try:
        yield Finding("terminal", OK, asyncio.run(ask()))
    except TourneeError as exc:
        yield Finding("terminal", FAILED, exc.what, exc.remedy, exc.exit_code)


_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _twin,
    _serial,
    _bluetooth,
    _pcsc,
    _simulator,
    _journal,
    _mail,
    _terminal,
)
