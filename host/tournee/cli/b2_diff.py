"""`tournee b2 diff`: what changed between two files, bill by bill."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tournee.cli.b2_reading import REFUSED, opened, profile_option, with_bar
from tournee.cli.b2_source import Source, told_of
from tournee.cli.output import console

if TYPE_CHECKING:
    from tournee.b2.diff import Ecart
    from tournee.b2.read import Lu
    from tournee.b2.sections import Sections


@click.command()
@click.argument("before", type=Source(), metavar="AVANT")
@click.argument("after", type=Source(), metavar="APRES")
@click.option("--mask", is_flag=True, help="Masque les données personnelles.")
@profile_option
def diff(before: Path, after: Path, mask: bool, profile: str | None) -> int:
    """Montre ce qui change d'un fichier à l'autre, lot par lot et facture par facture.

    Un enregistrement est ajouté (+), retiré (-), déplacé (>) ou a des champs changés (~).
    Code 0 si les fichiers sont égaux octet par octet, 3 sinon.
    """
    from tournee.b2.diff import comparer
    from tournee.errors import RefusedError

    out = console()
    coloured = out.color_system is not None and not out.no_color
    with ExitStack() as stack:
        sides: list[Sections] = []
        for path in (before, after):
            sides.append(stack.enter_context(_sections(path, profile)))
            for fault in sides[-1].faults:
                click.secho(f"✗ {path.name} : {fault.what}\n  → {fault.remedy}", fg="red", color=coloured)
        old, new = sides
        if old.plan is not new.plan:
            names = " ; ".join(side.plan.profile.label for side in sides)
            raise RefusedError(
                f"Les fichiers suivent des normes différentes : {names}.", "Comparez deux fichiers de même norme."
            )
        if filecmp.cmp(before, after, shallow=False):
            click.echo("Aucun écart.")
            return 0
        count, place = 0, ("", "")
        for ecart in comparer(old, new):
            if (ecart.lot, ecart.facture) != place:
                place = ecart.lot, ecart.facture
                click.secho(
                    ", ".join(f"{n} {v}" for n, v in zip(("lot", "facture"), place, strict=True) if v),
                    bold=True,
                    color=coloured,
                )
            click.echo("\n".join(_lines(ecart, mask)), color=coloured)
            count += 1
    click.echo(
        _plural(count) if count else "Les enregistrements lus sont les mêmes ; les octets des fichiers diffèrent."
    )
    return REFUSED


def _sections(path: Path, profile: str | None) -> Sections:
    from tournee.b2.sections import Sections

    with told_of(path.name), with_bar(path) as stream:
        return Sections(opened(stream, profile))


def _lines(ecart: Ecart, mask: bool) -> Iterator[str]:
    lu = ecart.apres or ecart.avant
    assert lu is not None
    sign, colour = _SIGNS[bool(ecart.avant), bool(ecart.apres), bool(ecart.deplaces)]
    type_ = f"{lu.made.record.type} {lu.made.record.meaning.partition(':')[0]}" if lu.made else "? type inconnu"
    moved = (
        f" : déplacé ({ecart.deplaces} enregistrements)"
        if ecart.deplaces > 1
        else " : déplacé"
        if ecart.deplaces
        else ""
    )
    yield click.style(f"{sign} {_number(ecart.avant)} → {_number(ecart.apres)}  {type_}{moved}", fg=colour)
    if ecart.avant is None or ecart.apres is None:
        return
    for field in ecart.champs:
        parts = [x.text[field.pos - 1 : field.end] for x in (ecart.avant, ecart.apres)]
        shown = ["•" * len(p) if mask and field.personal else p for p in parts]
        yield f"      {field.name or 'constante'} ({field.pos}): {shown[0]!r} → {shown[1]!r}"
    if not ecart.champs and ecart.avant.text != ecart.apres.text:
        yield f"      illisible : {len(ecart.avant.text)} → {len(ecart.apres.text)} octets, contenu différent"


_SIGNS = {
    (True, True, False): ("~", "yellow"),
    (True, True, True): (">", "cyan"),
    (False, True, False): ("+", "green"),
    (True, False, False): ("-", "red"),
}


def _number(lu: Lu | None) -> str:
    return f"{lu.number if lu else '-':>6}"


def _plural(count: int) -> str:
    return f"{count} écart{'s' if count > 1 else ''}"
