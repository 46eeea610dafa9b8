"""A patient without a Vitale: rights typed, degraded invoice, signed by the CPS alone, sent like the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.unit.practice_fakes import CABINET, DAY, PRATICIEN, SITUATION, Cards, FixedClock, MemoryJournal, accept
from tests.unit.test_billing_gp import GP_ANSWERS, TYPED
from tournee.billing import Bill, Rights, completed, evaluate
from tournee.billing.lifecycle import State
from tournee.cli.questions import apply_answers
from tournee.practice import drafts
from tournee.practice.dossier import load
from tournee.practice.sign import sign


def test_degraded_invoice_is_signed_by_the_cps_alone() -> None:
    journal, cards = MemoryJournal(), Cards()
    bill = replace(Bill("dd", DAY, SITUATION), praticien=PRATICIEN)
    bill = apply_answers(bill, Rights.none(), DAY, {**GP_ANSWERS, **TYPED})
    kept = completed(bill, Rights.none())
    assert evaluate(bill, kept, today=DAY).status == "valid"
    drafts.save(journal, bill, kept)
    asyncio.run(sign(journal, cards, CABINET, "dd", clock=FixedClock(), verify=accept))
    dossier = load(journal, "dd")
    assert dossier.state is State.SIGNED
    assert [s.signer for s in dossier.signatures] == ["C"]
