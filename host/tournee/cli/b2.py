"""`tournee b2` and `tournee noemie`: look at files and check them. Nothing leaves the machine and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from tournee.cli import b2_diff, b2_files
from tournee.cli.b2_reading import REFUSED, hinted, opened, profile_option, strict, tolerant_option, with_bar
from tournee.cli.output import console, emit, option_json

if TYPE_CHECKING:
    from tournee.b2.check import Bilan, Controle
    from tournee.b2.errors import B2Error
    from tournee.b2.read import Lu, Ouvert

_RETURNS = "returns"
"""The context of `noemie`, whose commands are those of `b2`."""


@click.group()
def app() -> None:
    """Montrer, contrôler, convertir, partager et comparer des fichiers B2."""


@click.group()
@click.pass_context
def noemie(context: click.Context) -> None:
    """Montrer et contrôler un retour NOEMIE."""
    context.obj = _RETURNS


@app.command()
@click.argument("file", type=click.File("rb"), metavar="FICHIER")
@profile_option
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Seulement ces enregistrements (4, 2S…); répétable."
)
@click.option("--facture", type=int, metavar="N", help="Seulement cette facture.")
@click.option("--lot", type=int, metavar="N", help="Seulement ce lot.")
@click.option("--faults", is_flag=True, help="Seulement les enregistrements en faute, de tout le fichier.")
@tolerant_option
@click.option("--no-names", is_flag=True, help="Sans les noms des champs.")
@click.option("--mask", is_flag=True, help="Masque les données personnelles (NIR, noms, dates de naissance).")
@option_json
def show(
    file: BinaryIO,
    profile: str | None,
    types: tuple[str, ...],
    facture: int | None,
    lot: int | None,
    faults: bool,
    tolerant: bool,
    no_names: bool,
    mask: bool,
    as_json: bool,
) -> int:
    """Montre chaque enregistrement, champ par champ, jusqu'à la première faute ou au-delà. `-` lit l'entrée standard."""
    from tournee.b2.check import Controle
    from tournee.b2.places import situes

    narrowed = bool(types or facture is not None or lot is not None or faults)
    with with_bar(file, talking=not narrowed) as stream:
        found = _recognised(stream, profile)
        controle = Controle(found.plan)
        on = tolerant or faults
        lus = controle.lire(found)
        chosen = (
            lu
            for lu in situes(found.plan, lus if on else strict(lus), facture, lot)
            if (not types or (lu.made is not None and lu.made.record.type in types)) and (lu.faults or not faults)
        )
        if as_json:
            _or_raise(found, on)
            emit(
                {
                    "profile": found.plan.profile.name,
                    "faults": [_fault(f) for f in found.faults],
                    "records": [_record(lu, mask) for lu in chosen],
                }
            )
            return 0
        _show(found, controle, chosen, on=on, names=not no_names, mask=mask)
    return 0


def _show(found: Ouvert, controle: Controle, chosen: Iterator[Lu], *, on: bool, names: bool, mask: bool) -> None:
    from tournee.cli.b2_render import Options, Printer

    out = console()
    _heading(found)
    _or_raise(found, on)
    printer = Printer(out, Options(names=names, mask=mask))
    shown = 0
    for lu in chosen:
        printer.show(lu)
        shown += 1
    if not shown:
        out.print("Aucun enregistrement ne correspond.")
    elif controle.bilan.faults + len(found.faults):
        out.print(
            f"\n{_plural(controle.bilan.faults + len(found.faults), 'faute')} : tournee b2 check les résume.",
            style="red",
        )


@app.command()
@click.argument("file", type=click.File("rb"), metavar="FICHIER")
@profile_option
@click.option(
    "--max", "limit", type=click.IntRange(1), default=50, show_default=True, help="Nombre de fautes détaillées."
)
@option_json
def check(file: BinaryIO, profile: str | None, limit: int, as_json: bool) -> int:
    """Contrôle format, ordre, compteurs et totaux. Code 0 si tout est juste, 3 sinon."""
    from tournee.b2.check import Controle
    from tournee.b2.errors import B2Error

    with with_bar(file) as stream:
        try:
            source = _recognised(stream, profile)
        except B2Error as exc:
            if not as_json:
                raise
            _verdict(None, {}, 1, [exc])
            return REFUSED
        controle = Controle(source.plan)
        found: list[B2Error] = list(source.faults)[:limit]
        for lu in controle.lire(source):
            found += lu.faults[: max(limit - len(found), 0)]
    total = controle.bilan.faults + len(source.faults)
    if as_json:
        _verdict(source.plan.profile.name, dict(controle.bilan.records), total, found)
    else:
        _report(source, controle.bilan, found, total)
    return REFUSED if total else 0


def _verdict(profile: str | None, records: dict[str, int], total: int, found: list[B2Error]) -> None:
    faults = [_fault(f) for f in found]
    emit({"profile": profile, "ok": not total, "records": records, "fault_count": total, "faults": faults})


def _recognised(stream: BinaryIO, profile: str | None) -> Ouvert:
    """The file; `noemie` takes returns only. Raises B2Error."""
    found = opened(stream, profile)
    from tournee_protocol.layouts import Framing

    if click.get_current_context().obj is not _RETURNS or found.plan.profile.framing is Framing.ENTITIES:
        return found
    from tournee.b2.errors import B2Error, Problem

    fault = B2Error(Problem.PROFILE, 0, detail=f"{found.plan.profile.label} n'est pas un retour")
    fault.remedy = "Lisez-le par tournee b2."
    raise fault


def _or_raise(found: Ouvert, on: bool) -> None:
    """Raises the first fault of the file as a whole unless it is read all the same."""
    if found.faults and not on:
        raise hinted(found.faults[0])


def _heading(opened: Ouvert) -> None:
    profile = opened.plan.profile
    out = console()
    out.print(f"[bold]{profile.label}[/]" + (" · SIMULATION, norme non publique" if profile.status == "SV-SIM" else ""))
    for fault in opened.faults:
        out.print(f"✗ {fault.what}\n  → {fault.remedy}", style="red", markup=False)


def _report(opened: Ouvert, bilan: Bilan, found: list[B2Error], total: int) -> None:
    from rich.table import Table

    out = console()
    _heading(opened)
    table = Table("type", "enregistrement", "nombre", box=None, header_style="dim")
    table.columns[2].justify = "right"
    for type_, count in sorted(bilan.records.items()):
        made = opened.plan.profile.by_type.get(type_)
        table.add_row(type_, made.meaning.partition(":")[0] if made else "inconnu ou illisible", f"{count}")
    if bilan.total:
        out.print(table)
    if not total:
        out.print(f"[green]✓[/] {_plural(bilan.total, 'enregistrement')} : format, ordre, compteurs et totaux justes")
        return
    for fault in found:
        out.print(f"✗ {fault.what}", style="red", markup=False)
    if total > len(found):
        out.print(f"… et {_plural(total - len(found), 'autre faute')} (--max)", style="red", markup=False)
    for remedy in dict.fromkeys(f.remedy for f in found):
        out.print(f"→ {remedy}", markup=False)
    out.print(f"[red]{_plural(total, 'faute')}[/]; tournee b2 show --faults les montre à leur place")


def _record(lu: Lu, mask: bool) -> dict[str, Any]:
    made = lu.made.record if lu.made else None
    values = None
    if made is not None and lu.record is not None:
        values = {f.name: "•" if mask and f.personal else getattr(lu.record, f.name) for f in made.valued}
    return {
        "number": lu.number,
        "type": made.type if made else None,
        "values": values,
        "faults": [_fault(f) for f in lu.faults],
    }


def _fault(fault: B2Error) -> dict[str, Any]:
    return {
        "problem": fault.problem.value,
        "record": fault.record_number,
        "type": fault.record_type,
        "field": fault.field,
        "position": fault.position,
        "text": fault.what,
        "remedy": fault.remedy,
    }


def _plural(count: int, noun: str) -> str:
    head, _, tail = noun.partition(" ")
    many = "s" if count > 1 else ""
    return f"{count} {head}{many}" + (f" {tail}{many}" if tail else "")


noemie.add_command(show)
noemie.add_command(check)
for _command in (b2_files.encode, b2_files.decode, b2_files.split, b2_files.merge, b2_diff.diff, b2_files.stats):
    app.add_command(_command)
