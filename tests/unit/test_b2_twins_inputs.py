"""Both twins take the same values, columns and numbers of records, and refuse the same in the same way."""

from __future__ import annotations

import enum
import mmap
import sys
import tracemalloc
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from tournee.b2 import pytwin
from tournee.b2.errors import B2Error
from tournee.b2.plan import exact, plan
from tournee.b2.pytwin import PyCodec
from tournee.b2.scan import scan_python, scan_quick
from tournee_protocol.layouts import Kind, Record
from tournee_sim.pytest_plugin import need


class Code(str, enum.Enum):  # noqa: UP042  its text is not its value
    TP = "TP"


class Rang(enum.IntEnum):
    DEUX = 2


def _refuse(*_: object, **__: object) -> Any:
    raise AssertionError("a method of the value was asked")


_OVERRIDDEN = [
    f"__{n}__"
    for n in ("bool", "contains", "eq", "format", "getitem", "hash", "index", "int", "iter", "len", "lt", "repr", "str")
]
_OVERRIDDEN += ["encode", "isspace", "ljust", "rjust", "rstrip", "strip", "zfill"]
Text = type("Text", (str,), dict.fromkeys(_OVERRIDDEN, _refuse))
Number = type("Number", (int,), dict.fromkeys(_OVERRIDDEN, _refuse))
Row = type("Row", (tuple,), dict.fromkeys(("__iter__", "__len__", "__getitem__", "__eq__", "__hash__"), _refuse))
Liar = type("Liar", (), {"__class__": property(lambda self: int)})

_TEXTS = ["", " ", "1", "A", "TP", "é", "\ud800", "a", "1" * 60, " 1", "\0"]
_NUMBERS = [0, 1, -1, 10**5, 10**30, -(10**30), 2**63, 2**64 - 1]
HOSTILE = [Code.TP, Rang.DEUX, True, Liar(), *map(Text, _TEXTS), *map(Number, _NUMBERS)]


@pytest.fixture(params=["sv-sim-1", "b2-cp", "noemie"])
def twins(request: pytest.FixtureRequest) -> tuple[PyCodec, Any]:
    need("ctwin")
    from tournee.b2.ctwin import CCodec

    return PyCodec(plan(request.param)), CCodec(plan(request.param))


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    """The bytes; the typed error; or any other error by its type."""
    try:
        return call(*args)
    except B2Error as error:
        return error.key, str(error), error.value
    except Exception as error:
        return type(error)


def _values(record: Record) -> list[Any]:
    return [1 if f.kind is Kind.N else "1" for f in record.valued]


def test_a_value_of_a_subclass_is_its_text_or_number(twins: tuple[PyCodec, Any]) -> None:
    python, c = twins
    for made in python.plan.records:
        for at, field in enumerate(made.record.valued):
            for value in HOSTILE:
                row = _values(made.record)
                row[at] = value
                plain = [*row[:at], exact(value), *row[at + 1 :]]
                expected = outcome(python.encode, [made.cls(*plain)])
                where = (made.record.type, field.name, type(value).__name__)
                assert outcome(python.encode, [made.cls(*row)]) == expected, where
                assert outcome(c.encode, [made.cls(*row)]) == expected, where


def test_a_value_never_grows_beyond_its_field() -> None:
    made = plan("sv-sim-1").records[0]
    record = made.cls(*_values(made.record))._replace(application=Code.TP)
    data = PyCodec(plan("sv-sim-1")).encode([record])
    assert (len(data), data[47:49]) == (128, b"TP")


def test_the_exact_value() -> None:
    assert [type(exact(v)) for v in (Code.TP, Rang.DEUX, Text("x"), Number(4), True)] == [str, int, str, int, bool]
    assert [exact(v) for v in (Code.TP, Rang.DEUX, Text("x"), Number(4), True, None)] == ["TP", 2, "x", 4, True, None]


def test_rows_of_a_subclass(twins: tuple[PyCodec, Any]) -> None:
    python, c = twins
    for made in python.plan.records:
        plain = tuple(_values(made.record))
        for rows in ([Row(plain)], [Row(plain), plain], [Row(plain[1:])], [list(plain)], [Liar()]):
            assert outcome(python.encode_rows, made.index, rows) == outcome(c.encode_rows, made.index, rows)
        assert c.encode_rows(made.index, [Row(plain)]) == python.encode_rows(made.index, [plain])


def _buffers(count: int) -> list[Any]:
    """Columns of `count` values, in one piece and not."""
    numbers = array("q", [1] * count)
    texts = b"1A" * count
    return [
        memoryview(numbers),
        memoryview(array("q", [1] * 2 * count))[::2],
        memoryview(numbers)[::-1],
        memoryview(numbers).cast("B"),
        memoryview(numbers).cast("B").cast("q", [count, 1]),
        memoryview(texts),
        memoryview(texts * 2)[::2],
        memoryview(texts)[::-1],
        memoryview(texts).cast("c"),
        memoryview(texts).cast("B", [2, count]),
        bytearray(texts),
        array("I", [1] * count),
        *HOSTILE,
    ]


def test_columns_that_do_not_lie_in_one_piece(twins: tuple[PyCodec, Any]) -> None:
    python, c = twins
    for made in python.plan.records[:4]:
        fields = made.record.valued
        for at, field in enumerate(fields):
            for column in _buffers(3):
                columns = [array("q", [1] * 3) if f.kind is Kind.N else b"1" * 3 for f in fields]
                columns[at] = column
                for count in (3, 1, 0):
                    arguments = (made.index, columns, count, 5)
                    where = (made.record.type, field.name, type(column).__name__, count)
                    assert outcome(c.encode_columns, *arguments) == outcome(python.encode_columns, *arguments), where


def test_a_strided_text_column_has_the_wrong_type() -> None:
    python = PyCodec(plan("sv-sim-1"))
    made = python.plan.records[4]
    columns = [array("q", [1, 1]) if f.kind is Kind.N else b"11" for f in made.record.valued]
    assert python.encode_columns(made.index, [memoryview(b"11"), *columns[1:]], 2)
    with pytest.raises(B2Error, match=r"valeur d'un type inattendu"):
        python.encode_columns(made.index, [memoryview(b"1x1x")[::2], *columns[1:]], 2)


@pytest.mark.parametrize("index", [-1, 99, 2**40, 2**70, -(2**70), None, "0", 1.5])
def test_no_such_record(twins: tuple[PyCodec, Any], index: Any) -> None:
    expected = IndexError if isinstance(index, int) else TypeError
    for codec in twins:
        for call in (
            lambda c: c.encode_rows(index, []),
            lambda c: c.encode_objects(index, []),
            lambda c: c.encode_columns(index, [], 0),
            lambda c: c.encode_columns(index, [], -1),
        ):
            with pytest.raises(expected):
                call(codec)


@pytest.mark.parametrize(("count", "error"), [(-1, ValueError), (-(2**40), ValueError), (2**60, MemoryError)])
def test_no_such_count(twins: tuple[PyCodec, Any], count: int, error: type[Exception]) -> None:
    for codec in twins:
        record = codec.plan.records[0].record
        for columns in ([], _values(record)):
            with pytest.raises(error if columns or count < 0 else B2Error):
                codec.encode_columns(0, columns, count)


@pytest.mark.parametrize(
    "data",
    [
        memoryview(b"9" * 256)[::2],
        memoryview(b"9" * 256)[::-1],
        memoryview(b"9" * 256).cast("B", [2, 128]),
        memoryview(b"9" * 128).cast("b"),
        memoryview(b"").cast("b"),
        array("i", [1] * 64),
        bytearray(b"0" * 128),
        "0" * 128,
        None,
        5,
        [65],
    ],
)
def test_bytes_that_are_none(twins: tuple[PyCodec, Any], data: Any) -> None:
    python, c = twins
    assert outcome(python.decode, data) == outcome(c.decode, data)
    assert outcome(scan_python, python, data) == outcome(lambda: +scan_quick(c, data))


def test_records_that_cross_the_blocks_read(twins: tuple[PyCodec, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    python, c = twins
    data = python.encode([made.cls(*_values(made.record)) for made in python.plan.records for _ in range(3)])
    records = c.decode(data)
    for block in (1, 127, 128, 500, 1 << 16):
        monkeypatch.setattr(pytwin, "_BLOCK", block)
        assert python.decode(memoryview(data)) == records
        for cut in (len(data) - 1, len(data) // 2, 130, 3, 1):
            assert outcome(python.decode, data[:cut]) == outcome(c.decode, data[:cut])


def test_a_file_is_never_text_as_a_whole() -> None:
    python = PyCodec(plan("sv-sim-1"))
    made = python.plan.records[4]
    data = python.encode([made.cls(*_values(made.record))]) * 20_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in python.records(data))
        assert (count, tracemalloc.get_traced_memory()[1] < len(data) // 8) == (20_000, True)
    finally:
        tracemalloc.stop()


def test_a_fault_leaves_a_mapped_file_free(twins: tuple[PyCodec, Any]) -> None:
    python, c = twins
    first = python.plan.records[0]
    good = python.encode([first.cls(*_values(first.record))])
    raw = good + b"\xff" * 128
    for call in (python.decode, c.decode, lambda view: scan_python(python, view), lambda view: scan_quick(c, view)):
        with pytest.raises(B2Error), mmap.mmap(-1, len(raw)) as mapped, memoryview(mapped) as view:
            mapped[:] = raw
            call(view)  # leaving says BufferError if anything still looks at it
    raw = good + good
    for call in (lambda view: scan_python(python, view), lambda view: scan_quick(c, view)):
        with pytest.raises(B2Error), mmap.mmap(-1, len(raw)) as mapped, memoryview(mapped) as view:
            mapped[:] = raw
            call(view)


def test_numbers_and_texts_of_every_shape(twins: tuple[PyCodec, Any]) -> None:
    """Each as the interpreter may keep it: one digit or more, interned or not; written where it fits, refused where not."""
    from tournee.b2.ctwin import CCodec

    python, c = twins
    numbers = [n + d for k in (0, 1, 15, 30, 31, 59, 60, 61, 63, 64, 90) for n in (2**k, -(2**k)) for d in (-1, 0, 1)]
    numbers += [10**k + d for k in range(20) for d in (-1, 0)]
    words = [
        "",
        "0",
        "A",
        "É",
        "7" * 40,
        "VG",
        "vg",
        "é",
        "€",
        "1é",
        "1\ud800",
        "🎵",
        "1\U0001f3b5",
        "00",
        "\x7f",
        "\x80",
        "1\0",
    ]
    words += ["0123456789AB"[:n] for n in range(13)]
    texts = [made for w in words for made in (w, sys.intern(w), "".join(list(w)), f"{w}1"[:-1])]
    asking = CCodec(python.plan, quick=False)
    for made in python.plan.records:
        for at, field in enumerate(made.record.valued):
            for value in numbers if field.kind is Kind.N else texts:
                row = _values(made.record)
                row[at] = value
                expected = outcome(python.encode, [made.cls(*row)])
                assert outcome(c.encode, [made.cls(*row)]) == expected, (field.name, value)
                assert outcome(asking.encode, [made.cls(*row)]) == expected, (field.name, value)
