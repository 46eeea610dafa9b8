"""Opens terminals by URL."""

from __future__ import annotations

import os

from tournee.link.adapters import transport
from tournee.link.session import SESSION_BYTES
from tournee.link.url import Url
from tournee.terminal.client import Terminal
from tournee.terminal.line import Patience


async def connect(url: str | Url, *, patience: Patience | None = None, session_id: bytes | None = None) -> Terminal:
    """An open terminal, with a session of its own or that of `session_id`. Raises BadUrl, LinkUnavailable, LinkTimeout, TerminalError."""
    terminal = Terminal(transport(url), session_id or os.urandom(SESSION_BYTES), patience=patience)
    await terminal.open()
    return terminal
