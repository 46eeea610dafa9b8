"""The command tree. Each command stands in a module of its own that is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper

import click

_COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, short help)
    "init": ("tournee.cli.init:command", "Set up this computer: situation, mail account, number range."),
    "terminal": ("tournee.cli.terminal:app", "Find, inspect and drive the card terminal."),
    "read": ("tournee.cli.read:app", "Read a card: CPS or Vitale."),
    "bill": ("tournee.cli.bill:app", "Make, show, sign and cancel bills."),
    "send": ("tournee.cli.send:command", "Form lots and send them."),
    "inbox": ("tournee.cli.inbox:command", "Fetch returns (ARL, NOEMIE) and match them."),
    "status": ("tournee.cli.status:command", "What is to sign, to send, waiting; then what needs a person."),
    "b2": ("tournee.cli.b2:app", "Show, check, convert, split and compare B2 files."),
    "noemie": ("tournee.cli.b2:noemie", "Show and check NOEMIE returns."),
    "serve": ("tournee.cli.serve:command", "The billing engine over HTTP, for other programs."),
    "flash": ("tournee.cli.flash:command", "Put the firmware on a board."),
    "demo": ("tournee.cli.demo:command", "One simulated home visit, from the cards to the payment."),
    "doctor": ("tournee.cli.doctor:command", "Check this computer: named checks and remedies."),
}

_ADDED = {"sim": "Simulated cards, radio and funds.", "trace": "Read traces of simulated sessions."}
"""Short help of commands that another package adds: it is not imported to ask."""


class _Tree(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *(e.name for e in _plugins() if e.name not in _COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            target, _ = _COMMANDS[cmd_name]
            module, _, attribute = target.partition(":")
            return _named(getattr(importlib.import_module(module), attribute), cmd_name)
        for entry in _plugins():
            if entry.name == cmd_name:
                return _named(entry.load(), cmd_name)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, text) for name, (_, text) in _COMMANDS.items()]
        rows += [(e.name, _ADDED.get(e.name, f"Added by {e.module}.")) for e in _plugins() if e.name not in _COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _plugins() -> Sequence[EntryPoint]:
    return sorted(entry_points(group="tournee.commands"), key=lambda e: e.name)


def _named(target: object, name: str) -> click.Command:
    if not isinstance(target, click.Command):
        raise TypeError(f"{name}: not a click command")
    target.name = name
    return target


@click.group(cls=_Tree, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tournee", prog_name="tournee")
def tree() -> None:
    """Open card terminal and billing for French home-visit care."""


def run(argv: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with the exit codes of docs/CLI.md."""
    from tournee.cli.errors import run_guarded

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without é shows ? and goes on
    sys.exit(run_guarded(tree, list(argv) if argv is not None else None))
