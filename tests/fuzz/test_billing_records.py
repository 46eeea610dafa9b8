"""Whatever bill the engine calls valid can be written as records: no field too short, no code unknown to the layout."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, event, given, settings

from tests.fuzz.test_billing_answers import chains
from tests.golden.test_golden_billing import PRICED, Case, by_id, run_with
from tests.unit.practice_fakes import CABINET
from tournee.b2.facture import facture_records
from tournee.b2.twin import encode
from tournee.billing import Bill, Evaluation, Rights, completed, settle
from tournee.practice.facture import facture


def written(bill: Bill, card: Rights, result: Evaluation) -> bytes:
    card = completed(bill, card)  # without a Vitale, what was typed
    value = facture(
        settle(bill, card), card, result, numero=999_999_999, day=date(2026, 11, 21), directory=CABINET.directory
    )
    assert sum(x.montant_honoraires_cents for x in value.lignes) == result.totals.montant_cents
    records = encode(facture_records(value))
    assert records and len(records) % 128 == 0
    return records


@by_id(PRICED)
def test_golden_bill_is_written(case: Case) -> None:
    bill, card, result = run_with(case)
    written(bill, card, result)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(chains())
def test_a_valid_bill_is_written(chain: tuple[Bill, Rights, list[str], Evaluation]) -> None:
    bill, card, _, result = chain
    event(result.status)
    if result.status == "valid":
        written(bill, card, result)
