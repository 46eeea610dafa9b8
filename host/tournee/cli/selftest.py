"""`tournee terminal selftest`: named checks of the terminal, for hardware teams; the same on a simulated one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tournee.cli.connect import reader_for, terminal_option
from tournee.cli.errors import CARD
from tournee.cli.output import console, emit, json_option

if TYPE_CHECKING:
    from tournee.terminal.selftest import Check, Progress


@click.command(name="selftest")
@click.option("--slot", type=click.IntRange(0), help="Only the card in this slot.")
@click.option("--person", is_flag=True, help="Somebody stands at the terminal: also display and keypad.")
@terminal_option
@json_option
def command(slot: int | None, person: bool, url: str | None, as_json: bool) -> int:
    """Check flash, heap, clock, battery, and with cards in it voltage classes, ATR, PPS and 1 000 APDUs; each with a remedy."""
    out = console(stderr=as_json)
    found: list[Check] = []

    async def ask() -> None:
        from tournee.errors import UsageError
        from tournee.terminal import Terminal
        from tournee.terminal.selftest import run

        async with reader_for(url) as reader:
            if not isinstance(reader, Terminal):
                raise UsageError("A PC/SC reader cannot test itself.", "Name a Tournée terminal: --terminal URL.")
            if slot is not None and slot not in {s.slot for s in await reader.slots()}:
                raise UsageError(f"This terminal has no slot {slot}.", "See: tournee terminal slots.")
            with _progress(as_json) as said:
                wanted = None if slot is None else [slot]
                async for check in run(
                    reader, _manifests(await _board(reader)), _slept, slots=wanted, person=person, said=said
                ):
                    found.append(check)
                    if not as_json:
                        _say(out, check)

    asyncio.run(ask())
    failed = [c for c in found if c.verdict == "FAILED"]
    if as_json:
        emit({"checks": [c.__dict__ for c in found], "failed": len(failed)})
    else:
        skipped = sum(c.verdict == "SKIPPED" for c in found)
        out.print(f"{len(found) - len(failed) - skipped} OK, {skipped} skipped, {len(failed)} failed")
    return CARD if failed else 0


def _say(out: object, check: Check) -> None:
    from rich.console import Console

    assert isinstance(out, Console)
    colour = {"OK": "green", "SKIPPED": "yellow", "FAILED": "red"}[check.verdict]
    where = check.name if check.slot is None else f"slot {check.slot} {check.name}"
    out.print(f"[{colour}]{check.verdict:<8}[/] {where:<16} {check.detail}")
    if check.remedy:
        out.print(f"{'':<25} → {check.remedy}")


async def _board(reader: object) -> str:
    from tournee.terminal import Terminal

    assert isinstance(reader, Terminal)
    return (await reader.info()).board


def _manifests(board: str) -> list[str]:
    """What this host would put on that board: its sources as they are (simulated, frozen), and compiled."""
    from tournee.errors import TourneeError
    from tournee.flash import fileset
    from tournee.flash.adapters import cross

    found = [fileset.manifest(fileset.installed(fileset.PACKAGE))]
    try:
        if board in fileset.boards("files"):
            found.append(fileset.make(board, cross.compiled).manifest)
    except TourneeError:  # no compiler here: the sources are all there is to compare with
        return found if board == "UNIX" else []
    return found


async def _slept(seconds: float) -> float:
    before = time.monotonic()
    await asyncio.sleep(seconds)
    return time.monotonic() - before


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    if quiet or not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("APDUs"), BarColumn(), MofNCompleteColumn(), console=console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", visible=False)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=done < of)
