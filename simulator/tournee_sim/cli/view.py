"""What `tournee sim up` shows: how to use the terminal, and on a tty its display, live, with this keyboard as its keypad."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from tournee_sim.boards.unix import BoardError, UnixBoard
from tournee_sim.cli.control import printable

_KEYS = {"\n": "\r", "\r": "\r", "\x1b": "\x1b", "\x7f": "\b", "\b": "\b"}


class View:
    """While open; `live` redraws the display in place, otherwise the introduction is printed once (nothing when `quiet`)."""

    def __init__(self, board: UnixBoard, *, live: bool, quiet: bool) -> None:
        self._board = board
        self._quiet = quiet
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if live else None
        self._terminal: list[Any] | None = None
        self._before: Callable[[], None] = board.on_change

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        self._console.print(self._introduction(), highlight=False, soft_wrap=True)
        if self._live:
            self._live.start()
            self._board.on_change = self._draw
            self._draw()
            self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.on_change = self._before
        if self._terminal is not None:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._terminal)
        if self._live:
            self._live.stop()

    def _introduction(self) -> str:
        board = self._board
        name = "" if board.config.name == "Tournee-0001" else f" --name {board.config.name}"
        cards = ", ".join(card or "empty" for card in board.status()["slots"])
        return (
            f"[bold]{board.config.name}[/] SIMULATION, cards: {cards}\n"
            f"  URL          [bold]{board.url}[/]\n"
            f"  code porteur [bold]{board.pin}[/]" + (" (typed by itself)" if board.config.auto_pin else "") + "\n"
            f"  host         tournee terminal use '{board.url}'\n"
            f"  cards        tournee sim insert 1 vitale-seule{name} · tournee sim pull 1{name}\n"
            f"  keypad       tournee sim type 1234{name}"
            + (" · or the digits here, Enter = OK, Esc = cancel" if self._live else "")
            + self._pcsc()
            + f"\n  trace        {board.config.trace}\n  stop         Ctrl-C · tournee sim down{name}"
        )

    def _pcsc(self) -> str:
        if self._board.ccid is None:
            return ""
        config = self._board.ccid.config
        rows = zip(("PC/SC", "", "pcscd", "a client"), (*config.lines, *config.commands), strict=True)
        return "".join(f"\n  {name:<12} {text}" for name, text in rows)

    def _draw(self) -> None:
        if not self._live:
            return
        status = self._board.status()
        counters = status["counters"]
        slots = " · ".join(f"slot {n}: {card or 'empty'}" for n, card in enumerate(status["slots"]))
        power = "" if status["running"] else "  OFF"
        display = Panel(
            Text("\n".join(map(printable, status["display"]))), width=24, title=f"{self._board.config.name}{power}"
        )
        figures = f"{counters['apdus']} APDUs · {counters['round_trips']} round trips"
        self._live.update(Group(display, Text(slots), Text(figures, style="dim")), refresh=True)

    def _listen(self) -> None:
        """Keys of this terminal window, one by one; Ctrl-C still is Ctrl-C."""
        if not sys.stdin.isatty():
            return
        descriptor = sys.stdin.fileno()
        self._terminal = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        asyncio.get_running_loop().add_reader(descriptor, self._pressed)

    def _pressed(self) -> None:
        for key in os.read(sys.stdin.fileno(), 64).decode("ascii", "ignore"):
            with contextlib.suppress(BoardError):
                self._board.type(_KEYS.get(key, key))
