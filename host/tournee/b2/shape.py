"""What a record looks like from outside: its constants in place, nothing but digits where only digits may be."""

from __future__ import annotations

import re

from tournee.b2.plan import Plan
from tournee_protocol.layouts import Field, Kind

_CLASSES = {Kind.N: b"[0-9 ]", Kind.D: b"[0-9 ]", Kind.I: b"[0-9A-Z ]", Kind.A: b"[ -~]"}


def shape(plan: Plan) -> re.Pattern[bytes]:
    """Finds the places of a text where a record may begin; whether one does, its decoding tells."""
    return re.compile(b"|".join(b"".join(map(_field, r.record.fields)) for r in plan.records))


def opens(text: str, template: str) -> bool:
    """Whether a text begins with the constant that begins a record."""
    return text.startswith(template.partition(" ")[0])


def _field(field: Field) -> bytes:
    if field.kind is Kind.C:
        return re.escape(field.const.ljust(field.len).encode("ascii"))
    return b"%b{%d}" % (_CLASSES[field.kind], field.len)
