"""The C twin behind the interface of `pytwin.PyCodec`; ImportError when it was not built.

The GIL is released while columns are encoded and while a file is scanned; elsewhere values are Python objects. The module does
not declare itself safe without the GIL: a free-threaded Python switches it back on when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tournee.b2 import _ctwin  # type: ignore[attr-defined,unused-ignore]
from tournee.b2.attributes import Attributes
from tournee.b2.cstructure import structure
from tournee.b2.plan import SUPPLEMENT_INDEX, Plan
from tournee_protocol.layouts import Framing, Kind

_KINDS = {Kind.C: 0, Kind.N: 1, Kind.D: 2, Kind.I: 3, Kind.A: 4}
_BYTES = 256


class CCodec:
    """One profile; see `pytwin.PyCodec` for every contract."""

    name = "c"

    def __init__(self, plan: Plan, *, quick: bool = True) -> None:
        """`quick`: use this processor's wider registers, and read values where this interpreter keeps them, as far as the C twin
        finds them; without, each is asked for. The results are the same.
        """
        self.plan = plan
        fixed = plan.profile.framing is Framing.FIXED
        records = tuple(
            (
                r.cls,
                r.template.encode("ascii"),
                tuple((f.pos - 1, f.len, _KINDS[f.kind], int(f.blank), f.name) for f in r.record.fields),
            )
            for r in plan.records
        )
        dispatch = _fixed(plan) if fixed else {int(key): r.index for key, r in plan.by_key.items()}
        self._codec = _ctwin.Codec(
            fixed,
            quick,
            plan.profile.text.encode("ascii"),
            records,
            dispatch,
            structure(plan),
            plan.fail,
            Attributes([tuple(f.name for f in r.record.valued) for r in plan.records]),
        )

    def encode(self, records: Iterable[Any], first: int = 1) -> bytes:
        made: bytes = self._codec.encode(records, first)
        return made

    def encode_rows(self, index: int, rows: Iterable[Sequence[Any]], first: int = 1) -> bytes:
        made: bytes = self._codec.encode_rows(index, rows, first)
        return made

    def encode_objects(self, index: int, objects: Iterable[Any], first: int = 1) -> bytes:
        made: bytes = self._codec.encode_objects(index, objects, first)
        return made

    def encode_columns(self, index: int, columns: Sequence[Any], count: int, first: int = 1) -> bytes:
        made: bytes = self._codec.encode_columns(index, columns, count, first)
        return made

    def decode(self, data: bytes | bytearray | memoryview, first: int = 1) -> list[Any]:
        made: list[Any] = self._codec.decode(data, first)
        return made

    def scan(self, data: bytes | bytearray | memoryview) -> tuple[int, ...]:
        """Records of each type (in order of the table) of a file found right; the GIL is released. Raises B2Error at the first fault."""
        made: tuple[int, ...] = self._codec.scan(data)
        return made


def _fixed(plan: Plan) -> dict[int, int]:
    """(first byte, byte 39) -> record, for every pair that `Plan.find` knows."""
    places: dict[int, int] = {}
    for key, record in sorted(plan.by_key.items(), key=lambda item: len(item[0])):
        letters = range(_BYTES) if len(key) == 1 else [ord(key[1])]
        places |= {ord(key[0]) * _BYTES + letter: record.index for letter in letters}
    return places


assert SUPPLEMENT_INDEX == 38, "the C twin has this place built in"
