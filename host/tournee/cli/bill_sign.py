"""Sign and cancel bills."""

from __future__ import annotations

from datetime import date
from typing import Any

from tournee.billing.lifecycle import State
from tournee.cli.bill_show import bill_document
from tournee.cli.office import opened
from tournee.cli.output import console, emit
from tournee.practice import drafts
from tournee.practice.dossier import Dossier, load, of_state
from tournee.practice.sign import sign


def sign_bills(wanted: str, *, everything: bool, again: bool, as_json: bool) -> int:
    """0 when every bill asked for is signed."""
    import asyncio

    from tournee.billing.engine import evaluate
    from tournee.cli.connect import desk_for
    from tournee.signing.adapters.verify import verify

    out = console(stderr=as_json)
    with opened() as office:
        today = office.clock.today()
        if everything:
            chosen = of_state(office.journal, State.DRAFT, State.VALID)
            chosen = [d for d in chosen if evaluate(d.bill, d.rights, today=today).status == "valid"]
        else:
            chosen = [load(office.journal, wanted)]
        for d in chosen:
            if d.state is State.DRAFT:
                _complete(d, today)

        async def run() -> list[Dossier]:
            async with desk_for(office) as desk:
                if everything:
                    serial = (await desk.patient()).numero_serie
                    mine = [d for d in chosen if d.rights.numero_serie == serial]
                else:
                    mine = chosen
                return [
                    await sign(
                        office.journal,
                        desk,
                        office.cabinet,
                        d.id,
                        clock=office.clock,
                        verify=verify,
                        again=again,
                        said=lambda text: out.print(f"  [dim]·[/] {text}"),
                    )
                    for d in mine
                ]

        signed = asyncio.run(run())
        documents: list[dict[str, Any]] = [bill_document(d, office.clock) for d in signed]
    if as_json:
        emit({"bills": documents})
    elif not signed:
        out.print("Aucune facture complète à signer pour ce patient.")
    for d in signed if not as_json else ():
        if d.state is State.SIGNED:
            out.print(f"[green]signée[/]  facture {d.numero}")
        else:
            out.print(
                f"[yellow]à compléter[/]  facture {d.numero} : il manque une signature (tournee bill sign {d.id})"
            )
    return 0


def cancel_bill(wanted: str, reason: str, *, as_json: bool) -> None:
    """Cancel a bill that has not left."""
    with opened() as office:
        dossier = drafts.cancel(office.journal, wanted, reason)
        if as_json:
            emit(bill_document(dossier, office.clock))
        else:
            console().print(f"[green]annulée[/]  facture {dossier.numero or dossier.id}")


def _complete(d: Dossier, today: date) -> None:
    """Raises BillNotValid, which says where missing answers are given."""
    from tournee.billing.engine import require_valid
    from tournee.billing.errors import BillNotValid

    try:
        require_valid(d.bill, d.rights, today=today)
    except BillNotValid as exc:
        raise BillNotValid(exc.what, f"{exc.remedy} Pour la modifier : tournee bill new --resume {d.id}") from None
