"""Which cards sign in which securing mode; a desynchronised bill is signed card by card."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.practice_fakes import CABINET, Cards, FixedClock, MemoryJournal, accept, home_visit, rights
from tournee.billing import Answer, Mode
from tournee.billing.lifecycle import State
from tournee.billing.tables import tables
from tournee.cards.errors import CardMissing
from tournee.cards.model import CpsCard, VitaleCard
from tournee.practice import drafts
from tournee.practice.dossier import Dossier, load
from tournee.practice.sign import sign


class SomeCards(Cards):
    """Only the cards named are in a reader."""

    def __init__(self, *there: str) -> None:
        super().__init__()
        self.there = there

    async def open_cps(self) -> CpsCard:
        if "cps" not in self.there:
            raise CardMissing("cps")
        return await super().open_cps()

    async def patient(self) -> VitaleCard:
        if "vitale" not in self.there:
            raise CardMissing("vitale")
        return await super().patient()


def _journal(mode: Mode) -> MemoryJournal:
    journal, owner = MemoryJournal(), rights()
    bill = home_visit("mm", owner)
    bill = replace(bill, answers={**bill.answers, "mode": Answer(mode.value)})
    drafts.save(journal, bill, owner)
    return journal


def _sign(journal: MemoryJournal, *there: str, said: list[str] | None = None) -> Dossier:
    told = [] if said is None else said
    cards = SomeCards(*there)
    asyncio.run(sign(journal, cards, CABINET, "mm", clock=FixedClock(), verify=accept, said=told.append))
    return load(journal, "mm")


@pytest.mark.parametrize("mode", [m for m in Mode if m is not Mode.NON_SECURISE])
def test_each_mode_is_signed_by_its_cards(mode: Mode) -> None:
    dossier = _sign(_journal(mode), "cps", "vitale")
    assert dossier.state is State.SIGNED
    assert [s.signer for s in dossier.signatures] == tables().modes[mode]["signataires"]


@pytest.mark.parametrize("order", [("vitale", "cps"), ("cps", "vitale")])
def test_a_desynchronised_bill_is_signed_when_each_card_is_there(order: tuple[str, str]) -> None:
    journal, told = _journal(Mode.DESYNCHRONISE), list[str]()
    first = _sign(journal, order[0], said=told)
    assert first.state is State.VALID and len(first.signatures) == 1 and first.numero
    assert told[-1].startswith("reste à signer : ")
    second = _sign(journal, order[1])
    assert second.state is State.SIGNED and second.numero == first.numero
    assert sorted(s.signer for s in second.signatures) == ["C", "V"]


def test_a_desynchronised_bill_without_any_card_says_which_is_missing() -> None:
    journal = _journal(Mode.DESYNCHRONISE)
    with pytest.raises(CardMissing):
        _sign(journal)
    _sign(journal, "vitale")
    with pytest.raises(CardMissing, match="CPS"):
        _sign(journal, "vitale")


def test_a_secured_bill_wants_both_cards_at_once() -> None:
    journal = _journal(Mode.SECURISE)
    with pytest.raises(CardMissing):
        _sign(journal, "cps")
    assert load(journal, "mm").numero is None
