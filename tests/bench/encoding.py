"""Records to bytes: the twins against *tuned* plain Python (baselines.py), on lines of the practitioner's profile."""

from __future__ import annotations

import dataclasses
import sys
from array import array
from collections import namedtuple
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.bench import baselines
from tests.bench.registry import Unavailable, bench
from tests.bench.timing import ratio, steady_ratio
from tournee_protocol.layouts import Kind

_PROFILE, _COUNT = "sv-sim-1", 800


@cache
def _lines() -> list[Any]:
    """Lines with every field filled, each with values of its own, as a store or another program gives them (nothing shared)."""
    from tournee.b2.plan import plan
    from tournee.b2.pytwin import PyCodec
    from tournee.b2.records.sv_sim_1 import LigneHonoraires

    twin = PyCodec(plan(_PROFILE))
    lines = [
        LigneHonoraires(
            numero_emetteur="990000011",
            nir_assure=f"1{n % 100:02}0199{n % 1000:06}"[:13],
            cle_nir=f"{n % 97:02}",
            numero_facture=n,
            numero_ligne=n % 9 + 1,
            executant=f"99{n % 10_000_000:07}",
            date_entente=f"2501{n % 28 + 1:02}",
            specialite="01",
            date_soins=f"2501{n % 28 + 1:02}",
            code_acte="VG",
            prix_unitaire=3000 + n % 100,
            base_remboursement=3000 + n % 100,
            taux=70,
            montant_amo=2100 + n % 50,
            montant_honoraires=4000 + n % 100,
        )
        for n in range(_COUNT)
    ]
    return twin.decode(twin.encode(lines))


@cache
def _tuned() -> Any:
    from tournee.b2.plan import plan

    return baselines.tuned_encoder(plan(_PROFILE).by_class[type(_lines()[0])].record)


@cache
def _codec(name: str) -> Any:
    from tournee.b2.plan import plan
    from tournee.b2.pytwin import PyCodec
    from tournee.b2.twin import make_codec

    codec = PyCodec(plan(_PROFILE)) if name == "python" else make_codec(plan(_PROFILE))
    if name != "python" and codec.name == "python":
        raise Unavailable("no C twin: apt install gcc python3-dev, then make setup")
    if codec.encode(_lines()) != _tuned()(_lines()):
        raise AssertionError("the twin and the baseline do not write the same bytes")
    return codec


@cache
def _data() -> bytes:
    made: bytes = _codec("c").encode(_lines())
    return made


@cache
def _index() -> int:
    from tournee.b2.plan import plan

    return plan(_PROFILE).by_class[type(_lines()[0])].index


@cache
def _record() -> Any:
    from tournee_protocol.layouts import load

    return load(_PROFILE).records[_index()]


@cache
def _many(times: int) -> tuple[list[Any], bytearray]:
    """Lines of an output of so many blocks and its bytes: one call is compared with one copy of what it writes."""
    lines = _lines() * times
    return lines, bytearray(_codec("c").encode(lines))


_ROUNDS = {1: 60, 10: 25}
"""Blocks of an output (0.1 and 1 MB; the worse ratio counts) and rounds in which the best times are looked for."""
_LARGE = 100  # blocks: 10 MB


@cache
def _file() -> bytes:
    """A right file of about 10 000 records."""
    from tests.unit.b2_cases import JOUR, signature, signee
    from tournee.b2.files import fichier_bytes
    from tournee.b2.model import Fichier, Lot

    lots = tuple(
        Lot(
            numero_lot=n,
            date_lot=JOUR,
            factures=tuple(signee(20 * n + i) for i in range(20)),
            signatures=(signature(),),
        )
        for n in range(1, 41)
    )
    return fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=lots))


@bench("encoding", "E12 named records, C over tuned", "×", better="higher", reach=18.0)
def c_over_tuned() -> float:
    codec, tuned, lines = _codec("c"), _tuned(), _lines()
    return steady_ratio(lambda: tuned(lines), lambda: codec.encode(lines))


def _objects_over_tuned(make: Callable[[dict[str, Any]], Any]) -> float:
    codec, index = _codec("c"), _index()
    tuned = baselines.tuned_object_encoder(_record())
    names = [sys.intern(f.name) for f in _record().valued]
    objects = [make(dict(zip(names, line, strict=True))) for line in _lines()]
    if codec.encode_objects(index, objects) != tuned(objects):
        raise AssertionError("the twin and the baseline do not write the same bytes")
    return steady_ratio(lambda: tuned(objects), lambda: codec.encode_objects(index, objects), 60)


@bench("encoding", "E13 objects with slots, C over tuned", "×", better="higher", reach=9.0)
def c_slots_over_tuned() -> float:
    cls = dataclasses.make_dataclass("Acte", [f.name for f in _record().valued], slots=True)
    return _objects_over_tuned(lambda values: cls(**values))


@bench("encoding", "E13 ordinary dataclass, C over tuned", "×", better="higher", reach=9.0)
def c_dataclass_over_tuned() -> float:
    cls = dataclasses.make_dataclass("Acte", [f.name for f in _record().valued])
    return _objects_over_tuned(lambda values: cls(**values))


@bench("encoding", "E13 plain objects, C over tuned", "×", better="higher", reach=9.0)
def c_plain_over_tuned() -> float:
    class Acte:
        def __init__(self, values: dict[str, Any]) -> None:
            for name, value in values.items():
                setattr(self, name, value)

    return _objects_over_tuned(Acte)


@bench("encoding", "E13 SimpleNamespace, C over tuned", "×", better="higher", reach=9.0)
def c_namespace_over_tuned() -> float:
    return _objects_over_tuned(lambda values: SimpleNamespace(**values))


@bench("encoding", "E13 NamedTuple by attribute, C over tuned", "×", better="higher", reach=14.0)
def c_named_tuple_over_tuned() -> float:
    """Not of the record's class, its fields in the reverse order."""
    cls = namedtuple("Acte", [f.name for f in reversed(_record().valued)])  # type: ignore[misc]
    return _objects_over_tuned(lambda values: cls(**values))


@bench("encoding", "E14 named records, C over construct", "×", better="higher", reach=140.0)
def c_over_construct() -> float:
    codec, lines = _codec("c"), _lines()[:500]
    compiled = baselines.construct_encoder(_record())
    if compiled(lines) != codec.encode(lines):
        raise AssertionError("the twin and construct do not write the same bytes")
    return steady_ratio(lambda: compiled(lines), lambda: codec.encode(lines), rounds=5)


@bench("encoding", "E15 columns, all checks, time over copy", "×", better="lower", reach=8.0)
def columns_over_copy() -> float:
    return max(map(_columns_over_copy, _ROUNDS))


@bench("encoding", "columns of 10 MB, all checks, time over copy", "×", better="lower")
def large_columns_over_copy() -> float:
    return _columns_over_copy(_LARGE)


def _columns_over_copy(blocks: int) -> float:
    codec, index, (lines, data) = _codec("c"), _index(), _many(blocks)
    columns: list[Any] = []
    for at, field in enumerate(_record().valued):
        values = [line[at] for line in lines]
        if field.kind is Kind.N:
            columns.append(array("q", values))
        elif None in values:
            columns.append(None)
        else:
            columns.append(b"".join(v.encode("ascii").ljust(field.len) for v in values))
    if codec.encode_columns(index, columns, len(lines)) != data:
        raise AssertionError("columns do not give the same bytes")
    return ratio(
        lambda: codec.encode_columns(index, columns, len(lines)),
        lambda: baselines.copy(data),
        rounds=_ROUNDS.get(blocks, 9),
    )


@bench("encoding", "E16 rows, all checks, time over copy", "×", better="lower", reach=13.0)
def rows_over_copy() -> float:
    return max(map(_rows_over_copy, _ROUNDS))


@bench("encoding", "rows of 10 MB, all checks, time over copy", "×", better="lower")
def large_rows_over_copy() -> float:
    return _rows_over_copy(_LARGE)


def _rows_over_copy(blocks: int) -> float:
    codec, index, (lines, data) = _codec("c"), _index(), _many(blocks)
    rows = [tuple(line) for line in lines]
    return ratio(lambda: codec.encode_rows(index, rows), lambda: baselines.copy(data), rounds=_ROUNDS.get(blocks, 9))


@bench("encoding", "E17 decode to named records, C over tuned", "×", better="higher", reach=10.0)
def decode_over_tuned() -> float:
    codec, data = _codec("c"), _data()
    tuned = baselines.tuned_decoder(_record())
    return steady_ratio(lambda: tuned(data), lambda: codec.decode(data))


@bench("encoding", "E18 scan with totals, time over copy", "×", better="lower", reach=3.0)
def scan_over_copy() -> float:
    from tournee.b2.scan import scan

    _codec("c")
    data = _file()
    output = bytearray(data)
    return ratio(lambda: scan(data), lambda: baselines.copy(output), rounds=40)


@bench("encoding", "scan, time over a copy that stays in the cache", "×", better="lower")
def scan_over_warm_copy() -> float:
    from tournee.b2.scan import scan

    _codec("c")
    data = _file()
    output = bytearray(data)
    return steady_ratio(lambda: scan(data), lambda: baselines.copy(output))


@bench("encoding", "E19 NOEMIE, C over plain Python", "×", better="higher", reach=10.0)
def noemie_over_plain() -> float:
    from tournee.b2.twin import codec
    from tournee_protocol.layouts import load

    _codec("c")
    golden = Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt"
    first, *body, last = golden.read_text("ascii").splitlines()
    text = "".join(body)
    copies = [text.replace("000000001", f"{n:09}").replace("2800", f"{2000 + n % 1000}") for n in range(500)]
    data = (first + "".join(copies) + last).encode("ascii")  # numbers and amounts of each bill are its own
    plain, quick = baselines.plain_noemie(load("noemie")), codec("noemie")
    if len(plain(data)) != len(quick.decode(data)):
        raise AssertionError("the twin and the baseline do not read the same entities")
    return steady_ratio(lambda: plain(data), lambda: quick.decode(data))


@bench("encoding", "named records, C over shipped Python", "×", better="higher")
def c_over_python() -> float:
    codec, shipped, lines = _codec("c"), _codec("python"), _lines()
    return steady_ratio(lambda: shipped.encode(lines), lambda: codec.encode(lines))


@bench("encoding", "named records, shipped Python time over tuned", "×", better="lower", reach=2.0)
def python_over_tuned() -> float:
    shipped, tuned, lines = _codec("python"), _tuned(), _lines()
    return steady_ratio(lambda: shipped.encode(lines), lambda: tuned(lines))
