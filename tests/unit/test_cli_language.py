"""What a practitioner reads in `--help` is French, what hardware teams and QA read is English (DESIGN §1)."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from tournee.cli.app import tree

FRENCH = ("init", "read", "bill", "send", "inbox", "status", "b2", "noemie")
ENGLISH = ("terminal", "serve", "doctor", "demo")


def _commands(name: str) -> Iterator[tuple[str, click.Command]]:
    command = tree.get_command(click.Context(tree), name)
    assert command is not None
    yield name, command
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            yield f"{name} {sub.name}", sub


@pytest.mark.parametrize("name", [*FRENCH, *ENGLISH])
def test_the_json_option_speaks_the_language_of_its_command(name: str) -> None:
    for path, command in _commands(name):
        for option in command.params:
            if isinstance(option, click.Option) and "--json" in option.opts:
                assert ("au lieu du texte" in str(option.help)) == (name in FRENCH), path


@pytest.mark.parametrize("name", FRENCH)
def test_every_option_of_a_practitioner_is_explained(name: str) -> None:
    silent = [
        f"{path} {option.opts[0]}"
        for path, command in _commands(name)
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent
