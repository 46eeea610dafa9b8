"""What commands print: JSON with a version for programs, rich text for people; nothing else writes to stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1
"""Of every `--json` document; grows when a field changes its meaning or goes."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document (with a version) instead of text."
)
option_json = click.option(
    "--json", "as_json", is_flag=True, help="Un document JSON (avec sa version) au lieu du texte."
)
"""The same for a practitioner's command."""


def emit(document: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json_text({"version": VERSION, **document}) + "\n")


def json_text(document: Any) -> str:
    """JSON that the standard output carries whole: escaped to ASCII unless it is UTF-8."""
    utf8 = "utf" in (sys.stdout.encoding or "").lower()
    return json.dumps(document, ensure_ascii=not utf8, indent=2)


def console(*, stderr: bool = False) -> Console:
    """The terminal, or plain text in a pipe."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=not sys.stdout.isatty())
