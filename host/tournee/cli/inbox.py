"""`tournee inbox`: fetch the returns, match them, say what they mean."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from tournee.billing.money import euros
from tournee.cli.errors import REFUSED
from tournee.cli.output import console, emit, option_json

_POLL_S = 0.5


@click.command(name="inbox")
@click.option(
    "--wait", "wait_s", type=float, default=0.0, help="Secondes d'attente tant que des retours sont attendus."
)
@click.option("--copy", type=click.Path(file_okay=False, path_type=Path), help="Dossier où copier les courriers reçus.")
@option_json
def command(wait_s: float, copy: Path | None, as_json: bool) -> int:
    """Relever les retours des caisses (ARL, NOEMIE) et les rapprocher des factures."""
    from tournee.cli.office import opened
    from tournee.practice.dossier import load_all
    from tournee.practice.returns import take_returns
    from tournee.transmit.adapters.mailbox import AccountMailbox

    out = console(stderr=as_json)
    taken: list[Any] = []
    deadline = time.monotonic() + wait_s
    with opened() as office, AccountMailbox(office.cabinet.account) as mailbox:
        while True:
            taken += [t for t in take_returns(office.journal, mailbox) if t.raw or t not in taken]
            if time.monotonic() >= deadline or not _expected(office.journal):
                break
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))  # POP3 has no push
        moved = {c.bill for item in taken for c in item.changes}
        dossiers = {d.id: d for d in load_all(office.journal, moved)}
    if copy is not None:
        _copy(copy, taken)
    if as_json:
        emit({"returns": [_return(item) for item in taken]})
    else:
        _say(out, taken, dossiers)
    bad = any(c.step == "rejected" for item in taken for c in item.changes)
    return REFUSED if bad else 0


def _copy(folder: Path, taken: list[Any]) -> None:
    """The mails as received, under `nature-reference-id.eml`: letters and digits only, whatever a mail calls itself."""
    from tournee.store.home import made, write_private

    made(folder)
    for item in (t for t in taken if t.raw):
        parts = (item.nature, item.reference if item.reference != item.nature else "", item.id[:8])
        name = "-".join(filter(None, ("".join(c for c in part if c.isalnum()) for part in parts)))
        write_private(folder / f"{name}.eml", item.raw)


def _expected(journal: Any) -> bool:
    """Whether a fund still owes an answer: an ARL, or the payment of a third-party share."""
    from tournee.billing.lifecycle import State
    from tournee.practice.dossier import load_all
    from tournee.practice.files import load_files
    from tournee.practice.matching import due_cents, unanswered
    from tournee.practice.outline import bills, open_files

    known = bills(journal)
    states = {o.id: o.state for o in known.values()}
    if State.SENT in states.values():
        return True
    if any(f.outcome == "unknown" for f in unanswered(load_files(journal, open_files(journal)), states)):
        return True
    received = [o.id for o in known.values() if o.state is State.ACKNOWLEDGED and not o.settled]
    return any(due_cents(d) > 0 for d in load_all(journal, received))


def _return(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "nature": item.nature,
        "reference": item.reference,
        "duplicate": item.duplicate,
        "changes": [{"bill": c.bill, "step": c.step, **c.data} for c in item.changes],
        "remarks": list(item.remarks),
    }


_WORDS = {
    "acknowledged": "[green]reçue par la caisse[/]",
    "paid": "[green]payée[/]",
    "partly-paid": "[yellow]payée en partie[/]",
    "rejected": "[red]rejetée[/]",
    "deferred": "[yellow]paiement différé[/]",
    "share": "[green]une part payée[/], l'autre est attendue",
    "settlement": "détail du paiement reçu",
    "sent": "",
}


def _say(out: Any, taken: list[Any], dossiers: dict[str, Any]) -> None:
    if not taken:
        out.print("Aucun retour dans la boîte aux lettres.")
    for item in taken:
        title = " ".join(filter(None, (item.nature, item.reference if item.reference != item.nature else "")))
        out.print(f"[bold]{title or 'retour'}[/]" + ("  déjà reçu, ignoré" if item.duplicate else ""))
        for change in item.changes:
            dossier = dossiers.get(change.bill)
            if dossier is None or not _WORDS.get(change.step):
                continue
            out.print(f"  facture {dossier.numero} : {_WORDS[change.step]}{_amounts(change)}")
            for rejet in change.data.get("rejets", []):
                out.print(f"    {rejet['code']} {rejet['libelle']}\n    → {rejet['a_faire']}")
        for remark in item.remarks:
            out.print(f"  [yellow]{remark}[/]")


def _amounts(change: Any) -> str:
    if change.step not in ("paid", "partly-paid", "rejected"):
        return ""
    asked, paid = change.data.get("demande_cents"), change.data.get("paye_cents", 0)
    return f" : {euros(paid)}" + (f" sur {euros(asked)} demandés" if asked is not None and asked != paid else "")
