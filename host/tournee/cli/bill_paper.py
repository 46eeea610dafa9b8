"""Paper: the receipt, the sheet of a degraded bill, the day's summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tournee.billing.lifecycle import State
from tournee.cli.bill_show import current
from tournee.cli.office import opened
from tournee.cli.output import console
from tournee.practice.dossier import load, load_all
from tournee.practice.drafts import label
from tournee.practice.outline import bills
from tournee.store.home import write_private

_NOT_COUNTED = (State.DRAFT, State.VALID, State.CANCELLED, State.CORRECTED)


def print_sheet(wanted: str, target: Path) -> None:
    """The feuille de soins, to be signed by hand."""
    from tournee.cli.documents.feuille import feuille_pdf

    with opened(write=False) as office:
        dossier = load(office.journal, wanted)
        signed = dossier.numero if dossier.signatures else None
        data = feuille_pdf(replace(dossier.bill, numero_facture=signed), current(dossier, office.clock), dossier.rights)
    write_private(target, data)
    console().print(f"écrit : {target}")


def print_day(day: date | None, target: Path) -> None:
    """All bills made that day (today by default), with totals by code and by payer."""
    from tournee.cli.documents.journee import Entry, journee_pdf

    with opened(write=False) as office:
        wanted = day or office.clock.today()
        near = [o.id for o in bills(office.journal).values() if abs(o.begun - wanted) <= timedelta(days=1)]
        entries = [
            Entry(
                replace(d.bill, numero_facture=d.numero),
                current(d, office.clock),
                label(d.state),
                counts=d.state not in _NOT_COUNTED,
            )
            for d in load_all(office.journal, near)
            if d.bill.created == wanted
        ]
    write_private(target, journee_pdf(wanted, entries))
    console().print(f"écrit : {target} ({len(entries)} facture{'s' if len(entries) > 1 else ''})")
