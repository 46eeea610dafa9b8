"""`tournee b2 encode|decode|split|merge|diff|stats`: files made, taken apart, compared and counted."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

from tournee.cli.output import console, emit, json_option

if TYPE_CHECKING:
    from tournee.b2.plan import Plan

_REFUSED = 3
_LONG_BYTES = 5_000_000

_source = click.Path(exists=True, dir_okay=False, path_type=Path)
_profile = click.option("--profile", metavar="NORME", default=None, help="Norme (sv-sim-1, b2-cp, noemie…).")


@click.command()
@click.argument("file", type=_source, metavar="FICHIER")
@_profile
@click.option(
    "--csv",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Un fichier CSV par type, dans ce dossier.",
)
def decode(file: Path, profile: str | None, folder: Path | None) -> None:
    """Écrit les enregistrements en JSON Lines sur la sortie standard, ou en CSV."""
    from tournee.b2.jsonl import vers_json

    plan, records = _records(file, profile)
    if folder is None:
        for record in records:
            click.echo(vers_json(plan, record))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_files:
        tables: dict[str, Any] = {}
        for record in records:
            type_ = plan.by_class[type(record)].record.type
            if type_ not in tables:
                handle = open_files.enter_context((folder / f"{type_}.csv").open("w", encoding="utf-8", newline=""))
                tables[type_] = csv.writer(handle)
                tables[type_].writerow(record._fields)
            tables[type_].writerow(record)
    console(stderr=True).print(f"{len(tables)} tables dans {folder}")


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"), metavar="LIGNES.jsonl")
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FICHIER",
    help="Fichier à écrire.",
)
@click.option("--profile", default="sv-sim-1", show_default=True, metavar="NORME", help="Norme.")
def encode(file: TextIO, out: Path, profile: str) -> None:
    """Écrit un fichier à partir de JSON Lines (voir decode). Rien n'est écrit en cas de faute."""
    from itertools import islice

    from tournee.b2.jsonl import de_json
    from tournee.b2.twin import codec

    plan = _plan(profile)
    count = 0
    with _whole(out) as target:
        records = de_json(plan, file)
        while block := list(islice(records, 512)):
            target.write(codec(profile).encode(block, count + 1))
            count += len(block)
    console(stderr=True).print(f"{count} enregistrements dans {out}")


@click.command()
@click.argument("file", type=_source, metavar="FICHIER")
@click.option("--lots", "per_file", type=click.IntRange(1, 999), default=1, show_default=True, help="Lots par fichier.")
@click.option(
    "--out",
    "-o",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DOSSIER",
    help="Où écrire.",
)
@click.option(
    "--identification", default="P", show_default=True, metavar="X", help="Première lettre des identifications."
)
@_profile
def split(file: Path, per_file: int, folder: Path, identification: str, profile: str | None) -> None:
    """Partage un fichier entre ses lots ; les signatures restent valables, les compteurs sont refaits et vérifiés."""
    from tournee.b2.stream import partager
    from tournee.errors import UsageError

    if not (identification.isascii() and identification.isalnum() and len(identification) == 1):
        raise UsageError("L'identification commence par une lettre ou un chiffre.", "Donnez un seul caractère.")
    name = _checked(file, profile)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    with ExitStack() as open_files, file.open("rb") as source:

        def part(number: int) -> BinaryIO:
            paths.append(folder / f"{identification}{number:05d}.b2")
            return open_files.enter_context(paths[-1].open("xb"))

        partager(source, part, lambda n: f"{identification}{n:05d}", per_file, name)
    for path in paths:
        _checked(path, name)
        click.echo(path)


@click.command()
@click.argument("files", type=_source, nargs=-1, required=True, metavar="FICHIERS…")
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FICHIER",
    help="Fichier à écrire.",
)
@click.option(
    "--identification", required=True, metavar="XXXXXX", help="Identification du nouveau fichier, 6 caractères."
)
@_profile
def merge(files: tuple[Path, ...], out: Path, identification: str, profile: str | None) -> None:
    """Réunit les lots de plusieurs fichiers d'un même émetteur et destinataire."""
    from tournee.b2.stream import reunir

    name = ""
    for path in files:
        name = _checked(path, profile)
    with ExitStack() as open_files, _whole(out) as target:
        count = reunir([open_files.enter_context(p.open("rb")) for p in files], target, identification, name)
    _checked(out, name)
    console(stderr=True).print(f"{count} enregistrements dans {out}")


@click.command()
@click.argument("before", type=_source, metavar="AVANT")
@click.argument("after", type=_source, metavar="APRES")
@click.option("--mask", is_flag=True, help="Masque les données personnelles.")
@_profile
def diff(before: Path, after: Path, mask: bool, profile: str | None) -> int:
    """Montre les enregistrements ajoutés, retirés et les champs changés. Code 0 si les fichiers sont égaux, 3 sinon."""
    from tournee.b2.diff import comparer
    from tournee.b2.read import ouvrir

    with before.open("rb") as a, after.open("rb") as b:
        old, new = list(ouvrir(a, profile)), list(ouvrir(b, profile))
    out = console()
    count = 0
    for ecart in comparer(old, new):
        count += 1
        lu = ecart.apres or ecart.avant
        assert lu is not None
        sign = "~" if ecart.avant and ecart.apres else "+" if ecart.apres else "-"
        place = f"{ecart.avant.number if ecart.avant else '-'} → {ecart.apres.number if ecart.apres else '-'}"
        type_ = f"{lu.made.record.type} {lu.made.record.meaning.partition(':')[0]}" if lu.made else "?"
        out.print(f"{sign} {place:>13}  {type_}", style={"~": "yellow", "+": "green", "-": "red"}[sign], markup=False)
        for field in ecart.champs:
            assert ecart.avant is not None and ecart.apres is not None
            parts = [x.text[field.pos - 1 : field.end] for x in (ecart.avant, ecart.apres)]
            shown = ["•" * len(p) if mask and field.personal else p for p in parts]
            out.print(f"      {field.name or 'constante'} ({field.pos}): {shown[0]!r} → {shown[1]!r}", markup=False)
    out.print(f"{count} écarts" if count else "Aucun écart.")
    return _REFUSED if count else 0


@click.command()
@click.argument("file", type=_source, metavar="FICHIER")
@_profile
@json_option
def stats(file: Path, profile: str | None, as_json: bool) -> None:
    """Compte les lots, factures et actes, avec leurs montants."""
    plan, records = _records(file, profile)
    counts: Counter[str] = Counter()
    acts: Counter[str] = Counter()
    charged: Counter[str] = Counter()
    amo: Counter[str] = Counter()
    for record in records:
        type_ = plan.by_class[type(record)].record.type
        counts[type_] += 1
        code = getattr(record, "code_acte", "") or getattr(record, "code_prestation", "")
        if code:
            acts[code] += getattr(record, "quantite", 1)
            charged[code] += getattr(record, "montant_honoraires", 0) or getattr(record, "montant_total", 0)
            amo[code] += record.montant_amo
    lot_end = plan.profile.pairs[1][1] if len(plan.profile.pairs) > 2 else ""
    bill_end = plan.profile.pairs[2][1] if len(plan.profile.pairs) > 2 else ""
    document = {
        "profile": plan.profile.name,
        "records": counts.total(),
        "lots": counts[lot_end],
        "factures": counts[bill_end],
        "total_facture_cents": charged.total(),
        "total_amo_cents": amo.total(),
        "actes": [
            {"code": c, "quantite": acts[c], "facture_cents": charged[c], "amo_cents": amo[c]} for c in sorted(acts)
        ],
    }
    if as_json:
        emit(document)
        return
    from rich.table import Table

    from tournee.billing.money import euros

    table = Table("acte", "quantité", "facturé", "AMO", box=None, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    for code in sorted(acts):
        table.add_row(code, str(acts[code]), euros(charged[code]), euros(amo[code]))
    out = console()
    out.print(
        f"{plan.profile.label}: {counts[lot_end]} lots, {counts[bill_end]} factures, {counts.total()} enregistrements"
    )
    out.print(table)
    out.print(f"total {euros(charged.total())}, dont AMO {euros(amo.total())}")


def _plan(profile: str) -> Plan:
    from tournee.b2.plan import plan
    from tournee.errors import UsageError
    from tournee_protocol.layouts import profile_names

    if profile not in profile_names():
        raise UsageError(f"Norme inconnue : {profile}.", f"Choisissez parmi {', '.join(profile_names())}.")
    return plan(profile)


def _records(file: Path, profile: str | None) -> tuple[Plan, Iterator[Any]]:
    """Records of a file, one by one; a fault is raised at its record."""
    from tournee.b2.read import ouvrir

    if profile:
        _plan(profile)
    stack = ExitStack()
    opened = ouvrir(stack.enter_context(_progress(file)), profile)
    if opened.faults:
        raise opened.faults[0]

    def each() -> Iterator[Any]:
        with stack:
            for lu in opened:
                if lu.faults:
                    raise lu.faults[0]
                yield lu.record

    return opened.plan, each()


def _checked(file: Path, profile: str | None) -> str:
    """The layout of a file found right; raises B2Error at its first fault."""
    import mmap

    from tournee.b2.errors import B2Error, Problem
    from tournee.b2.read import reconnaitre
    from tournee.b2.scan import scan

    with file.open("rb") as handle:
        name = profile or reconnaitre(handle.read(128))
        _plan(name)
        if not file.stat().st_size:
            raise B2Error(Problem.TRUNCATED, 0, detail="fichier vide")
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            scan(view, name)
    return name


def _progress(file: Path) -> AbstractContextManager[BinaryIO]:
    """The file, with a bar on the terminal when it is long."""
    if file.stat().st_size < _LONG_BYTES or not sys.stderr.isatty():
        return file.open("rb")
    from rich.progress import open as open_with_bar

    return open_with_bar(file, "rb", description=file.name, transient=True, console=console(stderr=True))


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all."""
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as target:
            yield target
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
