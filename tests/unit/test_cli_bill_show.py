"""What `bill show` gives to programs and people: no identity unless asked for, and what was signed as it was signed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from tests.unit.practice_fakes import CABINET, Cards, FixedClock, MemoryJournal, accept, home_visit, rights
from tournee.billing.model import Identite
from tournee.billing.rights import Rights
from tournee.cli.bill_show import bill_document, current
from tournee.practice import drafts
from tournee.practice.dossier import load
from tournee.practice.ports import New
from tournee.practice.sign import sign

PERSONAL = ("MARTIN", "PAUL", "LEA", "1700199999001", "1970", "2010")


def family() -> Rights:
    """Two people on one card, so that there is a choice to show."""
    one = rights().beneficiaires[0]
    child = Identite("MARTIN", "LEA", naissance="20100101", nir_assure="1700199999001", cle_assure="00")
    return replace(rights(), beneficiaires=(one, replace(one, identite=child)))


def test_without_names_no_state_of_a_bill_tells_who_the_patient_is() -> None:
    journal, owner = MemoryJournal(), family()
    whole = home_visit("aa", owner)
    documents = []
    for bill in (replace(whole, beneficiaire=None, answers={}, acts=()), whole):
        drafts.save(journal, bill, owner)
        documents.append(bill_document(load(journal, "aa"), FixedClock()))
    assert documents[0]["evaluation"]["questions"][0]["choices"][1] == {"value": "2", "text": "bénéficiaire 2"}
    asyncio.run(sign(journal, Cards(), CABINET, "aa", clock=FixedClock(), verify=accept))
    documents.append(bill_document(load(journal, "aa"), FixedClock()))
    assert [d["state"] for d in documents] == ["draft", "draft", "signed"]
    for document in documents:
        told = [word for word in PERSONAL if word in json.dumps(document)]
        assert not told, told
    assert "MARTIN" in json.dumps(bill_document(load(journal, "aa"), FixedClock(), names=True))


def test_a_signed_bill_is_shown_as_it_was_signed_whatever_the_tables_say_later() -> None:
    journal = MemoryJournal()
    drafts.save(journal, home_visit("aa", rights()), rights())
    asyncio.run(sign(journal, Cards(), CABINET, "aa", clock=FixedClock(), verify=accept))
    dossier = load(journal, "aa")
    assert dossier.evaluation is not None
    assert current(dossier, FixedClock()) == current(replace(dossier, evaluation=None), FixedClock())
    then = {**dossier.evaluation, "totals": {**dossier.evaluation["totals"], "montant_cents": 1}}
    assert current(replace(dossier, evaluation=then), FixedClock()).totals.montant_cents == 1


def test_the_legal_dates_of_a_bill_follow_its_life() -> None:
    """Signed on a day, to be sent within 8 working days; sent, the ARL within 2, sent again within 2 more, kept 90 days."""
    journal = MemoryJournal()
    drafts.save(journal, home_visit("aa", rights()), rights())

    def codes() -> list[str]:
        return [c["code"] for c in bill_document(load(journal, "aa"), FixedClock())["clocks"]]

    assert codes() == ["TRANSMISSION"]
    asyncio.run(sign(journal, Cards(), CABINET, "aa", clock=FixedClock(), verify=accept))
    assert codes() == ["TRANSMISSION"]
    journal.commit(New("bill:aa", "in-lot", {"lot": "1", "file": "1"}), New("bill:aa", "sent", {}))
    assert codes() == ["ARL", "RENVOI", "ARCHIVE"]
    journal.commit(New("bill:aa", "acknowledged", {}))
    assert codes() == ["ARCHIVE"]
