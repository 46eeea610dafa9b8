"""The patient's receipt, one A4 page; marked SIMULATION when the bill is one."""

from __future__ import annotations

from tournee.billing import Bill, Evaluation


def receipt_pdf(bill: Bill, evaluation: Evaluation, *, numero_lot: int | None = None) -> bytes:
    """The PDF's bytes."""
    raise NotImplementedError
