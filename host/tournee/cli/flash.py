"""`tournee flash`: put the firmware on boards, one line and one label record each. For hardware teams, hence in English."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
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
@click.option("--dry-run", is_flag=True, help="Say what would be written; change nothing.")
@click.option(
    "--labels", type=click.Path(dir_okay=False, path_type=Path), help="Append one label record per board (JSON Lines)."
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
        return _uf2(uf2, drive, as_json)
    if drive is not None:
        raise UsageError("--drive goes with --uf2.", "Name a serial port with --port.")
    if len(name.encode()) > 32 or not name.isprintable():
        raise UsageError("A name has at most 32 printable characters.", "Choose a shorter one.")
    ports = _ports(port, all_ports)
    if name and len(ports) > 1:
        raise UsageError("One name would go to several boards.", "Leave --name out, or flash them one by one.")
    rows, worst = [], 0
    for each in ports:
        try:
            done = _one(each, board, name, erase, dry_run, quiet=as_json)
        except TourneeError as exc:
            if len(ports) == 1:
                raise
            worst = exc.exit_code
            rows.append({"port": each.device, "ok": False, "code": exc.code, "what": exc.what, "remedy": exc.remedy})
            console(stderr=True).print(f"[red]FAILED[/]  {each.device}  {exc.what}\n  → {exc.remedy}", highlight=False)
            continue
        rows.append(_row(done, dry_run))
        if labels is not None and not dry_run:
            _label(labels, done)
        if not as_json:
            _say(done, dry_run)
    if as_json:
        emit({"boards": rows})
    return worst


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

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def said(stage: str, done: int, of: int) -> None:
            total = {"total": of, "completed": done} if stage == "write" else {}
            bar.update(task, description=f"{title}  {_STAGES[stage]}", **total)  # type: ignore[arg-type]

        yield said


def _say(done: Done, dry_run: bool) -> None:
    out = console()
    if dry_run:
        plan = done.plan
        out.print(
            f"{done.port}  {done.board}, MicroPython {done.micropython}: would write {len(plan.write)} files, {plan.bytes} bytes",
            highlight=False,
        )
        for path in (*plan.write, *plan.root):
            out.print(f"  + {path}", highlight=False)
        for path in plan.stale:
            out.print(f"  - {path}", highlight=False)
        return
    what = "already had it" if done.up_to_date else f"{done.sent_bytes} bytes"
    out.print(
        f"[green]OK[/]  {done.port}  {done.board}  {done.name}  {done.unique_id}  firmware {done.firmware}"
        f" {done.manifest[:12]}  {what}, {done.seconds} s",
        highlight=False,
        soft_wrap=True,
    )


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


def _label(path: Path, done: Done) -> None:
    record = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **done.label()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _uf2(source: Path, drive: Path | None, as_json: bool) -> int:
    from tournee.flash.adapters import drives

    with _progress(source.name, as_json) as said:
        folder = drives.copy(source, drive, lambda done, of: said("write", done, of))
    if as_json:
        emit({"uf2": source.name, "drive": str(folder)})
    else:
        console().print(
            f"[green]OK[/]  {source.name} → {folder}\n  The board restarts; then: tournee flash", highlight=False
        )
    return 0
