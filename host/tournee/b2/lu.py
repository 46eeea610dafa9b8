"""One record as it was found in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tournee.b2.errors import B2Error
from tournee.b2.plan import RecordPlan


@dataclass(slots=True)
class Lu:
    """`record` is None when a fault hinders its decoding; `text` keeps its bytes as Latin-1."""

    number: int  # from 1
    text: str
    made: RecordPlan | None
    record: Any | None
    faults: list[B2Error] = field(default_factory=list)
