"""Make a bill from the cards, answer its questions, cancel it, correct it. Each change is journaled before it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tournee.billing import codec, evaluate, prefill, settle
from tournee.billing.jour import days_of, degressive, with_day
from tournee.billing.lifecycle import LABELS, State
from tournee.billing.model import Bill
from tournee.billing.rights import Rights
from tournee.practice.cabinet import Cabinet
from tournee.practice.dossier import Dossier, load, load_all
from tournee.practice.errors import WrongCard, WrongState
from tournee.practice.outline import BILL, Outline, bills
from tournee.practice.ports import Clock, Journal, New, Random

_AT_ONCE = 200
"""Drafts opened at a time, newest first, in search of the same patient."""
_CANCELLABLE = (State.DRAFT, State.VALID, State.SIGNED, State.REJECTED)
_CORRECTABLE = (State.REJECTED, State.PARTLY_PAID)


def new_bill(
    journal: Journal, cabinet: Cabinet, rights: Rights, *, clock: Clock, random: Random, corrects: Dossier | None = None
) -> Bill:
    """A bill with nothing answered yet, not journaled: `save` does that with the first answers."""
    bill = Bill(
        id=random.bytes(5).hex(),
        created=clock.today(),
        situation=cabinet.situation,
        praticien=cabinet.praticien,
        simulation=cabinet.simulation,
    )
    if corrects is not None:
        old = corrects.bill
        bill = replace(
            bill,
            beneficiaire=old.beneficiaire,
            answers=old.answers,
            acts=old.acts,
            forced=old.forced,
            corrects=corrects.id,
            corrects_numero=corrects.numero,
        )
    return settle(bill, rights)


def prefilled(journal: Journal, bill: Bill) -> Bill:
    """With the answers of the same patient's last bill that may be taken over, and what the day's other bills say."""
    person = bill.beneficiaire
    if person is None or bill.corrects is not None:
        return bill
    others = [o for o in bills(journal).values() if o.id != bill.id and o.state is not State.CANCELLED]
    return _with_last(journal, _with_days(journal, bill, others), others)


def _with_days(journal: Journal, bill: Bill, others: Sequence[Outline]) -> Bill:
    if not degressive(bill):
        return bill
    first = min(days_of(bill)) - timedelta(days=1)  # the journal's clock is not local time
    near = load_all(journal, [o.id for o in others if o.begun >= first])
    return with_day(bill, [evaluate(d.bill, d.rights, today=d.bill.created) for d in near])


def _with_last(journal: Journal, bill: Bill, others: Sequence[Outline]) -> Bill:
    person = codec.bill_to_json(bill)["beneficiaire"]
    newest = [BILL + o.id for o in reversed(others)]
    for at in range(0, len(newest), _AT_ONCE):
        part = newest[at : at + _AT_ONCE]
        drafts = {e.subject: e.data["bill"] for e in journal.entries(among=part, steps=("draft",))}
        if found := next((drafts[s] for s in part if drafts[s]["beneficiaire"] == person), None):
            return prefill(bill, codec.bill_from_json(found))
    return bill


def save(journal: Journal, bill: Bill, rights: Rights) -> None:
    """Journal the draft as it is now."""
    journal.commit(_draft(bill, rights))


def _draft(bill: Bill, rights: Rights) -> New:
    return New(BILL + bill.id, "draft", {"bill": codec.bill_to_json(bill), "rights": codec.rights_to_json(rights)})


def editable(journal: Journal, wanted: str) -> Dossier:
    """The dossier of a bill that may still be changed; raises WrongState."""
    dossier = load(journal, wanted)
    if dossier.state is not State.DRAFT:
        raise WrongState(
            f"La facture {dossier.id} ne peut plus être modifiée (état : {label(dossier.state)}).",
            "Annulez-la ou corrigez-la : tournee bill cancel, tournee bill correct.",
        )
    return dossier


def correctable(dossier: Dossier) -> None:
    """Raises WrongState unless the fund has rejected the bill, or paid it in part."""
    if dossier.state not in _CORRECTABLE:
        raise WrongState(
            f"La facture {dossier.numero or dossier.id} est {label(dossier.state)} : seule une facture rejetée se corrige.",
            "Annulez une facture qui n'est pas partie : tournee bill cancel",
        )


def correct(
    journal: Journal, cabinet: Cabinet, old: Dossier, rights: Rights | None = None, *, clock: Clock, random: Random
) -> Bill:
    """The bill that replaces a rejected or partly paid one, journaled in the same write that marks the old one. `rights`: as
    the card has them now; without, those that the old bill was made with.

    Raises WrongState, or WrongCard when the patient is not on that card.
    """
    correctable(old)
    rights = old.rights if rights is None else rights
    if old.bill.beneficiaire is not None and rights.person(old.bill.beneficiaire) is None:
        raise WrongCard(
            f"La carte Vitale insérée n'est pas celle du patient de la facture {old.numero or old.id}.",
            "Insérez la sienne, ou gardez les droits d'alors : --sans-vitale",
        )
    bill = new_bill(journal, cabinet, rights, clock=clock, random=random, corrects=old)
    journal.commit(_draft(bill, rights), New(BILL + old.id, "corrected", {"by": bill.id}))
    return bill


def cancel(journal: Journal, wanted: str, reason: str) -> Dossier:
    """Cancel a bill that has not left, or give up one that the fund has rejected; its number, if it has one, stays used.

    Raises WrongState. The bill that a cancelled one was to correct is open again, in the same write.
    """
    dossier = load(journal, wanted)
    if dossier.state is State.REJECTED and not reason.strip():
        raise WrongState(
            f"La facture {dossier.numero or dossier.id} est rejetée : l'abandonner demande un motif.",
            "Donnez-le avec --reason, ou corrigez-la : tournee bill correct.",
        )
    if dossier.state not in _CANCELLABLE:
        raise WrongState(
            f"La facture {dossier.id} est déjà partie (état : {label(dossier.state)}) : elle ne peut plus être annulée ici.",
            "Attendez le retour de la caisse, puis corrigez-la : tournee bill correct.",
        )
    news = [New(BILL + dossier.id, "cancelled", {"reason": reason})]
    corrected = dossier.bill.corrects
    if corrected is not None and load(journal, corrected).state is State.CORRECTED:
        news.append(New(BILL + corrected, "correction-cancelled", {"by": dossier.id}))
    journal.commit(*news)
    return load(journal, dossier.id)


def label(state: State) -> str:
    """The state in French."""
    return LABELS[state]
