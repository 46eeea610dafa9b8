"""`evaluate`: bill + rights + today → what to ask, what is wrong, what it costs, and why. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tournee.billing.model import Bill, Origin
from tournee.billing.result import Evaluation, Trace
from tournee.billing.rights import Rights


def evaluate(bill: Bill, rights: Rights, *, today: date) -> Evaluation:
    """Status, open questions, errors, priced lines, split, trace, informations, clocks. Each line is priced by the tables
    of its own care date; `today` feeds clocks and warnings only. Never raises on a bill that could be built.
    """
    raise NotImplementedError


def answer(
    bill: Bill, question_id: str, value: Any, rights: Rights | None = None, *, origin: Origin = Origin.TYPED
) -> Bill:
    """The bill with one answer more; None takes the answer back. "actes" takes a list of acts (dicts or "AMI 1.5" texts),
    "beneficiaire" a rank in the rights. Raises BadAnswer, the bill is unchanged.
    """
    raise NotImplementedError


def prefill(bill: Bill, last: Bill) -> Bill:
    """Takes over from the patient's last bill the answers whose question allows it; never overwrites an answer."""
    raise NotImplementedError


def require_valid(bill: Bill, rights: Rights, *, today: date) -> Evaluation:
    """The evaluation of a bill that may be signed; raises BillNotValid naming the first thing to do."""
    raise NotImplementedError


def why(evaluation: Evaluation, line: int) -> Sequence[Trace]:
    """The decisions behind one line (and those of the whole bill), in order."""
    raise NotImplementedError


def row(row_id: str) -> Mapping[str, Any]:
    """A row of the tables by the id that a trace names: values, dates, source, confidence. KeyError if unknown."""
    raise NotImplementedError
