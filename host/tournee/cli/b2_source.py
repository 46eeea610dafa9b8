"""Files that `tournee b2` reads more than once, or only once it is known what they are: any path, `-`, a pipe; recognised and verified."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tournee.cli.b2_reading import opened, with_bar
from tournee.cli.whole import stoppable

_NAME = "entree"


class Source(click.Path):
    """A path. What can be read only once is copied to a temporary file first, removed when the command ends."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, allow_dash=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        if ctx is None or (path.is_file() and str(path) != "-"):
            return path
        ctx.with_resource(stoppable())
        copy = Path(ctx.with_resource(tempfile.TemporaryDirectory(prefix="tournee-"))) / _NAME
        with copy.open("wb") as target:
            if str(path) == "-":
                shutil.copyfileobj(sys.stdin.buffer, target)
            else:
                with path.open("rb") as source:
                    shutil.copyfileobj(source, target)
        return copy


def recognised(file: Path, profile: str | None) -> str:
    """Name of the layout; raises B2Error for line ends, EBCDIC, UTF-8, an empty or a foreign file."""
    with told_of(file.name), file.open("rb") as stream:
        found = opened(stream, profile)
        if found.faults:
            raise found.faults[0]
        return found.plan.profile.name


def verify(file: Path, profile: str, name: str) -> int:
    """The records of a file found right to its end; raises B2Error at its first fault, which calls the file `name`."""
    from tournee.b2.verify import justes

    with told_of(name), with_bar(file) as stream:
        return sum(1 for _ in justes(opened(stream, profile)))


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """A fault in it begins with the name of its file."""
    from tournee.b2.errors import B2Error

    try:
        yield
    except B2Error as exc:
        exc.what = f"{name} : {exc.what}"
        raise
