"""`tournee b2 encode|decode|split|merge|stats`: files made, taken apart, put together and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from tournee.cli.b2_reading import lecture, plan_of, profile_option, tolerant_option, with_bar
from tournee.cli.b2_source import Source, recognised, verify
from tournee.cli.output import console, emit, option_json
from tournee.cli.whole import Outputs

_source = Source()
_folder = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_source, metavar="FICHIER")
@profile_option
@click.option("--csv", "csv_folder", type=_folder, help="Un fichier CSV par type, dans ce dossier.")
@click.option("--parquet", "parquet_folder", type=_folder, help="Un fichier Parquet par type (extra « analysis »).")
@tolerant_option
def decode(
    file: Path, profile: str | None, csv_folder: Path | None, parquet_folder: Path | None, tolerant: bool
) -> int:
    """Écrit les enregistrements en JSON Lines sur la sortie standard, en CSV ou en Parquet."""
    from tournee.b2.jsonl import vers_json
    from tournee.errors import UsageError

    if csv_folder and parquet_folder:
        raise UsageError("--csv et --parquet s'excluent.", "Lancez la commande deux fois.")
    read = lecture(file, profile, tolerant=tolerant)
    folder = csv_folder or parquet_folder
    if folder is None:
        for record in read:
            click.echo(vers_json(read.plan, record))
        return read.code()
    from tournee.cli.b2_tables import Tables

    with Tables(read.plan, folder, parquet=parquet_folder is not None) as tables:
        for record in read:
            tables.write(record)
    console(stderr=True).print(f"{len(tables)} tables dans {folder}")
    return read.code()


@click.command()
@click.argument("file", type=click.File("rb"), metavar="LIGNES.jsonl")
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FICHIER",
    help="Fichier à écrire.",
)
@click.option("--profile", default="sv-sim-1", show_default=True, metavar="NORME", help="Norme.")
def encode(file: BinaryIO, out: Path, profile: str) -> None:
    """Écrit un fichier à partir de JSON Lines (voir decode). Rien n'est écrit en cas de faute.

    Le fichier est contrôlé en entier, comme par check. Code 0 s'il est juste et écrit, 3 s'il y a une faute.
    """
    from itertools import islice

    from tournee.b2.jsonl import de_json
    from tournee.b2.twin import codec

    plan = plan_of(profile)
    count = 0
    with Outputs() as outputs:
        part = outputs.begin(out)
        with part.open("wb") as target, with_bar(file) as lines:
            records = de_json(plan, lines)
            while block := list(islice(records, 512)):
                target.write(codec(profile).encode(block, count + 1))
                count += len(block)
        verify(part, profile, f"résultat {out.name}")
        outputs.publish()
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
@profile_option
def split(file: Path, per_file: int, folder: Path, identification: str, profile: str | None) -> None:
    """Partage un fichier entre ses lots ; les signatures restent valables, les compteurs sont refaits et vérifiés.

    Rien n'est écrit si un nom est déjà pris (code 2) ou s'il y a une faute (code 3).
    """
    from tournee.b2.stream import partager
    from tournee.errors import UsageError

    if not (identification.isascii() and identification.isalnum() and len(identification) == 1):
        raise UsageError("L'identification commence par une lettre ou un chiffre.", "Donnez un seul caractère.")
    name = recognised(file, profile)
    parts: list[Path] = []
    with Outputs() as outputs, ExitStack() as latest:
        outputs.folder(folder)

        def part(number: int) -> BinaryIO:
            latest.close()
            parts.append(outputs.begin(folder / f"{identification}{number:05d}.b2", fresh=True))
            return latest.enter_context(parts[-1].open("wb"))

        with with_bar(file) as source:
            partager(source, part, lambda n: f"{identification}{n:05d}", per_file, name)
        latest.close()
        for number, path in enumerate(parts, 1):
            verify(path, name, f"résultat {identification}{number:05d}.b2")
        for path in outputs.publish():
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
@profile_option
def merge(files: tuple[Path, ...], out: Path, identification: str, profile: str | None) -> None:
    """Réunit les lots de plusieurs fichiers d'un même émetteur et destinataire.

    Le résultat est contrôlé en entier, comme par check : rien n'est écrit s'il y a une faute (code 3).
    """
    from tournee.b2.stream import reunir
    from tournee.errors import UsageError

    names = {recognised(path, profile) for path in files}
    if len(names) > 1:
        raise UsageError(
            f"Les fichiers suivent des normes différentes : {', '.join(sorted(names))}.", "Réunissez-les par norme."
        )
    (name,) = names

    def each() -> Iterator[BinaryIO]:
        for path in files:
            with with_bar(path) as source:
                yield source

    with Outputs() as outputs:
        part = outputs.begin(out)
        with part.open("wb") as target:
            count = reunir(each(), target, identification, name)
        verify(part, name, f"résultat {out.name}")
        outputs.publish()
    console(stderr=True).print(f"{count} enregistrements dans {out}")


@click.command()
@click.argument("file", type=_source, metavar="FICHIER")
@profile_option
@tolerant_option
@option_json
def stats(file: Path, profile: str | None, tolerant: bool, as_json: bool) -> int:
    """Compte les lots, factures et actes, avec leurs montants."""
    from tournee.b2.stream import with_lots

    records = lecture(file, profile, tolerant=tolerant)
    plan = with_lots(records.plan.profile.name)
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
    lot_end, bill_end = plan.profile.pairs[1][1], plan.profile.pairs[2][1]
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
        return records.code()
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
    return records.code()
