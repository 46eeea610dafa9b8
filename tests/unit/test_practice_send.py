"""From a draft to the mail: refused until valid, grouped by destination, and whatever is killed between, nothing lost and nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest

from tests.unit.practice_fakes import (
    CABINET,
    DIRECTORY,
    Cards,
    CountingRandom,
    FixedClock,
    Killed,
    MemoryJournal,
    PlainSealer,
    Post,
    accept,
    home_visit,
    rights,
)
from tournee.b2.destinations import DestinationUnknown
from tournee.billing.errors import BillNotValid
from tournee.billing.lifecycle import State
from tournee.practice import drafts
from tournee.practice.dossier import load, load_all
from tournee.practice.errors import NothingToSend, SignatureUnknown, WrongCard, WrongState
from tournee.practice.files import load_files
from tournee.practice.send import Result, Sender
from tournee.practice.sign import sign
from tournee.signing.errors import SignatureInvalid
from tournee.terminal.errors import CardRemoved, OutcomeUnknown
from tournee.transmit.errors import MailRefused, MailUnknown
from tournee_protocol.link import Op


class Bench:
    """A practice in memory."""

    def __init__(self, **serials: tuple[str, str]) -> None:
        self.journal, self.cards, self.post, self.clock = MemoryJournal(), Cards(), Post(), FixedClock()
        self.random = CountingRandom()
        for bill, (regime, caisse) in (serials or {"aa": ("01", "991")}).items():
            owner = rights(regime, caisse)
            drafts.save(self.journal, home_visit(bill, owner), owner)

    def sign(self, bill: str, *, again: bool = False) -> None:
        asyncio.run(sign(self.journal, self.cards, CABINET, bill, clock=self.clock, verify=accept, again=again))

    def sender(self) -> Sender:
        return Sender(self.journal, self.cards, PlainSealer(), self.post, CABINET, self.clock, self.random, accept)

    def send(self, *, again: bool = False) -> list[Result]:
        return asyncio.run(self.sender().send(again=again))


def test_an_incomplete_bill_is_not_signed_and_takes_no_number() -> None:
    bench = Bench()
    owner = rights()
    bill = home_visit("bb", owner)
    answers = {k: v for k, v in bill.answers.items() if k != "accident_tiers"}
    drafts.save(
        bench.journal, type(bill)(**{**{f: getattr(bill, f) for f in bill.__slots__}, "answers": answers}), owner
    )
    with pytest.raises(BillNotValid):
        bench.sign("bb")
    assert load(bench.journal, "bb").numero is None
    assert not bench.cards.signed


def test_a_visit_is_signed_by_both_cards_over_the_same_message() -> None:
    bench = Bench()
    bench.sign("aa")
    dossier = load(bench.journal, "aa")
    assert dossier.state is State.SIGNED and dossier.numero == 1
    assert [s.signer for s in dossier.signatures] == ["C", "V"]
    assert len(set(bench.cards.signed)) == 1 and len(bench.cards.signed[0]) == 48
    totals = (dossier.evaluation or {})["totals"]
    assert (totals["montant_cents"], totals["amo_cents"], totals["patient_cents"]) == (4000, 2800, 1200)


def test_signing_twice_signs_once() -> None:
    bench = Bench()
    bench.sign("aa")
    bench.sign("aa")
    assert bench.cards.asked == Counter(cps=1, vitale=1)


def test_another_patients_card_is_refused() -> None:
    bench = Bench()
    bench.cards.serial = "99000009"
    with pytest.raises(WrongCard):
        bench.sign("aa")
    assert load(bench.journal, "aa").state is State.DRAFT


def test_a_card_pulled_in_mid_signature_may_be_tried_again() -> None:
    bench = Bench()
    bench.cards.die = CardRemoved("arrachée")
    with pytest.raises(CardRemoved):
        bench.sign("aa")
    bench.sign("aa")
    assert load(bench.journal, "aa").numero == 1


def test_an_unknown_outcome_is_never_repeated_without_a_person() -> None:
    bench = Bench()
    bench.cards.die = OutcomeUnknown(Op.SCRIPT, restarted=True)
    with pytest.raises(OutcomeUnknown):
        bench.sign("aa")
    with pytest.raises(SignatureUnknown):
        bench.sign("aa")
    assert not bench.cards.signed
    bench.sign("aa", again=True)
    assert load(bench.journal, "aa").numero == 1


def test_five_bills_of_two_funds_make_two_files() -> None:
    bench = Bench(aa=("01", "991"), bb=("02", "992"), cc=("01", "991"), dd=("01", "991"), ee=("02", "992"))
    for bill in ("aa", "bb", "cc", "dd", "ee"):
        bench.sign(bill)
    results = bench.send()
    assert [(r.error, len(r.file.bills)) for r in results] == [(None, 3), (None, 2)]
    assert [to for to, _ in bench.post.arrived] == ["01991@991.01.test", "02992@992.02.test"]
    assert all(len(f.content) % 128 == 0 for f in load_files(bench.journal))
    assert {d.state for d in load_all(bench.journal)} == {State.SENT}
    with pytest.raises(NothingToSend):
        bench.send()


def test_a_fund_that_left_the_directory_keeps_only_its_own_bills_back() -> None:
    bench = Bench(aa=("01", "991"), bb=("02", "992"))
    bench.sign("aa")
    bench.sign("bb")
    document = json.loads(DIRECTORY)
    document["destinations"] = [row for row in document["destinations"] if row["caisse"] != "992"]
    results = asyncio.run(replace(bench.sender(), cabinet=replace(CABINET, directory_json=json.dumps(document))).send())
    assert [(r.file and r.file.bills, r.bills, type(r.error)) for r in results] == [
        (None, ("bb",), DestinationUnknown),
        (("aa",), (), type(None)),
    ]
    assert load(bench.journal, "bb").state is State.SIGNED
    (result,) = bench.send()  # the directory knows it again
    assert result.error is None and result.file and result.file.bills == ("bb",) and result.file.numero == 2


def test_a_refused_mail_is_sent_by_the_next_run_without_new_signatures() -> None:
    bench = Bench()
    bench.sign("aa")
    bench.post.fail = MailRefused("refuse", "")
    assert isinstance(bench.send()[0].error, MailRefused)
    asked = Counter(bench.cards.asked)
    assert bench.send()[0].error is None
    assert bench.cards.asked == asked
    assert len(bench.post.arrived) == 1


def test_a_mail_of_unknown_fate_waits_for_a_person_and_goes_out_under_another_compostage() -> None:
    bench = Bench()
    bench.sign("aa")
    bench.post.fail, bench.post.keep_then_fail = MailUnknown("peut-être", ""), True
    bench.send()
    with pytest.raises(NothingToSend):
        bench.send()
    assert bench.sender().resend(None)[0].error is None
    first, second = load_files(bench.journal)[0].attempts
    assert first.compostage != second.compostage
    assert load_files(bench.journal)[0].envelope in (b"SEALED" + load_files(bench.journal)[0].content,)


def test_a_bill_that_has_left_is_not_cancelled() -> None:
    bench = Bench()
    bench.sign("aa")
    bench.send()
    with pytest.raises(WrongState):
        drafts.cancel(bench.journal, "aa", "")


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_killed_at_each_journal_write_the_visit_can_be_finished(after: bool) -> None:
    finished = 0
    for writes in range(40):
        bench = Bench(aa=("01", "991"), bb=("02", "992"))
        bench.journal.left, bench.journal.kill_after_write = writes, after
        try:
            bench.sign("aa")
            bench.sign("bb")
            bench.send()
            finished += 1
        except Killed:
            pass
        bench.journal.left = None
        for bill in ("aa", "bb"):
            if load(bench.journal, bill).state in (State.DRAFT, State.VALID):
                bench.sign(bill, again=True)
        if any(f.outcome in ("preparing", "refused") for f in load_files(bench.journal)) or any(
            d.state is State.SIGNED for d in load_all(bench.journal)
        ):
            bench.send(again=True)
        if any(f.outcome == "unknown" for f in load_files(bench.journal)):
            bench.sender().resend(None)
        dossiers = load_all(bench.journal)
        assert {d.state for d in dossiers} == {State.SENT}, f"killed at write {writes}"
        assert sorted(d.numero or 0 for d in dossiers) == [1, 2], f"numbers at write {writes}"
        files = load_files(bench.journal)
        assert sorted(f.numero for f in files) == [1, 2]
        assert sorted(part.numero for f in files for part in f.lots) == [1, 2]
        assert len({a.compostage for f in files for a in f.attempts}) == sum(len(f.attempts) for f in files)
    assert finished >= 1


def test_accents_are_folded_and_what_was_folded_is_kept() -> None:
    bench = Bench()
    bill = load(bench.journal, "aa").bill
    named = replace(bill, praticien=replace(bill.praticien, nom="DÉDANS"))
    drafts.save(bench.journal, named, rights())
    bench.sign("aa")
    bench.send()
    assert b"DEDANS" in load_files(bench.journal)[0].content
    prepared = next(e for e in bench.journal.entries("bill:aa") if e.step == "prepared")
    assert prepared.data["folded"] == [["nom_emetteur", 2, "É", "E"]]


def test_what_is_no_signature_is_not_journaled_and_may_be_tried_again() -> None:
    bench = Bench()

    def refuse(certificate: bytes, text: bytes, signature: bytes) -> None:
        raise SignatureInvalid("elle ne correspond pas à ce qui est signé")

    with pytest.raises(SignatureInvalid):
        asyncio.run(sign(bench.journal, bench.cards, CABINET, "aa", clock=bench.clock, verify=refuse))
    assert not load(bench.journal, "aa").signatures and not load(bench.journal, "aa").pending
    bench.sign("aa")
    assert load(bench.journal, "aa").numero == 1
