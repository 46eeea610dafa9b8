"""Which terminal, and the cards in it, for every command that needs them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from tournee.cli import settings
from tournee.errors import CardError, UsageError

if TYPE_CHECKING:
    from tournee.cards.desk import Desk
    from tournee.terminal.model import Reader

terminal_option = click.option(
    "--terminal",
    "url",
    metavar="URL",
    help="serial:…, tcp:…, ble:… ou pcsc:… ; sinon celui de « tournee terminal use ».",
)
_SLOW_S = 2.0  # a connection that takes longer is said to be under way


class TerminalInUse(CardError):
    code = "terminal_in_use"

    def __init__(self) -> None:
        super().__init__("Une autre commande tournee utilise le terminal.", "Attendez qu'elle finisse, ou arrêtez-la.")


def terminal_url(given: str | None = None) -> str:
    """The option, else TOURNEE_TERMINAL, else the remembered one, else the only terminal plugged in. Raises UsageError."""
    if url := given or os.environ.get(settings.TERMINAL_VARIABLE) or settings.load().terminal:
        return url
    ports = plugged()
    if len(ports) == 1:
        return f"serial:{ports[0]}"
    what = "Plusieurs terminaux sont branchés." if ports else "Aucun terminal n'est choisi."
    raise UsageError(what, "Cherchez-le par tournee terminal scan, puis tournee terminal use URL.")


def plugged() -> list[str]:
    """Of each board that may be a terminal, the port it is spoken to on."""
    from tournee.link.adapters import usbports

    return sorted(board.terminal for board in usbports.boards())


@asynccontextmanager
async def reader_for(url: str | None = None) -> AsyncIterator[Reader]:
    """An open reader; says on stderr when the keypad waits for somebody and when the line is lost.

    All commands of this computer share one session with the terminal, so that the PIN is asked once: cards stay powered between
    commands until `tournee terminal lock`, the terminal's own time-out, or a card is pulled. One command at a time uses it.
    """
    from tournee.cards.adapters import open_reader
    from tournee.store import lock
    from tournee.store.errors import JournalLocked
    from tournee.terminal.client import Terminal

    chosen = terminal_url(url)
    session_id = settings.session_id()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.held(settings.session_path().with_suffix(".lock")))
        except JournalLocked:
            raise TerminalInUse from None
        waiting = asyncio.get_running_loop().call_later(_SLOW_S, _say, "Connexion au terminal…")
        try:
            reader = await open_reader(chosen, session_id=session_id)
        finally:
            waiting.cancel()
        telling = asyncio.create_task(_tell(reader))
        try:
            yield reader
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            if isinstance(reader, Terminal):
                await reader.detach()
            else:
                await reader.close()


@asynccontextmanager
async def desk_for(office: object = None, *, url: str | None = None) -> AsyncIterator[Desk]:
    """The two cards in the terminal of this computer (`office` is not looked at: there is one terminal per computer)."""
    from tournee.cards.desk import Desk

    async with reader_for(url) as reader:
        yield Desk(reader)


async def _tell(reader: Reader) -> None:
    from tournee.terminal.model import KeypadChanged, LinkChanged
    from tournee_protocol.link import KeypadState

    if reader.url.startswith("pcsc:"):
        return
    async for event in reader.events():
        if isinstance(event, KeypadChanged) and event.state is KeypadState.OPENED:
            _say("Saisissez votre code porteur sur le terminal.")
        elif isinstance(event, LinkChanged):
            _say("Liaison retrouvée." if event.up else "Liaison perdue, nouvel essai…")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
