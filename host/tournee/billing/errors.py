"""Errors of the billing room."""

from __future__ import annotations

from tournee.errors import RefusedError, UsageError


class BillNotValid(RefusedError):
    """Signing asked for a bill that is not `valid`."""

    code = "bill_not_valid"


class BadAnswer(UsageError):
    """The answer does not fit its question; the bill is unchanged."""

    code = "bad_answer"

    def __init__(self, question_id: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.question_id = question_id


class BadBillFile(UsageError):
    """A JSON bill that does not follow the schema; `path` is the field."""

    code = "bad_bill_file"

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.path = path


class TransitionRefused(RefusedError):
    """The life cycle does not allow this step from this state."""

    code = "transition_refused"


class TableError(UsageError):
    """A tariff table is malformed: names the file, the row and the field."""

    code = "table"
