"""The table of commands in docs/CLI.md, made from the commands themselves: `python -m tests.tools.cli_page --write`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import click

PAGE = Path(__file__).resolve().parents[2] / "docs/CLI.md"
_BEGIN, _END = "<!-- commands: python -m tests.tools.cli_page --write -->\n", "<!-- end of commands -->\n"


def commands() -> Iterator[tuple[str, str, str]]:
    """(`tournee group command ARGUMENTS`, its first sentence, its options) of every command, in the order of the help."""
    from tournee.cli.app import tree

    def walk(command: click.Command, name: str) -> Iterator[tuple[str, str, str]]:
        if not isinstance(command, click.Group):
            words = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
            yield " ".join((name, *words)).strip(), command.get_short_help_str(limit=200), _options(command)
            return
        context = click.Context(command)
        for child in command.list_commands(context):
            if (found := command.get_command(context, child)) is not None and not found.hidden:
                yield from walk(found, f"{name} {child}")

    return walk(tree, "tournee")


def _options(command: click.Command) -> str:
    shown = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    return " ".join(f"`{'/'.join((p.opts[-1], *p.secondary_opts))}`" for p in shown)


def page() -> str:
    """docs/CLI.md as it should be."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    rows = "".join(f"| `{name}` | {text} | {options} |\n".replace("[|", "[\\|") for name, text, options in commands())
    return f"{head}{_BEGIN}| command | what | options (`--help` explains) |\n|---|---|---|\n{rows}{_END}{tail}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    PAGE.write_text(page(), encoding="utf-8")
