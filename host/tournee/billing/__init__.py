"""Bills: model, nomenclature, rules, questions, pricing. Pure: no clock, no randomness, no I/O (docs/BILLING.md).

>>> from tournee.billing import Bill, Rights, evaluate
"""

from tournee.billing.answers import answer, answer_all, prefill, settle
from tournee.billing.codec import (
    bill_from_json,
    bill_to_json,
    evaluation_from_json,
    evaluation_to_json,
    rights_from_json,
    rights_to_json,
)
from tournee.billing.engine import evaluate, require_valid, row, row_text, why
from tournee.billing.errors import BadAnswer, BadBillFile, BillNotValid, TransitionRefused
from tournee.billing.lifecycle import State, Step
from tournee.billing.model import (
    MODE_CODES,
    Act,
    Answer,
    Bill,
    ForcedRule,
    Identite,
    Mode,
    Origin,
    Praticien,
    SituationFacturation,
)
from tournee.billing.result import (
    Choice,
    ClockDate,
    Contexte,
    Evaluation,
    Fault,
    Information,
    Line,
    Question,
    Totals,
    Trace,
)
from tournee.billing.rights import Amc, Beneficiaire, Couverture, Mutuelle, Periode, Rights
from tournee.billing.saisie import completed

__all__ = [
    "MODE_CODES",
    "Act",
    "Amc",
    "Answer",
    "BadAnswer",
    "BadBillFile",
    "Beneficiaire",
    "Bill",
    "BillNotValid",
    "Choice",
    "ClockDate",
    "Contexte",
    "Couverture",
    "Evaluation",
    "Fault",
    "ForcedRule",
    "Identite",
    "Information",
    "Line",
    "Mode",
    "Mutuelle",
    "Origin",
    "Periode",
    "Praticien",
    "Question",
    "Rights",
    "SituationFacturation",
    "State",
    "Step",
    "Totals",
    "Trace",
    "TransitionRefused",
    "answer",
    "answer_all",
    "bill_from_json",
    "bill_to_json",
    "completed",
    "evaluate",
    "evaluation_from_json",
    "evaluation_to_json",
    "prefill",
    "require_valid",
    "rights_from_json",
    "rights_to_json",
    "row",
    "row_text",
    "settle",
    "why",
]
