"""`tournee send`: form lots, sign and seal them, mail them; continue where the last run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tournee.cli.output import console, emit, option_json


@click.command(name="send")
@click.option("--resend", "resend", is_flag=True, help="Envoyer à nouveau ce qui n'a pas reçu d'accusé de réception.")
@click.option("--file", "numero", type=int, help="Avec --resend : seulement le fichier de ce numéro.")
@click.option("--again", is_flag=True, help="Refaire une signature dont le résultat est inconnu.")
@click.option(
    "--copy", type=click.Path(file_okay=False, path_type=Path), help="Dossier où copier fichiers et courriers."
)
@option_json
def command(resend: bool, numero: int | None, again: bool, copy: Path | None, as_json: bool) -> int:
    """Former les lots, les signer, les chiffrer et les envoyer aux caisses."""
    import asyncio

    from tournee.cli.connect import desk_for
    from tournee.cli.office import opened
    from tournee.cli.ports import CmsSealer
    from tournee.practice.send import Result, Sender
    from tournee.signing.adapters.verify import verify
    from tournee.transmit.adapters.mailbox import AccountMailbox

    out = console(stderr=as_json)
    with opened() as office, AccountMailbox(office.cabinet.account) as mailbox:

        async def run() -> list[Result]:
            async with desk_for(office) as desk:
                sender = Sender(
                    office.journal,
                    desk,
                    CmsSealer(),
                    mailbox,
                    office.cabinet,
                    office.clock,
                    office.random,
                    verify,
                    said=lambda text: out.print(f"  [dim]·[/] {text}"),
                )
                return sender.resend(numero) if resend else await sender.send(again=again)

        results = asyncio.run(run())
        if copy is not None:
            _copy(copy, results)
    if as_json:
        emit({"files": [_file(r) for r in results]})
    for result in results:
        if not as_json or result.error is not None:
            _say(out, result)
    failed = [r.error for r in results if r.error is not None]
    return failed[0].exit_code if failed else 0


def _file(result: Any) -> dict[str, Any]:
    import hashlib

    file, error = result.file, result.error
    said = None if error is None else {"code": error.code, "what": error.what, "remedy": error.remedy}
    if file is None:
        return {"file": None, "bills": list(result.bills), "outcome": "not-formed", "error": said}
    return {
        "file": file.id,
        "numero": file.numero,
        "destination": file.destination["name"],
        "lots": [{"numero": part.numero, "bills": list(part.bills)} for part in file.lots],
        "outcome": file.outcome,
        "compostage": file.attempts[-1].compostage if file.attempts else None,
        "sha256": hashlib.sha256(file.content).hexdigest() if file.content else None,
        "bytes": len(file.content),
        "error": said,
    }


def _say(out: Any, result: Any) -> None:
    file, error = result.file, result.error
    count = len(result.bills if file is None else file.bills)
    what = f"{count} facture{'s' if count > 1 else ''}"
    if file is not None:
        what = f"fichier {file.numero} pour {file.destination['name']} : {what}"
    if error is None:
        out.print(f"[green]envoyé[/]  {what}")
    else:
        console(stderr=True).print(f"[red]pas envoyé[/]  {what}\n  {error.what}\n  → {error.remedy}")


def _copy(folder: Path, results: Any) -> None:
    """File and mail as sent; the practitioner's own copy (personal data: made for this user only)."""
    from tournee.store.home import made, write_private

    made(folder)
    for result in results:
        file = result.file
        if file is None:
            continue
        if file.content:
            write_private(folder / f"{file.numero:06d}.b2", file.content)
        if file.attempts:
            write_private(folder / f"{file.numero:06d}.eml", file.attempts[-1].mail)
