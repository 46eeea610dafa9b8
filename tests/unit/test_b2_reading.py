"""What a damaged file still gives: the fault named once where it is, every other record read, in bounded time and memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit.b2_cases import JOUR, signature, signee
from tournee.b2.check import Controle
from tournee.b2.errors import B2Error, Problem
from tournee.b2.files import fichier_bytes
from tournee.b2.model import Fichier, Lot
from tournee.b2.read import ouvrir
from tournee.b2.twin import decode

_RETURN = (Path(__file__).resolve().parents[1] / "golden" / "noemie_580.txt").read_text("ascii").splitlines()


@cache
def good(lots: int = 3) -> bytes:
    made = tuple(
        Lot(numero_lot=n, date_lot=JOUR, factures=(signee(2 * n), signee(2 * n + 1)), signatures=(signature(),))
        for n in range(1, lots + 1)
    )
    return fichier_bytes(Fichier(identification="F00001", date_creation=JOUR, lots=made))


def cut(data: bytes) -> list[bytes]:
    return [data[i : i + 128] for i in range(0, len(data), 128)]


def read(data: bytes, profile: str | None = None) -> tuple[list[Any], list[B2Error]]:
    """The records, None for what is unreadable, and every fault."""
    found = ouvrir(io.BytesIO(data), profile)
    lus = list(Controle(found.plan).lire(found))
    return [lu.record for lu in lus], [*found.faults, *(f for lu in lus for f in lu.faults)]


def places(faults: list[B2Error]) -> list[tuple[str, int, int, str]]:
    return [(f.problem.value, f.record_number, f.position, f.detail) for f in faults]


RECORDS = cut(good())


def _lines(records: list[bytes], end: bytes = b"\n") -> bytes:
    return b"".join(r + end for r in records)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"".join(RECORDS[:50]) + b"\n" + _lines(RECORDS[50:]), [(50, 129, "LF")]),
        (b"".join(RECORDS[:50]) + b"\n" + b"".join(RECORDS[50:]), [(50, 129, "LF")]),
        (good() + b"\r\n", [(len(RECORDS), 129, "CR LF")]),
        (b"\n" + good(), [(1, 1, "LF")]),
        (_lines(RECORDS, b"\r"), [(1, 129, "CR")]),
        (_lines(RECORDS[:9]) + _lines(RECORDS[9:], b"\r\n"), [(1, 129, "LF"), (10, 129, "CR LF")]),
        (b"\n".join(good()[i : i + 80] for i in range(0, len(good()), 80)), [(1, 81, "LF")]),
        (b"".join(RECORDS[:20]) + RECORDS[20][:60] + b"\n" + RECORDS[20][60:] + b"".join(RECORDS[21:]), [(21, 61, "LF")]),
    ],
    ids=["late", "once", "last", "first", "cr", "mixed", "wrapped", "inside"],
)  # fmt: skip
def test_line_ends_are_named_where_they_begin_and_everything_is_read(
    data: bytes, where: list[tuple[int, int, str]]
) -> None:
    records, faults = read(data)
    assert records == decode(good())
    assert places(faults) == [("separator", *place) for place in where]


@pytest.mark.parametrize("end", [b"\x25", b"\x15", b""])
def test_ebcdic_with_its_line_ends(end: bytes) -> None:
    data = end.join(r.decode("ascii").encode("cp500") for r in RECORDS)
    records, faults = read(data)
    assert records == decode(good())
    assert places(faults)[0] == ("encoding", 1, 1, "EBCDIC")
    kind = {b"\x25": [("separator", 1, 129, "LF")], b"\x15": [("separator", 1, 129, "NEL")], b"": []}[end]
    assert places(faults)[1:] == kind


def test_the_mark_of_utf8_is_named_and_everything_is_read() -> None:
    records, faults = read(b"\xef\xbb\xbf" + good())
    assert records == decode(good()) and places(faults) == [("encoding", 1, 1, "UTF-8")]


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("filled", ["by bytes", "by characters"])
def test_utf8_that_begins_late_costs_one_record(end: bytes, filled: str) -> None:
    at = [i for i, r in enumerate(RECORDS) if r[:1] == b"1"][1]
    head = RECORDS[at]
    changed = head[:40] + "é".encode() + head[42 if filled == "by bytes" else 41 :]
    records, faults = read(end.join([*RECORDS[:at], changed, *RECORDS[at + 1 :]]))
    assert records == [*decode(good())[:at], None, *decode(good())[at + 1 :]]
    said = [p for p in places(faults) if p[0] != "separator"]
    assert said == [("encoding", at + 1, 41, "UTF-8"), ("characters", at + 1, 30, "")]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize(
    ("change", "size"),
    [
        (lambda r: r[:-1], 127),
        (lambda r: r[:40] + r[41:], 127),
        (lambda r: r[:30] + r[70:], 88),
        (lambda r: r + b" ", 129),
        (lambda r: r[:40] + b"7" + r[40:], 129),
        (lambda r: r[:40] + b"0" * 20 + r[40:], 148),
    ],
)
def test_a_record_of_the_wrong_length_is_one_fault(end: bytes, change: Callable[[bytes], bytes], size: int) -> None:
    for at in (15, 20, 22, 24, 28):
        records, faults = read(end.join([*RECORDS[:at], change(RECORDS[at]), *RECORDS[at + 1 :]]))
        assert records == [*decode(good())[:at], None, *decode(good())[at + 1 :]]
        said = [p for p in places(faults) if p[0] != "separator"]
        assert said == [("length", at + 1, 0, f"{size} au lieu de 128")]


def test_stripped_lines_are_named_one_by_one_and_read() -> None:
    data = b"\n".join(r.rstrip() for r in RECORDS)
    records, faults = read(data)
    assert records == decode(good())
    short = [f.record_number for f in faults if f.problem is Problem.LENGTH]
    assert short == [i for i, r in enumerate(RECORDS, 1) if r.endswith(b" ")]
    assert len(faults) == len(short) + 1


def test_a_stray_end_of_file_character_is_named() -> None:
    records, faults = read(good() + b"\x1a")
    assert records[:-1] == decode(good()) and [f.problem for f in faults] == [Problem.TRUNCATED]


def test_a_gap_of_any_size_is_passed_over() -> None:
    for junk in (b"x" * 5, b"?" * 1000, b"\0" * 600_000):
        records, faults = read(b"".join(RECORDS[:30]) + junk + b"".join(RECORDS[30:]))
        assert [r for r in records if r is not None][-len(RECORDS) + 30 :] == decode(good())[30:]
        assert len(faults) <= 2 + len(junk) // 100_000


@pytest.mark.timeout(60)  # a quadratic search would take hours
@pytest.mark.parametrize("junk", [b"9", b"7", b"\n", b"\0", b"2S4"])
def test_nothing_takes_long(junk: bytes) -> None:
    for profile in ("sv-sim-1", "noemie"):
        records, faults = read(good() + junk * (1_000_000 // len(junk)), profile)
        assert faults and (profile == "noemie" or records[: len(RECORDS)] == decode(good()))


def test_late_faults_of_a_long_file_are_found_whatever_the_block() -> None:
    """A record at every place of the reading block is cut short."""
    data = good(140)
    assert len(data) > 2 * 2048 * 128
    for record in (2015, 2016, 2047, 2048, 2049):
        at = record * 128 - 1
        records, faults = read(data[:at] + data[at + 1 :])
        assert sum(r is not None for r in records) == len(data) // 128 - 1
        assert (faults[0].problem, faults[0].record_number) == (Problem.LENGTH, record)
        records, faults = read(data[: at + 1] + b"\n" + data[at + 1 :])
        assert None not in records and places(faults) == [("separator", record, 129, "LF")]


def _noemie(change: Callable[[list[str]], None]) -> tuple[list[Any], list[B2Error]]:
    entities = list(_RETURN)
    change(entities)
    return read("".join(entities).encode("ascii"), "noemie")


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("mark", [" ", ""])
def test_a_lost_end_mark_is_one_fault_of_one_entity(at: int, mark: str) -> None:
    def change(entities: list[str]) -> None:
        entities[at] = entities[at][:-1] + mark

    records, faults = _noemie(change)
    assert [i for i, r in enumerate(records) if r is None] == [at] and len(records) == len(_RETURN)
    assert [(f.problem, f.record_number) for f in faults] == [(Problem.TERMINATOR, at + 1)]


def test_a_return_without_end_marks_names_each_entity() -> None:
    def change(entities: list[str]) -> None:
        entities[:] = [e.rstrip("@") for e in entities]

    records, faults = _noemie(change)
    assert len(records) == len(_RETURN) and records[0] is not None and records[-1] is not None
    assert [f.record_number for f in faults] == list(range(2, len(_RETURN)))


@pytest.mark.parametrize("first", [0, 3, 8])
def test_line_ends_between_later_entities(first: int) -> None:
    data = "".join(_RETURN[:first]) + "\r\n".join(_RETURN[first:])
    records, faults = read(data.encode("ascii"), "noemie")
    assert None not in records and len(records) == len(_RETURN)
    assert [(f.problem, f.record_number) for f in faults] == [(Problem.SEPARATOR, first + 1)]


def test_an_unknown_entity_without_end_does_not_swallow_the_next() -> None:
    records, faults = _noemie(lambda entities: entities.insert(3, "77701" + "A" * 3000))
    assert len(records) == len(_RETURN) + 1 and [i for i, r in enumerate(records) if r is None] == [3]
    assert faults[0].problem is Problem.UNKNOWN_RECORD


@pytest.mark.parametrize("size", [127, 129])
def test_a_head_of_the_wrong_length_leaves_the_entities(size: int) -> None:
    def change(entities: list[str]) -> None:
        entities[0] = entities[0][:-1] if size == 127 else entities[0] + " "

    records, faults = _noemie(change)
    assert [r is None for r in records] == [True] + [False] * (len(_RETURN) - 1)
    assert places(faults) == [("length", 1, 0, f"{size} au lieu de 128")]


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("profile", [None, "sv-sim-1", "noemie"])
def test_an_empty_file_is_refused_with_a_word(data: bytes, profile: str | None) -> None:
    with pytest.raises(B2Error, match="fichier vide"):
        ouvrir(io.BytesIO(data), profile)
