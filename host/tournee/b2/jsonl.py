"""Records as JSON Lines, one object per record: {"type": "4", "values": {"code_acte": "VG", …}}; and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tournee.b2.errors import B2Error, Problem
from tournee.b2.plan import Plan


def vers_json(plan: Plan, record: Any) -> str:
    """One line, without its end. Every value of the record, blanks as null; ASCII, so that every terminal carries it."""
    return json.dumps({"type": plan.by_class[type(record)].record.type, "values": record._asdict()})


def de_json(plan: Plan, lines: Iterable[str | bytes]) -> Iterator[Any]:
    """Records of lines (bytes are UTF-8); an empty line is skipped, a field left out gets its default.

    Raises B2Error with the number of the record.
    """
    classes = {r.record.type: r.cls for r in plan.records}
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            row = json.loads(line.decode("utf-8") if isinstance(line, bytes) else line)
        except UnicodeDecodeError as exc:
            raise B2Error(Problem.TYPE, number, detail="la ligne n'est pas en UTF-8") from exc
        except (ValueError, RecursionError) as exc:  # not JSON, or an integer of more digits than Python reads
            raise B2Error(Problem.TYPE, number, detail="ligne JSON illisible") from exc
        if not isinstance(row, dict) or not isinstance(row.get("values"), dict):
            raise B2Error(Problem.TYPE, number, detail='une ligne est {"type": …, "values": {…}}')
        cls = classes.get(str(row.get("type")))
        if cls is None:
            raise B2Error(Problem.UNKNOWN_RECORD, number)
        if unknown := sorted(set(row["values"]) - set(cls._fields)):
            raise B2Error(Problem.VALUE, number, str(row["type"]), str(unknown[0])[:40], detail="champ inconnu")
        missing = [f for f in cls._fields if f not in row["values"] and f not in cls._field_defaults]
        if missing:
            raise B2Error(Problem.MISSING, number, str(row["type"]), missing[0])
        yield cls(**row["values"])
