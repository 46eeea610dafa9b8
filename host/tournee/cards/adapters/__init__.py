"""Opens whatever holds cards: a terminal by its link, or the PC/SC readers of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tournee.link.url import Url, parse
from tournee.terminal.line import Patience
from tournee.terminal.model import Reader

if TYPE_CHECKING:
    from tournee.cards.adapters.pcsc import AskPin


async def open_reader(
    url: str | Url,
    *,
    patience: Patience | None = None,
    ask_pin: AskPin | None = None,
    session_id: bytes | None = None,
) -> Reader:
    """An open reader. `ask_pin` is for PC/SC readers, `session_id` (8 bytes) for terminals, which have a keypad of their own.

    Raises BadUrl, LinkError, TerminalError.
    """
    parsed = parse(url) if isinstance(url, str) else url
    if parsed.scheme == "pcsc":
        from tournee.cards.adapters.pcsc import PcscReader

        return await PcscReader.open(parsed, ask_pin=ask_pin)
    from tournee.terminal.adapters import connect

    return await connect(parsed, patience=patience, session_id=session_id)
