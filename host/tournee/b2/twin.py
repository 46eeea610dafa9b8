"""Picks the twin: C when it was built, else Python. Both give the same bytes and the same typed errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Protocol

from tournee.b2.plan import Plan, plan
from tournee.b2.pytwin import PyCodec

DEFAULT_PROFILE = "sv-sim-1"


class Codec(Protocol):
    """What both twins do; see `pytwin.PyCodec`."""

    name: str

    def encode(self, records: Iterable[Any], first: int = 1) -> bytes: ...

    def encode_rows(self, index: int, rows: Iterable[Sequence[Any]], first: int = 1) -> bytes: ...

    def encode_objects(self, index: int, objects: Iterable[Any], first: int = 1) -> bytes: ...

    def encode_columns(self, index: int, columns: Sequence[Any], count: int, first: int = 1) -> bytes: ...

    def decode(self, data: bytes | bytearray | memoryview, first: int = 1) -> list[Any]: ...


@cache
def codec(profile: str = DEFAULT_PROFILE) -> Codec:
    """The quickest twin this machine has."""
    return make_codec(plan(profile))


def make_codec(made: Plan) -> Codec:
    """A codec for a plan of one's own (another table)."""
    try:
        from tournee.b2.ctwin import CCodec
    except ImportError:  # not built: no compiler, or WebAssembly
        return PyCodec(made)
    return CCodec(made)


def encode(records: Iterable[Any], profile: str = DEFAULT_PROFILE) -> bytes:
    """Bytes of records; raises B2Error that names record, field and position."""
    return codec(profile).encode(records)


def decode(data: bytes, profile: str = DEFAULT_PROFILE) -> list[Any]:
    """Records of bytes; raises B2Error that names record, field and position."""
    return codec(profile).decode(data)
