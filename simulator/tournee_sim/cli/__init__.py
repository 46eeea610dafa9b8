"""`tournee sim …`: simulated cards, terminals, radio and funds. Each command is imported when it is called.

Exit codes as docs/CLI.md: 0 done, 2 usage, 4 card or terminal, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

_COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("tournee_sim.cli.up:command", "Start a simulated terminal with cards in its slots."),
    "down": ("tournee_sim.cli.control:down", "Stop it."),
    "status": ("tournee_sim.cli.control:status", "What is in the slots, on the display, and the figures."),
    "cards": ("tournee_sim.cli.control:cards", "The cards there are."),
    "insert": ("tournee_sim.cli.control:insert", "Put a card in a slot."),
    "pull": ("tournee_sim.cli.control:pull", "Take a card out."),
    "type": ("tournee_sim.cli.control:type_keys", "Press keys of the terminal's keypad."),
    "display": ("tournee_sim.cli.control:display", "Show the terminal's display."),
    "fault": ("tournee_sim.cli.control:fault", "Make something go wrong."),
    "kill": ("tournee_sim.cli.control:kill", "Cut the terminal's power."),
    "restart": ("tournee_sim.cli.control:restart", "Power the terminal on again."),
    "run": ("tournee_sim.cli.run:command", "Run scenarios by the thousand, with a report."),
    "replay": ("tournee_sim.cli.replay:command", "Run the session of a trace again."),
    "fund": ("tournee_sim.funds.cli:command", "Start simulated health funds with their mailboxes."),
    "air": ("tournee_sim.radio.cli:command", "Start a Bluetooth air alone."),
}


class _Tree(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a click command")
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group("sim", cls=_Tree, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Simulated terminal, cards, radio and funds. SIMULATION: nobody in it exists.

    In one shell: tournee sim up. In another: tournee sim insert 1 vitale-seule, tournee sim type 1234.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code of one run of `python -m tournee_sim`."""
    try:
        result = app.main(args=argv, prog_name="tournee sim", standalone_mode=False)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0
