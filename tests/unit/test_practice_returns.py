"""Returns: what each one does to a bill; nothing is deleted before it is journaled, nothing is taken twice."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.practice_fakes import Killed, MemoryJournal
from tournee.billing.lifecycle import State, allowed
from tournee.practice import returns as taking
from tournee.practice.dossier import load
from tournee.practice.ports import New
from tournee.practice.returns import take_returns
from tournee.transmit.model import Arl, ArlLot, Etat, Montants, Nature, Rejet, Retour, RetourFacture

EVALUATION = {"totals": {"amo_cents": 2800, "amc_cents": 0}, "contexte": {"tiers_payant": "amo"}}


class Drop:
    """`Mailbox` of a POP3 maildrop; `deleted` is what it has forgotten."""

    def __init__(self, **mails: bytes) -> None:
        self.mails = dict(mails)
        self.deleted: list[str] = []

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        raise AssertionError("nothing is sent here")

    def uids(self) -> Sequence[str]:
        return list(self.mails)

    def fetch(self, uid: str) -> bytes:
        return self.mails[uid]

    def delete(self, uid: str) -> None:
        self.deleted.append(uid)
        self.mails.pop(uid, None)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    """One bill (number 7) sent in lot 3, file 1."""
    from tournee.billing.codec import bill_to_json, rights_to_json
    from tournee.billing.model import Bill, SituationFacturation
    from tournee.billing.rights import Rights

    j = MemoryJournal()
    bill = Bill(id="aa", created=date(2025, 1, 15), situation=SituationFacturation(specialite="01"))
    j.next = {"facture": 6, "lot": 2}
    j.commit(New("bill:aa", "draft", {"bill": bill_to_json(bill), "rights": rights_to_json(Rights.none())}))
    j.commit(New("bill:aa", "numbered", take="facture"))
    j.commit(New("bill:aa", "prepared", {"records": "", "facture": {}, "evaluation": EVALUATION}))
    j.commit(New("bill:aa", "signed"))
    where = {"day": "2025-01-15", "destination": {"name": "A", "mailbox": "a@a.test", "certificate_pem": ""}}
    j.commit(
        New("file:ff", "formed", where, take="fichier"),
        New("file:ff", "lot", {"lot": "ll", "bills": ["aa"]}, take="lot"),
        New("bill:aa", "in-lot", {"lot": "ll", "file": "ff"}),
    )
    j.commit(New("file:ff", "send-begun", {"compostage": "2" * 19, "mail": ""}))
    j.commit(New("file:ff", "sent", {"compostage": "2" * 19}), New("bill:aa", "sent", {"compostage": "2" * 19}))
    return j


def arl(accepte: bool = True, rejets: tuple[Rejet, ...] = ()) -> Retour:
    lots = (ArlLot("003", accepte, 1, 2800, rejets),)
    return Retour(Nature.ARL, "ARL", True, "", arl=Arl(accepte, "2" * 19, "000001", lots, rejets))


def noemie(reference: str = "580", **facture: Any) -> Retour:
    return Retour(Nature.NOEMIE, reference, True, "", factures=(RetourFacture("000000007", "003", None, **facture),))


PAID = Montants(2800, 2800, Etat.PAYE)
REJECT = Rejet("0250-050", "assuré absent du référentiel", "F", "O")


def read_as(monkeypatch: pytest.MonkeyPatch, **retours: Retour) -> Drop:
    """A maildrop whose mail `name` reads as the given return."""
    monkeypatch.setattr(taking.returns, "read", lambda raw: retours[raw.decode()])
    return Drop(**{f"uid-{name}": name.encode() for name in retours})


def test_arl_then_580_then_576_pay_the_bill_once(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = read_as(monkeypatch, a=arl(), b=noemie(amo=PAID), c=noemie("576"))
    taken = take_returns(journal, drop)
    assert [c.step for t in taken for c in t.changes] == ["acknowledged", "paid", "settlement"]
    assert load(journal, "aa").state is State.PAID
    assert load(journal, "aa").outcome["paye_cents"] == 2800
    assert len(drop.deleted) == 3


def test_a_payment_may_come_before_its_arl(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    take_returns(journal, read_as(monkeypatch, b=noemie(amo=PAID), a=arl()))
    assert load(journal, "aa").state is State.PAID


def test_a_rejection_says_code_text_and_what_to_do(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = noemie(amo=Montants(2800, 0, Etat.REJETE), rejets=(REJECT,))
    take_returns(journal, read_as(monkeypatch, a=arl(), b=refused))
    dossier = load(journal, "aa")
    assert dossier.state is State.REJECTED
    rejet = dossier.outcome["rejets"][0]
    assert rejet["code"] == "0250-050" and rejet["libelle"] and rejet["a_faire"]


def test_a_part_payment_keeps_what_was_asked(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    take_returns(journal, read_as(monkeypatch, a=arl(), b=noemie(amo=Montants(2800, 1995, Etat.PAYE))))
    dossier = load(journal, "aa")
    assert dossier.state is State.PARTLY_PAID
    assert (dossier.outcome["demande_cents"], dossier.outcome["paye_cents"]) == (2800, 1995)


def test_a_negative_arl_rejects_the_bills_of_the_lot(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    take_returns(journal, read_as(monkeypatch, a=arl(False, (REJECT,))))
    assert load(journal, "aa").state is State.REJECTED


def test_an_unknown_invoice_is_said_and_changes_nothing(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(noemie(amo=PAID), factures=(RetourFacture("000000099", "003", None, amo=PAID),))
    taken = take_returns(journal, read_as(monkeypatch, b=other))
    assert taken[0].remarks and not taken[0].changes
    assert load(journal, "aa").state is State.SENT


def test_the_same_mail_again_is_told_and_ignored(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = read_as(monkeypatch, b=noemie(amo=PAID))
    take_returns(journal, drop)
    drop.mails["uid-again"] = b"b"
    taken = take_returns(journal, drop)
    assert taken[0].duplicate and not drop.mails
    assert [e.step for e in journal.entries("bill:aa")].count("paid") == 1


def test_killed_at_each_write_the_next_run_ends_the_same(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = list(journal.kept)
    finished = 0
    for writes in range(12):
        journal.kept, journal.left = list(start), writes
        drop = read_as(monkeypatch, a=arl(), b=noemie(amo=PAID), c=noemie("576"))
        try:
            take_returns(journal, drop)
            finished += 1
        except Killed:
            held = {base64.b64decode(e.data["raw"]) for e in journal.kept if e.step == "received"}
            lost = {b"a", b"b", b"c"} - set(drop.mails.values()) - held
            assert not lost, "a return was deleted before it was journaled"
        journal.left = None
        take_returns(journal, drop)
        steps = [e.step for e in journal.entries("bill:aa")]
        assert load(journal, "aa").state is State.PAID
        assert steps.count("paid") == 1 and steps.count("acknowledged") == 1 and not drop.mails
    assert finished >= 2


def test_the_life_only_takes_steps_that_are_allowed(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = noemie(amo=Montants(2800, 1000, Etat.PAYE))
    refused = noemie(amo=Montants(2800, 0, Etat.REJETE), rejets=(REJECT,))
    take_returns(journal, read_as(monkeypatch, b=cut, c=refused, d=noemie(amo=PAID), a=arl()))
    states = [s.state for s in load(journal, "aa").steps]
    assert all(b in allowed(a) for a, b in itertools.pairwise(states)), states
    assert states[-1] is State.PAID


def test_an_unreadable_return_is_kept_and_the_others_go_on(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tournee.transmit.errors import ReturnMalformed

    def read(raw: bytes) -> Retour:
        if raw == b"x":
            raise ReturnMalformed("Le retour est illisible.")
        return noemie(amo=PAID)

    monkeypatch.setattr(taking.returns, "read", read)
    taken = take_returns(journal, Drop(u1=b"x", u2=b"b"))
    assert taken[0].remarks == ("Le retour est illisible.",)
    assert load(journal, "aa").state is State.PAID


BOTH = {"totals": {"amo_cents": 2800, "amc_cents": 1200}, "contexte": {"tiers_payant": "amo_amc"}}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_shares_paid_by_two_returns_make_one_paid_bill(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    prepared = next(e for e in journal.kept if e.step == "prepared")
    prepared.data["evaluation"] = BOTH
    returns = {"a": noemie(amo=PAID), "b": noemie(amc=Montants(1200, 1200, Etat.PAYE))}
    first, second = (read_as(monkeypatch, **{name: returns[name]}) for name in order)
    monkeypatch.setattr(taking.returns, "read", lambda raw: returns[raw.decode()])
    take_returns(journal, first)
    assert load(journal, "aa").state is State.ACKNOWLEDGED, "the other fund has not answered"
    take_returns(journal, second)
    dossier = load(journal, "aa")
    assert dossier.state is State.PAID
    assert (dossier.outcome["paye_cents"], dossier.outcome["demande_cents"]) == (4000, 4000)


def test_one_share_refused_is_a_part_payment(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    next(e for e in journal.kept if e.step == "prepared").data["evaluation"] = BOTH
    returns = {"a": noemie(amo=PAID), "b": noemie(amc=Montants(1200, 0, Etat.REJETE), rejets=(REJECT,))}
    take_returns(journal, read_as(monkeypatch, **returns))
    dossier = load(journal, "aa")
    assert dossier.state is State.PARTLY_PAID
    assert (dossier.outcome["paye_cents"], dossier.outcome["demande_cents"]) == (2800, 4000)
