"""Make a bill from the cards, answer its questions, cancel it, correct it. Each change is journaled before it is shown."""

from __future__ import annotations

from dataclasses import replace

from tournee.billing import codec
from tournee.billing import evaluate, prefill, settle
from tournee.billing.lifecycle import LABELS, State
from tournee.billing.model import Bill
from tournee.billing.result import Evaluation
from tournee.billing.rights import Rights
from tournee.practice.cabinet import Cabinet
from tournee.practice.dossier import PREFIX, Dossier, load, load_all
from tournee.practice.errors import WrongState
from tournee.practice.ports import Clock, Journal, New, Random

_UNSIGNED = (State.DRAFT, State.VALID)


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
    """With the answers of the same patient's last bill that may be taken over."""
    person = bill.beneficiaire
    if person is None or bill.corrects is not None:
        return bill
    last = [d for d in load_all(journal) if d.bill.beneficiaire == person and d.id != bill.id]
    return prefill(bill, last[-1].bill) if last else bill


def save(journal: Journal, bill: Bill, rights: Rights) -> None:
    """Journal the draft as it is now."""
    data = {"bill": codec.bill_to_json(bill), "rights": codec.rights_to_json(rights)}
    journal.commit(New(PREFIX + bill.id, "draft", data))


def evaluation(dossier: Dossier, clock: Clock) -> Evaluation:
    return evaluate(dossier.bill, dossier.rights, today=clock.today())


def editable(journal: Journal, wanted: str) -> Dossier:
    """The dossier of a bill that may still be changed; raises WrongState."""
    dossier = load(journal, wanted)
    if dossier.state is not State.DRAFT:
        raise WrongState(
            f"La facture {dossier.id} ne peut plus être modifiée (état : {label(dossier.state)}).",
            "Annulez-la ou corrigez-la : tournee bill cancel, tournee bill correct.",
        )
    return dossier


def cancel(journal: Journal, wanted: str, reason: str) -> Dossier:
    """Cancel a bill that has not left; its number, if it has one, stays used. Raises WrongState."""
    dossier = load(journal, wanted)
    if dossier.state not in (*_UNSIGNED, State.SIGNED):
        raise WrongState(
            f"La facture {dossier.id} est déjà partie (état : {label(dossier.state)}) : elle ne peut plus être annulée ici.",
            "Attendez le retour de la caisse, puis corrigez-la : tournee bill correct.",
        )
    journal.commit(New(PREFIX + dossier.id, "cancelled", {"reason": reason}))
    return load(journal, dossier.id)


def label(state: State) -> str:
    """The state in French."""
    return LABELS[state]
