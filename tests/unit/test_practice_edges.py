"""The journal at its edges: midnight, a patient who has left, numbers that turn over, corrections, answers in odd order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.unit.practice_fakes import (
    CABINET,
    Cards,
    CountingRandom,
    MemoryJournal,
    PlainSealer,
    Post,
    accept,
    home_visit,
    rights,
)
from tournee.billing.lifecycle import State
from tournee.practice import drafts
from tournee.practice.dossier import Dossier, load, load_all
from tournee.practice.errors import WrongCard, WrongState
from tournee.practice.files import load_files
from tournee.practice.matching import effects, unanswered
from tournee.practice.outline import bills
from tournee.practice.ports import New
from tournee.practice.returns import take_returns
from tournee.practice.send import Result, Sender
from tournee.practice.sign import sign
from tournee.practice.status import look
from tournee.terminal.errors import OutcomeUnknown
from tournee.transmit.errors import MailTooLarge, MailUnknown
from tournee.transmit.model import Arl, Etat, Montants, Nature, Retour, RetourFacture
from tournee_protocol.link import Op

PAID = Montants(2800, 2800, Etat.PAYE)
NOTHING = Montants(2800, 0, Etat.REJETE)
CUT = Montants(2800, 1000, Etat.PAYE)


class Calendar:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.day = date(2025, 1, 15)

    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 23, 59, tzinfo=UTC)

    def today(self) -> date:
        return self.day


class NoCards(Cards):
    """A reader whose slots are empty."""

    async def practitioner(self):  # type: ignore[no-untyped-def]
        raise AssertionError("no card is needed here")

    async def patient(self):  # type: ignore[no-untyped-def]
        raise AssertionError("no card is needed here")


class Practice:
    """One valid bill `aa`, and what happens to it."""

    def __init__(self) -> None:
        self.journal, self.cards, self.post, self.clock = MemoryJournal(), Cards(), Post(), Calendar()
        self.random = CountingRandom()
        self.add("aa")

    def add(self, bill: str) -> None:
        drafts.save(self.journal, home_visit(bill, rights()), rights())

    def sign(self, bill: str = "aa", *, again: bool = False, cards: Cards | None = None) -> Dossier:
        return asyncio.run(
            sign(self.journal, cards or self.cards, CABINET, bill, clock=self.clock, verify=accept, again=again)
        )

    def sender(self) -> Sender:
        return Sender(self.journal, self.cards, PlainSealer(), self.post, CABINET, self.clock, self.random, accept)

    def send(self) -> list[Result]:
        return asyncio.run(self.sender().send())

    def returned(self, *items: RetourFacture, return_id: str = "r1") -> tuple[str, ...]:
        """A NOEMIE return as `take_returns` applies it; the remarks."""
        retour = Retour(Nature.NOEMIE, "580", True, "", factures=items)
        news, remarks = effects(retour, load_all(self.journal), load_files(self.journal), return_id)
        self.journal.commit(*news)
        return remarks

    def states(self) -> dict[str, State]:
        return {o.id: o.state for o in bills(self.journal).values()}

    def state(self, bill: str = "aa") -> State:
        return load(self.journal, bill).state

    def answer(self, amo: Montants, bill: str = "aa") -> RetourFacture:
        return RetourFacture(f"{load(self.journal, bill).numero:09d}", "", None, amo=amo)


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def sent(practice: Practice) -> Practice:
    practice.sign()
    practice.send()
    return practice


def test_midnight_between_number_and_records_keeps_the_number_and_dates_the_records(practice: Practice) -> None:
    practice.journal.commit(New("bill:aa", "numbered", take="facture"))  # then the process was killed
    practice.clock.day = date(2025, 1, 16)
    signed = practice.sign()
    assert signed.numero == 1
    assert signed.facture is not None and signed.facture["date_facture"] == "2025-01-16"


def test_midnight_between_records_and_signature_changes_no_byte_that_is_signed(practice: Practice) -> None:
    practice.cards.die = OutcomeUnknown(Op.APDU, restarted=False)
    with pytest.raises(OutcomeUnknown):
        practice.sign()
    records = load(practice.journal, "aa").records
    practice.clock.day = date(2025, 1, 16)
    signed = practice.sign(again=True)
    assert signed.records == records
    assert signed.facture is not None and signed.facture["date_facture"] == "2025-01-15"


def test_both_signatures_made_it_needs_no_card_to_be_signed(practice: Practice) -> None:
    practice.sign()
    last = practice.journal.kept.pop()
    assert last.step == "signed"  # as if killed before this write; the patient leaves
    assert practice.sign(cards=NoCards()).state is State.SIGNED


def test_a_number_names_its_bill_before_an_id_that_begins_alike(practice: Practice) -> None:
    practice.add("1f")
    practice.sign("aa")
    assert load(practice.journal, "1").id == "aa"
    assert load(practice.journal, "1f").id == "1f"


def test_the_lot_number_turns_over_after_999(practice: Practice) -> None:
    practice.journal.next["lot"] = 998
    for bill in ("b1", "b2", "b3"):
        practice.add(bill)
        practice.sign(bill)
        practice.send()
    assert [f.lots[0].numero for f in load_files(practice.journal)] == [999, 1, 2]
    lot_1 = RetourFacture(f"{load(practice.journal, 'b2').numero:09d}", "001", None, amo=PAID)
    practice.returned(lot_1)
    assert [practice.state(b) for b in ("b1", "b2", "b3")] == [State.SENT, State.PAID, State.SENT]


def test_a_correction_and_the_mark_on_the_old_bill_are_one_write(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING))
    sent.journal.left = 1  # a second write would be killed
    new = drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)
    assert sent.state() is State.CORRECTED
    assert (new.corrects, new.corrects_numero) == ("aa", 1)
    with pytest.raises(WrongState):
        drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)


@pytest.mark.parametrize(("amounts", "state"), [(NOTHING, State.REJECTED), (CUT, State.PARTLY_PAID)])
def test_a_cancelled_correction_opens_the_old_bill_again(sent: Practice, amounts: Montants, state: State) -> None:
    sent.returned(sent.answer(amounts))
    new = drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)
    drafts.cancel(sent.journal, new.id, "")
    assert sent.state() is state
    view = look(sent.journal, today=sent.clock.day)[0]
    assert any(t.subject == "facture 1" for t in view.todo)
    again = drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)
    assert again.id != new.id


def test_a_correction_has_the_rights_that_the_card_has_now(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING))
    old = load(sent.journal, "aa")
    now = replace(old.rights, caisse="992", numero_serie="of a new card")
    new = drafts.correct(sent.journal, CABINET, old, now, clock=sent.clock, random=sent.random)
    made = load(sent.journal, new.id)
    assert made.rights == now and made.bill.acts == old.bill.acts and made.bill.corrects_numero == 1


def test_the_card_of_somebody_else_corrects_nothing(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING))
    old = load(sent.journal, "aa")
    other = replace(old.rights.beneficiaires[0].identite, prenom="ZOE")
    rights = replace(old.rights, beneficiaires=(replace(old.rights.beneficiaires[0], identite=other),))
    with pytest.raises(WrongCard) as caught:
        drafts.correct(sent.journal, CABINET, old, rights, clock=sent.clock, random=sent.random)
    assert "--sans-vitale" in caught.value.remedy
    assert sent.state() is State.REJECTED


def test_a_rejected_bill_is_given_up_for_a_reason(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING))
    with pytest.raises(WrongState, match="motif"):
        drafts.cancel(sent.journal, "aa", " ")
    drafts.cancel(sent.journal, "aa", "soins offerts")
    assert sent.state() is State.CANCELLED
    assert not look(sent.journal, today=sent.clock.day)[0].todo
    (remark,) = sent.returned(sent.answer(PAID), return_id="r2")
    assert "28,00" in remark and "annulée" in remark and sent.state() is State.CANCELLED


def test_money_for_a_corrected_bill_is_kept_and_told(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING))
    drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)
    (remark,) = sent.returned(sent.answer(PAID), return_id="r2")
    assert "28,00" in remark and sent.state() is State.CORRECTED
    settled = [e for e in load(sent.journal, "aa").events if e.step == "settlement"]
    assert [e.data["paye_cents"] for e in settled] == [2800]


def test_a_negative_arl_then_its_correction_goes_out_alone(sent: Practice) -> None:
    (file,) = load_files(sent.journal)
    refused = Retour(Nature.ARL, "ARL", True, "", arl=Arl(False, file.attempts[0].compostage, "000001", (), ()))
    news, _ = effects(refused, load_all(sent.journal), load_files(sent.journal), "r1")
    sent.journal.commit(*news)
    assert sent.state() is State.REJECTED
    new = drafts.correct(sent.journal, CABINET, load(sent.journal, "aa"), clock=sent.clock, random=sent.random)
    sent.sign(new.id)
    (result,) = sent.send()
    assert result.file.bills == (new.id,) and result.file.numero == 2
    assert load(sent.journal, new.id).numero == 2


def test_an_invoice_named_twice_in_one_return_takes_both_steps(sent: Practice) -> None:
    sent.returned(sent.answer(NOTHING), sent.answer(PAID))
    steps = [e.step for e in load(sent.journal, "aa").events]
    assert sent.state() is State.PAID
    assert steps[-2:] == ["rejected", "paid"]


def test_a_file_whose_bill_was_answered_is_not_sent_again(practice: Practice) -> None:
    practice.sign()
    practice.post.fail = MailUnknown("Le serveur n'a pas confirmé.", "Relevez les retours.")
    practice.send()
    assert [f.numero for f in unanswered(load_files(practice.journal), practice.states())] == [1]
    practice.returned(practice.answer(PAID))
    with pytest.raises(WrongState):
        practice.sender().resend(None)
    view = look(practice.journal, today=practice.clock.day)[0]
    assert not view.todo


def test_a_cancelled_bill_asks_for_no_signature_any_more(practice: Practice) -> None:
    practice.cards.die = OutcomeUnknown(Op.APDU, restarted=False)
    with pytest.raises(OutcomeUnknown):
        practice.sign()
    drafts.cancel(practice.journal, "aa", "")
    view = look(practice.journal, today=practice.clock.day)[0]
    assert not view.todo and load(practice.journal, "aa").numero == 1


def test_the_records_of_another_patients_card_are_never_signed(practice: Practice) -> None:
    """Two bills, two patients: each is signed only with its own card in the reader."""
    other = replace(rights(), numero_serie="99000002")
    drafts.save(practice.journal, home_visit("cc", other), other)
    from tournee.practice.errors import WrongCard

    with pytest.raises(WrongCard):
        practice.sign("cc")
    assert load(practice.journal, "cc").numero is None and not practice.cards.signed
    assert practice.sign("cc", cards=Cards("99000002")).state is State.SIGNED


class Drop:
    """A maildrop that gives uid `1` to whatever comes first, as servers without real UIDL do."""

    def __init__(self, mail: bytes) -> None:
        self.mails = {"1": mail}

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        raise AssertionError("nothing is sent here")

    def uids(self) -> list[str]:
        return list(self.mails)

    def fetch(self, uid: str) -> bytes:
        return self.mails[uid]

    def delete(self, uid: str) -> None:
        del self.mails[uid]


def test_another_mail_under_a_known_uid_is_read_before_it_is_deleted(practice: Practice) -> None:
    class Dying(Drop):
        def delete(self, uid: str) -> None:
            raise OSError("the server is gone")

    with pytest.raises(OSError):
        take_returns(practice.journal, Dying(b"one"))
    (taken,) = take_returns(practice.journal, Drop(b"two"))
    assert taken.raw == b"two" and not taken.duplicate


def test_a_mail_too_large_stays_and_the_others_are_taken(practice: Practice) -> None:
    class Heavy(Drop):
        def fetch(self, uid: str) -> bytes:
            if uid == "1":
                raise MailTooLarge("Un message est trop grand.", "Ouvrez la boîte.")
            return super().fetch(uid)

    drop = Heavy(b"huge")
    drop.mails["2"] = b"other"
    large, other = take_returns(practice.journal, drop)
    assert "trop grand" in large.remarks[0] and not large.raw
    assert other.raw == b"other" and list(drop.mails) == ["1"]
