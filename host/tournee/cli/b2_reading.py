"""How the commands of `b2` and `noemie` open a file: recognised, with a bar when it is long, to its first fault or beyond (`--tolerant`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from tournee.cli.output import console

if TYPE_CHECKING:
    from tournee.b2.errors import B2Error
    from tournee.b2.plan import Plan
    from tournee.b2.read import Lu, Ouvert

REFUSED = 3
_LONG_BYTES = 5_000_000

profile_option = click.option(
    "--profile", metavar="NORME", help="Norme du fichier (sv-sim-1, b2-cp, noemie…) si elle n'est pas reconnue."
)
tolerant_option = click.option(
    "--tolerant",
    is_flag=True,
    help="Continue après une faute : chacune est nommée, le reste est lu, rien n'est réparé.",
)


@dataclass
class Lecture:
    """Records of a file, one by one. Iterating raises the first fault; when tolerant it skips what cannot be read and keeps `faults`."""

    plan: Plan
    lus: Iterator[Lu]
    tolerant: bool
    faults: list[B2Error] = field(default_factory=list)

    def __iter__(self) -> Iterator[Any]:
        for lu in self.lus if self.tolerant else strict(self.lus):
            self.faults += lu.faults
            if lu.record is not None:
                yield lu.record

    def code(self) -> int:
        """Exit code after the last record; names the faults on the standard error."""
        out = console(stderr=True)
        for fault in self.faults:
            out.print(f"✗ {fault.what}", style="red", markup=False)
        if self.faults:
            out.print(f"{len(self.faults)} faute(s) ; ce qui est illisible manque dans le résultat.", style="red")
        return REFUSED if self.faults else 0


def strict(lus: Iterable[Lu]) -> Iterator[Lu]:
    """The same records up to and with the first that has a fault, which is then raised."""
    for lu in lus:
        yield lu
        if lu.faults:
            raise hinted(lu.faults[0])


def hinted(fault: B2Error) -> B2Error:
    """The same error, whose remedy also names the option that reads on."""
    fault.remedy = f"{fault.remedy} --tolerant lit la suite."
    return fault


def plan_of(profile: str) -> Plan:
    """The plan of a layout; raises UsageError for an unknown name."""
    from tournee.b2.plan import plan
    from tournee.errors import UsageError
    from tournee_protocol.layouts import profile_names

    if profile not in profile_names():
        raise UsageError(f"Norme inconnue : {profile}.", f"Choisissez parmi {', '.join(profile_names())}.")
    return plan(profile)


def opened(file: BinaryIO, profile: str | None) -> Ouvert:
    """A stream recognised; raises UsageError for an unknown profile, B2Error when no layout fits."""
    from tournee.b2.read import ouvrir

    if profile:
        plan_of(profile)
    return ouvrir(file, profile)


def lecture(file: Path, profile: str | None, *, tolerant: bool) -> Lecture:
    """Records of a file, checked as `check` does; when not tolerant, raises the first fault of the file as a whole (line ends, EBCDIC) at once."""
    from tournee.b2.check import Controle

    stack = ExitStack()
    found = opened(stack.enter_context(with_bar(file)), profile)
    if found.faults and not tolerant:
        raise hinted(found.faults[0])

    def each() -> Iterator[Lu]:
        with stack:
            yield from Controle(found.plan).lire(found)

    return Lecture(found.plan, each(), tolerant, list(found.faults))


def with_bar(file: Path | BinaryIO, *, talking: bool = False) -> AbstractContextManager[BinaryIO]:
    """The file, opened if it is a path, with a bar on the terminal while it is read when it is long.

    `talking`: much is printed meanwhile; no bar then if it goes to the same terminal.
    """
    stream = file.open("rb") if isinstance(file, Path) else file
    if not sys.stderr.isatty() or not stream.seekable() or (talking and sys.stdout.isatty()):
        return stream
    size = stream.seek(0, os.SEEK_END) - stream.seek(0)
    if size < _LONG_BYTES:
        return stream
    from rich.progress import wrap_file

    name = Path(str(getattr(stream, "name", ""))).name
    return wrap_file(stream, size, description=name, transient=True, console=console(stderr=True))
