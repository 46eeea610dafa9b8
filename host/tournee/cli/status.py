"""`tournee status`: to complete, to sign, to send, waiting; then what needs a person."""

from __future__ import annotations

from typing import Any

import click

from tournee.billing.money import euros
from tournee.cli.output import console, emit, option_json


@click.command(name="status")
@option_json
def command(as_json: bool) -> None:
    """Où en sont les factures, et ce qui demande quelqu'un."""
    from tournee.cli.office import opened
    from tournee.practice.status import EMPTY, look

    with opened(write=False) as office:
        view, evaluations = look(office.journal, today=office.clock.today())
    if as_json:
        emit(
            {
                "to_complete": [d.id for d in view.to_complete],
                "to_sign": [d.id for d in view.to_sign],
                "to_send": [d.id for d in view.to_send],
                "waiting": [
                    {"bill": w.dossier.id, "text": w.text, "act_on": w.act_on.isoformat() if w.act_on else None}
                    for w in view.waiting
                ],
                "done": list(view.done),
                "todo": [{"subject": t.subject, "text": t.text, "remedy": t.remedy} for t in view.todo],
            }
        )
        return
    out = console()
    if view == EMPTY:
        out.print("Aucune facture. Pour la première : tournee bill new")
        return
    totals = {bill: e.totals.montant_cents for bill, e in evaluations.items() if e.lines}
    _group(out, "À compléter", view.to_complete, "tournee bill new --resume FACTURE", totals)
    _group(out, "À signer", view.to_sign, "tournee bill sign FACTURE", totals)
    _group(out, "À envoyer", view.to_send, "tournee send", totals)
    if view.waiting:
        out.print("[bold]En attente[/]")
        for w in view.waiting:
            until = f", agir le {w.act_on:%d/%m/%Y} si rien n'arrive" if w.act_on else ""
            out.print(f"  facture {w.dossier.numero}  {w.text}{until}")
    if view.done:
        out.print(f"[bold]Terminées[/]  {len(view.done)}")
    if view.todo:
        out.print("[bold red]Demande quelqu'un[/]")
        for t in view.todo:
            out.print(f"  {t.subject} : {t.text}\n    → {t.remedy}")


def _group(out: Any, title: str, dossiers: Any, remedy: str, totals: dict[str, int]) -> None:
    """`totals` in cents, of bills that are not signed yet."""
    if not dossiers:
        return
    out.print(f"[bold]{title}[/]  [dim]→ {remedy}[/]")
    for d in dossiers:
        signed = (d.evaluation or {}).get("totals", {})
        total = signed.get("montant_cents", totals.get(d.id))
        name = f"facture {d.numero}" if d.numero else d.id
        person = d.bill.beneficiaire
        who = f"  {person.prenom} {person.nom}" if person else ""
        out.print(f"  {name}  {d.day:%d/%m/%Y}{who}" + (f"  {euros(total)}" if total is not None else ""))
