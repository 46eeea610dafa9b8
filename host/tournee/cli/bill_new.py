"""Make a bill: cards, questions, draft; each answer set is journaled, so that Ctrl-C or a crash keeps it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tournee.billing import BadAnswer, Bill, Origin, Rights, completed
from tournee.billing.money import euros
from tournee.cli.bill_show import bill_document, say_bill
from tournee.cli.errors import INTERRUPTED, REFUSED
from tournee.cli.office import Office, opened
from tournee.cli.output import console, emit
from tournee.errors import UsageError
from tournee.practice import drafts
from tournee.practice.dossier import load


def make(answers: Path | None, resume: str | None, *, advanced: bool, as_json: bool, sans_vitale: bool = False) -> int:
    """0 valid, 3 something is missing or wrong, 130 interrupted (the draft is kept)."""
    with opened() as office:
        if resume is not None:
            dossier = drafts.editable(office.journal, resume)
            bill, rights = dossier.bill, dossier.rights
        else:
            rights = Rights.none() if sans_vitale else _read_patient(office)
            bill = drafts.new_bill(office.journal, office.cabinet, rights, clock=office.clock, random=office.random)
        return _fill(office, bill, rights, answers, advanced=advanced, as_json=as_json, review=resume is not None)


def make_correction(wanted: str, answers: Path | None, *, sans_vitale: bool, as_json: bool) -> int:
    """A new bill that replaces a rejected one, with the rights as the card has them now, and asks for all of it: what was paid in
    part already is said.
    """
    with opened() as office:
        old = load(office.journal, wanted)
        drafts.correctable(old)
        told = console(stderr=True)
        read = not sans_vitale and old.rights.origin is Origin.CARD
        rights = _read_patient(office) if read else old.rights
        bill = drafts.correct(office.journal, office.cabinet, old, rights, clock=office.clock, random=office.random)
        if not read and old.rights.origin is Origin.CARD:
            told.print(f"[yellow]Droits lus le {old.events[0].at:%d/%m/%Y} : la carte Vitale n'a pas été relue.[/]")
        if paid := int(old.outcome.get("paye_cents", 0)):
            told.print(
                f"[yellow]La caisse a déjà payé {euros(paid)} de la facture {old.numero} ; la nouvelle redemande tout :"
                " voyez avec elle avant de l'envoyer.[/]"
            )
        return _fill(office, bill, rights, answers, advanced=False, as_json=as_json, review=True)


def _read_patient(office: Office) -> Rights:
    import asyncio

    from tournee.cli.connect import desk_for
    from tournee.practice.sign import check_holder
    from tournee.practice.visit import rights_of

    async def read() -> Rights:
        async with desk_for(office) as desk:
            cps = await desk.open_cps()
            check_holder(office.cabinet, cps.holder.numero_identification if cps.holder else "")
            return rights_of(await desk.patient_rights())

    return asyncio.run(read())


def _fill(
    office: Office, bill: Bill, rights: Rights, answers: Path | None, *, advanced: bool, as_json: bool, review: bool
) -> int:
    from tournee.billing.engine import evaluate
    from tournee.cli.questions import Interrupted, apply_answers, ask

    def prefilled(known: Bill) -> Bill:
        return drafts.prefilled(office.journal, known)

    def save(known: Bill) -> None:
        drafts.save(office.journal, known, rights)

    today, interrupted = office.clock.today(), False
    if answers is not None:
        try:
            bill = prefilled(apply_answers(bill, rights, today, read_answers(answers)))
        except BadAnswer as exc:
            told = "\n".join(f"  {one.place} : {one.what} → {one.remedy}" for one in exc.every)
            raise UsageError(f"{answers} :\n{told}", "Corrigez le fichier : docs/BILLING.md.") from None
    elif as_json:
        bill = prefilled(bill)
    else:
        save(bill)
        try:
            bill = ask(bill, rights, today, advanced=advanced, prefilled=prefilled, save=save, review=review)
        except Interrupted as exc:
            bill, interrupted = exc.bill, True
            print(file=sys.stderr)  # the terminal has shown ^C without an end of line
    rights = completed(bill, rights)
    drafts.save(office.journal, bill, rights)
    dossier = load(office.journal, bill.id)
    if as_json:
        emit(bill_document(dossier, office.clock))
    else:
        say_bill(console(), dossier, office.clock)
    if interrupted:
        console(stderr=True).print(f"Brouillon gardé. Pour le reprendre : tournee bill new --resume {bill.id}")
        return INTERRUPTED
    valid = evaluate(bill, rights, today=today).status == "valid"
    if not as_json:
        following = f"tournee bill sign {bill.id}" if valid else f"tournee bill new --resume {bill.id}"
        console().print(f"Suite : {following}")
    return 0 if valid else REFUSED


def read_answers(path: Path) -> Mapping[str, Any]:
    """Question id → answer; raises UsageError that names the file."""
    document = read_document(path)
    if not isinstance(document, dict):
        raise UsageError(f"{path} : un objet question: réponse est attendu.", "Voyez docs/BILLING.md.")
    return document


def read_document(path: Path) -> Any:
    """JSON, or YAML when PyYAML is there; raises UsageError that names the file."""
    text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text) if path.suffix == ".json" else _yaml(text, path)
    except ValueError as exc:
        raise UsageError(f"{path} : illisible ({exc}).", "Vérifiez la syntaxe du fichier.") from None


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(f"{path} : lire du YAML demande PyYAML.", "Donnez du JSON, ou : pip install pyyaml") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(str(exc)) from None
