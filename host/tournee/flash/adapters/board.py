"""One port from whatever runs there to a terminal that has come up with the new firmware."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from tournee.flash import fileset, install
from tournee.flash.adapters import cross, release, repl, serialports
from tournee.flash.adapters.serialports import Port
from tournee.flash.errors import (
    BoardUnknown,
    DidNotStart,
    FlashError,
    NoMicroPython,
    PortBusy,
    PortForbidden,
    PortVanished,
)
from tournee.flash.install import Plan, Progress

_FIND_S = 5.0
_START_S = 30.0


@dataclass(frozen=True)
class Done:
    """One board flashed, or with `dry_run` what would be done; also its label record."""

    port: str
    board: str
    unique_id: str
    name: str
    firmware: str
    manifest: str
    micropython: str
    sent_bytes: int
    up_to_date: bool
    seconds: float
    plan: Plan

    def label(self) -> dict[str, Any]:
        """What a sticker or a stock list wants."""
        keys = ("name", "board", "unique_id", "firmware", "manifest", "micropython")
        return {key: getattr(self, key) for key in keys}


def flash(port: Port, *, board: str | None, name: str, erase: bool, dry_run: bool, said: Progress) -> Done:
    """Raises FlashError. A run that was broken off is gone on with; nothing that runs is touched before all is checked."""
    started = time.monotonic()
    try:
        line = opened(port)
    except NoMicroPython:
        if board is None:
            raise
        raise NoMicroPython(port.device, fileset.settings_of(board)["micropython"]) from None
    try:
        about = line.about()
        chosen = board or install.detect(about)
        if chosen is None:
            raise BoardUnknown(about.machine, ", ".join(fileset.boards("files")))
        wanted = fileset.make(chosen, cross.compiled)
        plan = install.plan(line, wanted, port.device, abi=cross.abi(), erase=erase)
        kept = b"" if erase else line.read(fileset.NAME) or b""
        called = name or kept.decode("utf-8", "replace").strip() or f"Tournee-{about.unique_id[-4:].upper() or '0001'}"
        if not dry_run:
            install.install(
                line, wanted, plan, said, name="" if called.encode() == kept.strip() else called, erase=erase
            )
        line.reset()
    except BaseException:
        with contextlib.suppress(FlashError):
            line.reset()  # what is installed starts again
        raise
    finally:
        line.close()
    if not dry_run:
        said("start", 0, 1)
        called = _come_up(port, wanted.manifest) or called
        said("start", 1, 1)
    return Done(
        port.device,
        chosen,
        about.unique_id,
        called,
        wanted.version,
        wanted.manifest,
        about.micropython,
        plan.bytes,
        plan.up_to_date,
        round(time.monotonic() - started, 1),
        plan,
    )


def opened(port: Port, find_s: float = _FIND_S) -> repl.Repl:
    """The raw REPL, asked of the terminal that runs there if need be; a board may just be starting. Raises FlashError."""
    end = time.monotonic() + find_s
    while True:
        try:
            return repl.opened(port.device)
        except NoMicroPython:
            if not release.released(port.terminal) and time.monotonic() > end:
                raise


def _come_up(port: Port, manifest: str) -> str:
    """Name of the terminal once it answers with this firmware; raises DidNotStart."""
    end, last = time.monotonic() + _START_S, "nothing answered"
    while time.monotonic() < end:
        there = serialports.again(port)
        if there is None:
            last = "its port did not come back"
            time.sleep(0.2)  # USB tells nobody
            continue
        try:
            answer = release.running(there.terminal, 1.0)
        except (PortVanished, PortBusy, PortForbidden) as exc:
            last = exc.what  # a modem manager looks at it first, udev sets its rights late: neither says when
            time.sleep(0.2)
            continue
        if answer is not None:
            if answer[0] == manifest:
                return answer[1]
            last = f"it runs {answer[0][:12]} instead of {manifest[:12]}"
    raise DidNotStart(last)
