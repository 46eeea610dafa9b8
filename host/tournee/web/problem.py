"""Errors as problem JSON (RFC 9457) with `code`, `path` and `remedy`; no value of the request is ever said again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from tournee.billing.errors import BadAnswer, BadBillFile
from tournee.billing.model import Act, Answer, Bill, ForcedRule, Identite, Praticien, SituationFacturation
from tournee.billing.rights import Amc, Beneficiaire, Couverture, Mutuelle, Periode, Rights
from tournee.billing.tables import tables
from tournee.errors import TourneeError

MEDIA_TYPE = "application/problem+json"
UNKNOWN = "?"
"""Stands in a path for a name that the client made up: it may be anything, a NIR too."""

_TYPES = (
    *(Act, Answer, Bill, ForcedRule, Identite, Praticien, SituationFacturation),
    *(Amc, Beneficiaire, Couverture, Mutuelle, Periode, Rights),
)
_SEGMENT = re.compile(r"(?P<name>[^\[\]]+)(?P<index>(?:\[\d{1,6}\])*)")


class Problem(Exception):
    """One answer of status 4xx or 5xx; every text is safe to log."""

    def __init__(self, status: int, code: str, detail: str, remedy: str, path: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.remedy, self.path = status, code, detail, remedy, path
        self.every: tuple[Problem, ...] = (self,)

    @classmethod
    def together(cls, found: Sequence[Problem]) -> Problem:
        """The first of them; its document lists them all."""
        first = found[0]
        first.every = tuple(one for problem in found for one in problem.every)
        return first

    def document(self) -> dict[str, Any]:
        """The first thing that is wrong as RFC 9457 has it; `errors` lists all that one pass has found."""
        return {
            "type": f"urn:tournee:problem:{self.code}",
            "title": self.detail,
            "status": self.status,
            **self._place(),
            "errors": [{"title": one.detail, **one._place()} for one in self.every],
        }

    def _place(self) -> dict[str, str]:
        return {"code": self.code, "path": self.path, "remedy": self.remedy}


def bad_document(where: str, error: BadBillFile) -> Problem:
    """A bill or rights that do not follow their schema; `where` is the member of the request."""

    def problem(one: BadBillFile) -> Problem:
        inner = "" if one.path == "document" else one.path
        reason = one.what.removeprefix(f"{one.path} : ")
        return Problem(422, one.code, reason, one.remedy, safe_path(".".join(p for p in (where, inner) if p)))

    return Problem.together([problem(one) for one in error.every])


def bad_answer(error: BadAnswer) -> Problem:
    what = "réponse qui ne convient pas à sa question"
    return Problem.together(
        [Problem(422, one.code, what, one.remedy, safe_path(f"answers.{one.place}")) for one in error.every]
    )


def refused(error: TourneeError) -> Problem:
    """Any other typed error: its kind and remedy; its sentence may quote the request."""
    return Problem(422, error.code, "la demande ne peut pas être évaluée", error.remedy)


def bug(error: Exception) -> Problem:
    """An error of ours: kind and place only, as on the command line."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    place = f" ({Path(frames.tb_frame.f_code.co_filename).name}:{frames.tb_lineno})" if frames is not None else ""
    return Problem(500, "bug", f"erreur interne : {type(error).__name__}{place}", "signalez-la (CONTRIBUTING.md)")


def safe_path(path: str) -> str:
    """The path with every name that is neither a field nor a question replaced by `?`."""
    return ".".join(_safe(segment) for segment in path.split("."))


def _safe(segment: str) -> str:
    found = _SEGMENT.fullmatch(segment)
    if found is None or not (found["name"] in _names() or re.fullmatch(r"\d{1,3}", found["name"])):
        return UNKNOWN
    return segment


@cache
def _names() -> frozenset[str]:
    known = {f.name for kind in _TYPES for f in fields(kind)}
    return frozenset(known | set(tables().questions) | {"version", "actes", "bill", "rights", "today"})
