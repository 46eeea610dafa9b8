"""`tournee bill …`: make, show, sign, cancel and correct bills."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tournee.cli.output import option_json

WANTED = click.argument("wanted", metavar="FACTURE", default="last")
"""Beginning of an id, a number, or `last`."""
STATES = (
    "draft", "valid", "signed", "in_lot", "sent", "acknowledged", "paid", "partly_paid", "rejected", "corrected",
    "cancelled",
)  # fmt: skip
"""Of `billing.lifecycle`, which `--help` does not import; a test compares."""


@click.group(name="bill")
def app() -> None:
    """Faire, montrer, signer et annuler des factures."""


@app.command()
@click.option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Réponses (YAML ou JSON) au lieu des questions.",
)
@click.option("--resume", metavar="FACTURE", help="Reprendre un brouillon.")
@click.option("--advanced", is_flag=True, help="Montrer aussi les questions avancées.")
@click.option("--sans-vitale", is_flag=True, help="Sans carte Vitale : droits saisis, facture dégradée.")
@option_json
def new(answers: Path | None, resume: str | None, advanced: bool, sans_vitale: bool, as_json: bool) -> int:
    """Faire une facture : lit les deux cartes, puis ne pose que les questions nécessaires."""
    from tournee.cli.bill_new import make

    return make(answers, resume, advanced=advanced, sans_vitale=sans_vitale, as_json=as_json)


@app.command(name="list")
@click.option("--state", type=click.Choice(STATES), help="Seulement cet état.")
@click.option("--last", type=click.IntRange(min=1), help="Combien, les plus récentes ; 50 à l'écran si rien n'est dit.")
@click.option("--all", "everything", is_flag=True, help="Sans limite (toujours le cas avec --json sans --last).")
@option_json
def list_(state: str | None, last: int | None, everything: bool, as_json: bool) -> None:
    """Les factures, la plus récente en dernier."""
    from tournee.cli.bill_show import show_list

    show_list(state, last=last or (None if everything or as_json else 50), as_json=as_json)


@app.command()
@WANTED
@click.option("--names", is_flag=True, help="Avec l'identité du patient dans le JSON.")
@option_json
def show(wanted: str, names: bool, as_json: bool) -> None:
    """Une facture : lignes, parts, questions restantes, cycle de vie daté."""
    from tournee.cli.bill_show import show_one

    show_one(wanted, names=names, as_json=as_json)


@app.command()
@WANTED
@click.argument("line", type=int, default=1)
def why(wanted: str, line: int) -> None:
    """Pourquoi ce montant : la règle et la ligne de tarif, pour la ligne LINE."""
    from tournee.cli.bill_show import show_why

    show_why(wanted, line)


@app.command()
@WANTED
@click.option("--all", "everything", is_flag=True, help="Toutes les factures complètes du patient inséré.")
@click.option("--again", is_flag=True, help="Refaire une signature dont le résultat est inconnu.")
@option_json
def sign(wanted: str, everything: bool, again: bool, as_json: bool) -> int:
    """Signer par la CPS et la carte Vitale ; refusé tant que la facture n'est pas complète."""
    from tournee.cli.bill_sign import sign_bills

    return sign_bills(wanted, everything=everything, again=again, as_json=as_json)


@app.command()
@WANTED
@click.option("--reason", default="", help="Motif, gardé avec la facture ; obligatoire si elle est rejetée.")
@option_json
def cancel(wanted: str, reason: str, as_json: bool) -> None:
    """Annuler une facture qui n'est pas partie, ou en abandonner une rejetée ; son numéro n'est jamais réutilisé."""
    from tournee.cli.bill_sign import cancel_bill

    cancel_bill(wanted, reason, as_json=as_json)


@app.command()
@WANTED
@click.option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Réponses qui changent (YAML ou JSON).",
)
@click.option("--sans-vitale", is_flag=True, help="Garder les droits lus pour la facture rejetée.")
@option_json
def correct(wanted: str, answers: Path | None, sans_vitale: bool, as_json: bool) -> int:
    """Refaire une facture rejetée : relit la carte Vitale ; un nouveau numéro, liée à l'ancienne."""
    from tournee.cli.bill_new import make_correction

    return make_correction(wanted, answers, sans_vitale=sans_vitale, as_json=as_json)


@app.command(name="print")
@WANTED
@click.option(
    "--out", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Fichier PDF à écrire."
)
@click.option("--sheet", is_flag=True, help="La feuille de soins papier (facture dégradée) au lieu du reçu.")
def print_(wanted: str, target: Path, sheet: bool) -> None:
    """Le reçu du patient, ou la feuille de soins, en PDF."""
    if sheet:
        from tournee.cli.bill_paper import print_sheet

        print_sheet(wanted, target)
        return
    from tournee.cli.bill_show import print_receipt

    print_receipt(wanted, target)


@app.command()
@click.argument("day", metavar="[JOUR]", type=click.DateTime(formats=["%Y-%m-%d", "%d/%m/%Y"]), required=False)
@click.option(
    "--out", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Fichier PDF à écrire."
)
def day(day: datetime | None, target: Path) -> None:
    """Le récapitulatif d'une journée en PDF : totaux par acte et par payeur."""
    from tournee.cli.bill_paper import print_day

    print_day(day.date() if day is not None else None, target)


@app.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@option_json
def check(files: tuple[Path, ...], as_json: bool) -> int:
    """Vérifier des factures écrites en JSON, sans carte ni réseau : toutes les erreurs en une fois."""
    from tournee.cli.bill_check import check as run

    return run(files, as_json=as_json)
