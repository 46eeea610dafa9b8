"""`tournee read …`: what the two cards say; also for software that never bills (*lecture Vitale*)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tournee.cli.connect import desk_for, terminal_option
from tournee.cli.output import console, json_text, option_json

if TYPE_CHECKING:
    from rich.console import Console

    from tournee.cards.model import CpsCard, Droits, DroitsBeneficiaire, VitaleCard


@click.group(name="read")
def app() -> None:
    """Lire une carte : CPS ou Vitale."""


@app.command()
@click.option("--no-pin", is_flag=True, help="Ne pas demander le code porteur : sans les situations de facturation.")
@terminal_option
@option_json
def cps(no_pin: bool, url: str | None, as_json: bool) -> None:
    """La CPS : titulaire, certificats, situations de facturation (après le code porteur)."""

    async def read() -> CpsCard:
        async with desk_for(url=url) as desk:
            return await (desk.practitioner() if no_pin else desk.open_cps())

    card = asyncio.run(read())
    if as_json:
        from tournee.cards.document import cps_document

        click.echo(json_text(cps_document(card)))
    else:
        _show_cps(card, console())


@app.command()
@click.option("--no-rights", is_flag=True, help="Identités et NIR seulement : ni CPS ni code.")
@terminal_option
@option_json
def vitale(no_rights: bool, url: str | None, as_json: bool) -> None:
    """La carte Vitale : bénéficiaires, droits AMO et complémentaires (la CPS les ouvre)."""

    async def read() -> VitaleCard:
        async with desk_for(url=url) as desk:
            return await (desk.patient() if no_rights else desk.patient_rights())

    card = asyncio.run(read())
    if as_json:
        from tournee.cards.document import vitale_document

        click.echo(json_text(vitale_document(card)))
    else:
        _show_vitale(card, console())


def _show_cps(card: CpsCard, out: Console) -> None:
    _title(out, f"CPS n° {card.numero_serie}", card.simulation)
    if card.holder:
        holder = card.holder
        out.print(f"{holder.prenom} {holder.nom}, {card.profession or 'profession non indiquée'}")
        kind = {"0": "ADELI", "8": "RPPS"}.get(holder.type_identification, "identifiant")
        out.print(f"{kind} {holder.numero_identification}{holder.cle}")
    present = [
        n
        for n, c in (("signature", card.certificat_signature), ("authentification", card.certificat_authentification))
        if c
    ]
    out.print(f"certificats : {', '.join(present) or 'aucun'}")
    if card.situations is None:
        out.print("situations de facturation : non lues, elles demandent le code porteur")
        return
    for s in card.situations:
        out.print(
            f"situation {s.numero_logique} : {s.raison_sociale}, n° de facturation {s.numero_facturation}{s.cle_facturation}, "
            f"spécialité {s.specialite}, convention {s.code_conventionnel}, zone IK {s.zone_ik}"
        )
    if not card.situations:
        out.print("aucune situation de facturation sur cette carte")


def _show_vitale(card: VitaleCard, out: Console) -> None:
    from rich.table import Table

    _title(out, f"Carte Vitale n° {card.numero_serie}", card.simulation)
    table = Table(box=None, pad_edge=False)
    for head in ("", "nom", "prénom", "né(e) le", "NIR"):
        table.add_column(head)
    for b in card.beneficiaires:
        table.add_row(str(b.rang), b.nom, b.prenom, _birth(b.date_naissance), b.nir)
    out.print(table)
    if card.droits is None:
        out.print("droits : non lus, ils demandent une CPS dans le terminal (sans --no-rights)")
        return
    _show_rights(card.droits, out)


def _show_rights(droits: Droits, out: Console) -> None:
    a = droits.assure
    until = f", carte valable jusqu'au {a.fin_validite:%d/%m/%Y}" if a.fin_validite else ""
    out.print(f"régime {a.regime}, caisse {a.caisse}, centre {a.centre}, code gestion {a.code_gestion}{until}")
    for b in droits.beneficiaires:
        out.print(f"{b.rang} {b.prenom} {b.nom_usuel} : {'; '.join(_rights_of(b)) or 'aucun droit inscrit'}")


def _rights_of(b: DroitsBeneficiaire) -> list[str]:
    from tournee.cards.model import Periode

    def when(p: Periode) -> str:
        begin = f"{p.debut:%d/%m/%Y}" if p.debut else "…"
        end = f"{p.fin:%d/%m/%Y}" if p.fin else "…"
        return f"du {begin} au {end}"

    texts = [f"droits AMO {when(p)}" for p in b.periodes_amo]
    texts += [
        f"couverture ALD {c.code_ald}, situation {c.code_situation} {when(c.periode)}"
        for c in b.couvertures
        if c.code_ald.strip("0")
    ]
    if b.service_amo and b.service_amo.code.strip("0"):
        texts.append(f"service AMO {b.service_amo.code} {when(b.service_amo.periode)}")
    if b.mutuelle:
        texts.append(f"mutuelle {b.mutuelle.identification}")
    if b.amc:
        texts.append(f"complémentaire {b.amc.numero_b2 or b.amc.numero_edi} {when(b.amc.periode)}")
    return texts


def _birth(text: str) -> str:
    """AAAAMMJJ as JJ/MM/AAAA, also when it is lunar."""
    return f"{text[6:8]}/{text[4:6]}/{text[:4]}" if len(text) == 8 else text


def _title(out: Console, text: str, simulation: bool) -> None:
    out.print(f"[bold]{text}[/]" + ("  [black on yellow] SIMULATION [/]" if simulation else ""))
