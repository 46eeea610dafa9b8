"""Show bills: one, all, why an amount, the receipt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tournee.billing import codec
from tournee.billing.engine import evaluate, row_text, why
from tournee.billing.lifecycle import State, clocks
from tournee.billing.money import euros
from tournee.billing.result import ClockDate, Evaluation
from tournee.cli.office import opened
from tournee.cli.output import console, emit
from tournee.cli.ports import SystemClock
from tournee.errors import UsageError
from tournee.practice.dossier import Dossier, load, load_all
from tournee.practice.drafts import label
from tournee.practice.outline import bills
from tournee.store.home import write_private

_VOID = {
    State.CANCELLED: "Facture annulée : ce reçu ne vaut plus rien",
    State.CORRECTED: "Facture rejetée par la caisse et remplacée par une autre",
}


def bill_document(dossier: Dossier, clock: SystemClock, *, names: bool = False) -> dict[str, Any]:
    """The bill for programs. Without `names` it holds no identity, NIR or address."""
    evaluation = dossier.evaluation or codec.evaluation_to_json(current(dossier, clock))
    if not names:
        evaluation = {**evaluation, "questions": [_nameless(q) for q in evaluation["questions"]]}
    document: dict[str, Any] = {
        "bill": dossier.id,
        "numero_facture": dossier.numero,
        "state": str(dossier.state),
        "status": evaluation["status"],
        "evaluation": evaluation,
        "clocks": [{"code": c.code, "text": c.text, "due": c.due.isoformat()} for c in legal_dates(dossier, clock)],
        "signatures": [s.signer for s in dossier.signatures],
        "pending_signature": dossier.pending,
        "outcome": dossier.outcome,
        "life": [{"at": e.at.isoformat(), "step": e.step, **e.data} for e in dossier.events],
    }
    if names:
        document["content"] = codec.bill_to_json(dossier.bill)
        document["rights"] = codec.rights_to_json(dossier.rights)
    return document


def _nameless(question: dict[str, Any]) -> dict[str, Any]:
    """The choice of the patient shows names and birth dates of the family: without them, only its rank on the card."""
    if question["id"] != "beneficiaire":
        return question
    choices = [{**c, "text": f"bénéficiaire {c['value']}"} for c in question["choices"]]
    return {**question, "choices": choices}


def current(dossier: Dossier, clock: SystemClock) -> Evaluation:
    """What was signed, as it was then; a bill that is not prepared yet, as the tables price it today."""
    if dossier.evaluation is not None:
        return codec.evaluation_from_json(dossier.evaluation)
    return evaluate(dossier.bill, dossier.rights, today=clock.today())


def legal_dates(dossier: Dossier, clock: SystemClock) -> tuple[ClockDate, ...]:
    """Transmission, acknowledgement, archive: those that follow from the life of the bill so far, earliest first."""
    evaluation = current(dossier, clock)
    if dossier.state in (State.DRAFT, State.VALID):
        return evaluation.clocks
    return clocks(dossier.steps, tiers_payant=evaluation.contexte.tiers_payant in ("amo", "amo_amc", "c2s"))


def say_bill(out: Any, dossier: Dossier, clock: SystemClock) -> None:
    """Lines, split, what is missing, life cycle."""
    from rich.table import Table

    evaluation = current(dossier, clock)
    title = f"Facture {dossier.numero}" if dossier.numero else f"Facture {dossier.id}"
    person = dossier.bill.beneficiaire
    who = f"  {person.prenom} {person.nom}" if person else ""
    out.print(f"[bold]{title}[/]{who}  [dim]{_label(dossier, evaluation)}[/]")
    if evaluation.lines:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("acte", "date"):
            table.add_column(column)
        for column in ("montant", "base", "taux", "AMO", "AMC", "patient"):
            table.add_column(column, justify="right")
        for x in evaluation.lines:
            cells = (x.montant_cents, x.base_cents, None, x.amo_cents, x.amc_cents, x.patient_cents)
            texts = [f"{x.taux} %" if c is None else euros(c) for c in cells]
            table.add_row(x.code, f"{x.date:%d/%m/%Y}", *texts)
        t = evaluation.totals
        texts = [
            euros(t.montant_cents),
            euros(t.base_cents),
            "",
            euros(t.amo_cents),
            euros(t.amc_cents),
            euros(t.patient_cents),
        ]
        table.add_row("[bold]total[/]", "", *(f"[bold]{x}[/]" for x in texts))
        out.print(table)
    for question in evaluation.questions:
        if question.required:
            out.print(f"[yellow]à répondre[/]  {question.text}  [dim]{question.id}[/]")
    for fault in evaluation.errors:
        out.print(f"[red]{fault.text}[/]\n  → {fault.remedy}")
    for information in evaluation.informations:
        out.print(f"[dim]{information.text}[/]")
    for rejet in dossier.outcome.get("rejets", []):
        out.print(f"[red]{rejet['code']} {rejet['libelle']}[/]\n  → {rejet['a_faire']}")


def show_one(wanted: str, *, names: bool, as_json: bool) -> None:
    with opened(write=False) as office:
        dossier = load(office.journal, wanted)
        if as_json:
            emit(bill_document(dossier, office.clock, names=names))
            return
        out = console()
        say_bill(out, dossier, office.clock)
        out.print("[dim]cycle de vie[/]")
        for step in dossier.steps:
            out.print(f"  {step.day:%d/%m/%Y}  {label(step.state)}")
        for due in legal_dates(dossier, office.clock):
            out.print(f"  [dim]{due.due:%d/%m/%Y}  {due.text}[/]")


def show_list(state: str | None, *, last: int | None, as_json: bool) -> None:
    """At most the `last` bills; only those are opened."""
    with opened(write=False) as office:
        chosen = [o.id for o in bills(office.journal).values() if state is None or str(o.state) == state]
        older = len(chosen) - last if last is not None and len(chosen) > last else 0
        dossiers = load_all(office.journal, chosen[older:])
        rows = [(d, current(d, office.clock)) for d in dossiers]
    if as_json:
        emit({"bills": [_row(d, e) for d, e in rows]})
        return
    out = console()
    if not rows:
        nothing = "Aucune facture. Pour la première : tournee bill new"
        out.print(nothing if state is None else "Aucune facture dans cet état. Toutes : tournee bill list")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("facture", "numéro", "date", "patient", "état"):
        table.add_column(column)
    table.add_column("montant", justify="right")
    for d, e in rows:
        person = d.bill.beneficiaire
        total = _row(d, e)["montant_cents"]
        name = f"{person.prenom} {person.nom}" if person else ""
        table.add_row(d.id, str(d.numero or ""), f"{d.day:%d/%m/%Y}", name, _label(d, e), euros(total))
    if older:
        out.print(f"[dim]{older} plus ancienne{'s' if older > 1 else ''} : tournee bill list --all[/]")
    out.print(table)


def show_why(wanted: str, line: int) -> None:
    with opened(write=False) as office:
        dossier = load(office.journal, wanted)
        evaluation = current(dossier, office.clock)
    out = console()
    if not 1 <= line <= len(evaluation.lines):
        count = len(evaluation.lines)
        what = f"La facture a {count} ligne{'s' if count > 1 else ''} de montant."
        raise UsageError(
            what, f"Donnez un numéro de ligne de 1 à {count}." if count else "Complétez d'abord la facture."
        )
    out.print(f"[bold]{evaluation.lines[line - 1].code}[/]  {euros(evaluation.lines[line - 1].montant_cents)}")
    for trace in why(evaluation, line - 1):
        out.print(f"  {trace.text}  [dim]{trace.rule}[/]")
        for name in trace.rows:
            out.print(f"    [dim]{name} : {_row_text(name)}[/]")


def _row_text(name: str) -> str:
    """The row of the tables; a bill signed with older tables may name one that is not there any more."""
    try:
        return row_text(name)
    except KeyError:
        return "ligne des tables d'alors"


def print_receipt(wanted: str, target: Path) -> None:
    from tournee.cli.documents.receipt import receipt_pdf

    with opened(write=False) as office:
        dossier = load(office.journal, wanted)
        evaluation = current(dossier, office.clock)
        signed = dossier.numero if dossier.signatures else None
        data = receipt_pdf(replace(dossier.bill, numero_facture=signed), evaluation, void=_VOID.get(dossier.state, ""))
    write_private(target, data)
    console().print(f"écrit : {target}")


def _label(d: Dossier, e: Evaluation) -> str:
    """The state in French; a draft that is complete is said to be so."""
    complete = d.state is State.DRAFT and e.status == "valid"
    return label(State.VALID if complete else d.state)


def _row(d: Dossier, e: Evaluation) -> dict[str, Any]:
    return {
        "bill": d.id,
        "numero_facture": d.numero,
        "date": d.day.isoformat(),
        "state": str(d.state),
        "montant_cents": e.totals.montant_cents,
    }
