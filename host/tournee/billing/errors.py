"""Errors of the billing room."""

from __future__ import annotations

from collections.abc import Sequence

from tournee.errors import RefusedError, UsageError


class BillNotValid(RefusedError):
    """Signing asked for a bill that is not `valid`."""

    code = "bill_not_valid"


class BadAnswer(UsageError):
    """The answer does not fit its question; the bill is unchanged. `place` is the question, or the field of an act ("actes[1].km")."""

    code = "bad_answer"

    def __init__(self, question_id: str, what: str, remedy: str, *, place: str = "") -> None:
        super().__init__(what, remedy)
        self.question_id = question_id
        self.place = place or question_id
        self.more: tuple[BadAnswer, ...] = ()

    @property
    def every(self) -> tuple[BadAnswer, ...]:
        """This one and those found in the same pass."""
        return (self, *self.more)

    @classmethod
    def together(cls, found: Sequence[BadAnswer]) -> BadAnswer:
        """The first of them, with all the others."""
        first, *rest = [one for error in found for one in error.every]
        first.more = tuple(rest)
        return first


class BadBillFile(UsageError):
    """A JSON document that does not follow its schema; `path` is the field, `every` holds all that is wrong."""

    code = "bad_bill_file"

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.path = path
        self.more: tuple[BadBillFile, ...] = ()

    @property
    def every(self) -> tuple[BadBillFile, ...]:
        """This one and those found in the same pass."""
        return (self, *self.more)

    @classmethod
    def together(cls, found: Sequence[BadBillFile]) -> BadBillFile:
        """The first of them, with all the others."""
        first, *rest = [one for error in found for one in error.every]
        first.more = tuple(rest)
        return first


class TransitionRefused(RefusedError):
    """The life cycle does not allow this step from this state."""

    code = "transition_refused"


class TableError(UsageError):
    """A tariff table is malformed: names the file, the row and the field."""

    code = "table"
