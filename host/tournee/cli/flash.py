"""`tournee flash`: put the firmware on boards, one line and one label record each. For hardware teams, hence in English."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tournee.cli.output import console, emit, json_option
from tournee.errors import TourneeError, UsageError

if TYPE_CHECKING:
    from tournee.flash.adapters.board import Done
    from tournee.flash.adapters.serialports import Port
    from tournee.flash.install import Progress

AUTO = "auto"
_STAGES = {"erase": "erasing", "write": "writing", "check": "checking", "start": "starting"}


@click.command(name="flash")
@click.option(
    "--port", default=AUTO, show_default=True, help="Serial port of the board, or auto: the only one there is."
)
@click.option("--all-ports", is_flag=True, help="Every board that is connected, one after the other.")
@click.option("--board", help="Which board it is; else it says so itself.")
@click.option("--name", default="", help="Name of the terminal, shown and advertised; else the one it has.")
@click.option("--erase", is_flag=True, help="First remove both versions and the name from the board.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be written, and write nothing; a terminal that runs is restarted."
)
@click.option(
    "--labels",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append one label record per board (JSON Lines), also of one that failed.",
)
@click.option(
    "--uf2",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put this MicroPython on a board in bootloader mode.",
)
@click.option(
    "--drive", type=click.Path(file_okay=False, path_type=Path), help="With --uf2: the boot drive, when several."
)
@json_option
def command(
    port: str,
    all_ports: bool,
    board: str | None,
    name: str,
    erase: bool,
    dry_run: bool,
    labels: Path | None,
    uf2: Path | None,
    drive: Path | None,
    as_json: bool,
) -> int:
    """Put the firmware on a board that runs MicroPython. What was broken off is gone on with; the old version runs until the new one is checked."""
    if uf2 is not None:
        given = {"--port": port != AUTO, "--all-ports": all_ports, "--board": board, "--name": name}
        _alone("--uf2", {**given, "--erase": erase, "--labels": labels})
        return _uf2(uf2, drive, dry_run, as_json)
    if drive is not None:
        raise UsageError("--drive goes with --uf2.", "Name a serial port with --port.")
    name = _named(name)
    if board is not None:
        _known(board)
    ports = _ports(port, all_ports)
    if name and len(ports) > 1:
        raise UsageError("One name would go to several boards.", "Leave --name out, or flash them one by one.")
    rows, worst = [], 0
    with _labels(None if dry_run else labels) as label:
        for each in ports:
            try:
                done = _one(each, board, name, erase, dry_run, quiet=as_json)
            except TourneeError as exc:
                failed = {"port": each.device, "ok": False, "code": exc.code, "what": exc.what}
                if len(ports) > 1:
                    _line("FAILED", "red", f"{each.device}  {exc.what} → {exc.remedy}", stderr=True)
                label(failed)
                if len(ports) == 1:
                    raise
                worst = exc.exit_code
                rows.append({**failed, "remedy": exc.remedy})
                continue
            rows.append(_row(done, dry_run))
            if not as_json:
                _say(done, dry_run)
            label({"port": done.port, "ok": True, **done.label()})
    if as_json:
        emit({"boards": rows})
    return worst


def _alone(option: str, given: dict[str, object]) -> None:
    if strange := next((name for name, value in given.items() if value), None):
        raise UsageError(f"{strange} does not go with {option}.", f"Leave it out: first {option}, then tournee flash.")


def _named(given: str) -> str:
    from tournee_protocol.link import BLE_NAME_BYTES

    name = given.strip()
    if given and not name:
        raise UsageError("A name of blanks is none.", "Leave --name out, or give one with letters.")
    # In this order: what cannot be encoded is not printable.
    if not name.isprintable() or len(name.encode()) > BLE_NAME_BYTES:
        raise UsageError(
            f"A name has at most {BLE_NAME_BYTES} bytes, all printable (a letter with an accent has two).",
            "Choose a shorter one.",
        )
    return name


def _known(board: str) -> None:
    from tournee.flash import fileset

    fileset.settings_of(board)


def _ports(port: str, every: bool) -> list[Port]:
    from tournee.flash.adapters import serialports
    from tournee.flash.errors import NoPort

    if every:
        if port != AUTO:
            raise UsageError("--all-ports and --port exclude each other.", "Give one of them.")
        found = serialports.found()
        if not found:
            raise NoPort
        return found
    if port == AUTO:
        return [serialports.the_one()]
    return [serialports.named(port)]


def _one(port: Port, board: str | None, name: str, erase: bool, dry_run: bool, *, quiet: bool) -> Done:
    from tournee.flash.adapters.board import flash

    with _progress(port.device, quiet) as said:
        return flash(port, board=board, name=name, erase=erase, dry_run=dry_run, said=said)


@contextmanager
def _progress(title: str, quiet: bool) -> Iterator[Progress]:
    if quiet or not sys.stderr.isatty():
        yield lambda stage, done, of: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def said(stage: str, done: int, of: int) -> None:
            total = {"total": of, "completed": done} if stage == "write" else {}
            bar.update(task, description=f"{title}  {_STAGES[stage]}", **total)  # type: ignore[arg-type]

        yield said


def _line(mark: str, style: str, rest: str, *, stderr: bool = False) -> None:
    """One line; `rest` may hold brackets, which rich would take for its own."""
    from rich.text import Text

    console(stderr=stderr).print(Text.assemble((mark, style), "  ", rest), highlight=False, soft_wrap=True)


def _say(done: Done, dry_run: bool) -> None:
    if dry_run:
        plan = done.plan
        would = f"would write {len(plan.write) + len(plan.root)} files, {plan.bytes} bytes"
        _line(done.port, "", f"{done.board}, MicroPython {done.micropython}: {would}")
        for mark, paths in (("  +", (*plan.write, *plan.root)), ("  -", plan.stale)):
            for path in paths:
                click.echo(f"{mark} {path}")
        return
    what = "already had it" if done.up_to_date else f"{done.sent_bytes} bytes"
    has = f"firmware {done.firmware} {done.manifest[:12]}"
    _line("OK", "green", f"{done.port}  {done.board}  {done.name}  {done.unique_id}  {has}  {what}, {done.seconds} s")


def _row(done: Done, dry_run: bool) -> dict[str, Any]:
    plan = done.plan
    return {
        "port": done.port,
        "ok": True,
        **done.label(),
        "dry_run": dry_run,
        "up_to_date": done.up_to_date,
        "bytes": done.sent_bytes,
        "seconds": done.seconds,
        "write": [*plan.write, *plan.root],
        "remove": list(plan.stale),
    }


@contextmanager
def _labels(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What adds a record. That the file takes none shows before a board is touched; that it takes no more, after the last one."""
    from tournee.flash.errors import LabelsRefused

    if path is None:
        yield lambda record: None
        return
    refused: list[OSError] = []

    def add(record: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": at, **record}, ensure_ascii=False) + "\n")
        except OSError as exc:
            refused.append(exc)

    try:
        path.open("a").close()
    except OSError as exc:
        raise LabelsRefused(str(path), exc.strerror or "") from None
    yield add
    if refused:
        raise LabelsRefused(str(path), refused[0].strerror or "")


def _uf2(source: Path, drive: Path | None, dry_run: bool, as_json: bool) -> int:
    from tournee.flash.adapters import drives

    copy = drives.ready(source, drive)
    if not dry_run:
        with _progress(source.name, as_json) as said:
            copy.run(lambda done, of: said("write", done, of))
    if as_json:
        emit({"uf2": source.name, "drive": str(copy.drive), "bytes": len(copy.data), "dry_run": dry_run})
    elif dry_run:
        of = f" of {copy.family}" if copy.family else ""
        _line(source.name, "", f"would be copied to {copy.drive}: {len(copy.data)} bytes{of}")
    else:
        _line("OK", "green", f"{source.name} → {copy.drive}")
        click.echo("  The board restarts; then: tournee flash")
    return 0
