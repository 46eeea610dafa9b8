"""Make a bill from the cards, answer its questions, cancel it, correct it. Each change is journaled before it is shown."""

from __future__ import annotations

from dataclasses import replace

from tournee.billing import codec, evaluate, prefill, settle
from tournee.billing.jour import with_day
from tournee.billing.lifecycle import LABELS, State
from tournee.billing.model import Bill
from tournee.billing.rights import Rights
from tournee.practice.cabinet import Cabinet
from tournee.practice.dossier import PREFIX, Dossier, load, load_all
from tournee.practice.errors import WrongState
from tournee.practice.ports import Clock, Journal, New, Random

_NOT_LEFT = (State.DRAFT, State.VALID, State.SIGNED)
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
    others = [d for d in load_all(journal) if d.id != bill.id and d.state is not State.CANCELLED]
    today = [evaluate(d.bill, d.rights, today=bill.created) for d in others if d.bill.created == bill.created]
    bill = with_day(bill, today)
    last = [d for d in others if d.bill.beneficiaire == person]
    return prefill(bill, last[-1].bill) if last else bill


def save(journal: Journal, bill: Bill, rights: Rights) -> None:
    """Journal the draft as it is now."""
    journal.commit(_draft(bill, rights))


def _draft(bill: Bill, rights: Rights) -> New:
    return New(PREFIX + bill.id, "draft", {"bill": codec.bill_to_json(bill), "rights": codec.rights_to_json(rights)})


def editable(journal: Journal, wanted: str) -> Dossier:
    """The dossier of a bill that may still be changed; raises WrongState."""
    dossier = load(journal, wanted)
    if dossier.state is not State.DRAFT:
        raise WrongState(
            f"La facture {dossier.id} ne peut plus être modifiée (état : {label(dossier.state)}).",
            "Annulez-la ou corrigez-la : tournee bill cancel, tournee bill correct.",
        )
    return dossier


def correct(journal: Journal, cabinet: Cabinet, old: Dossier, *, clock: Clock, random: Random) -> Bill:
    """The bill that replaces a rejected or partly paid one, journaled in the same write that marks the old one.

    Raises WrongState.
    """
    if old.state not in _CORRECTABLE:
        raise WrongState(
            f"La facture {old.numero or old.id} est {label(old.state)} : seule une facture rejetée se corrige.",
            "Annulez une facture qui n'est pas partie : tournee bill cancel",
        )
    bill = new_bill(journal, cabinet, old.rights, clock=clock, random=random, corrects=old)
    journal.commit(_draft(bill, old.rights), New(PREFIX + old.id, "corrected", {"by": bill.id}))
    return bill


def cancel(journal: Journal, wanted: str, reason: str) -> Dossier:
    """Cancel a bill that has not left; its number, if it has one, stays used. Raises WrongState.

    The bill that a cancelled one was to correct is open again, in the same write.
    """
    dossier = load(journal, wanted)
    if dossier.state not in _NOT_LEFT:
        raise WrongState(
            f"La facture {dossier.id} est déjà partie (état : {label(dossier.state)}) : elle ne peut plus être annulée ici.",
            "Attendez le retour de la caisse, puis corrigez-la : tournee bill correct.",
        )
    news = [New(PREFIX + dossier.id, "cancelled", {"reason": reason})]
    corrected = dossier.bill.corrects
    if corrected is not None and load(journal, corrected).state is State.CORRECTED:
        news.append(New(PREFIX + corrected, "correction-cancelled", {"by": dossier.id}))
    journal.commit(*news)
    return load(journal, dossier.id)


def label(state: State) -> str:
    """The state in French."""
    return LABELS[state]
