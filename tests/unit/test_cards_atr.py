"""Recognition by ATR, from the public lists (cards-and-readers facts §1.1, §2.1), and status words in words."""

from __future__ import annotations

import pytest

from tournee.cards.atr import recognise, table
from tournee.cards.sw import explain


@pytest.mark.parametrize(
    ("atr", "kind"),
    [
        ("3B AC 00 40 2A 00 12 25 00 64 80 00 03 10 00 90 00", "cps3"),
        ("3B 8F 80 01 00 31 B8 64 04 B0 EC C1 73 94 01 80 82 90 00 0E", "cps3-sans-contact"),
        ("3B 9B 18 80 01 00 12 25 00 64 80 04 01 00 00 90 44", "cps4"),
        ("3B 9B 18 80 01 00 12 25 00 64 80 00 04 01 00 90 44", "cps4"),
        ("3B DC 18 FF 00 00 12 25 00 64 80 00 04 01 00 90 00", "cps4"),
        ("3B AC 00 40 2A 00 12 25 00 64 80 82 02 12 00 90 00", "cps2ter"),
        *((f"3B 75 13 00 00 4{x} 09 EA 90 00", "vitale2") for x in "346789BC"),
        ("3B 75 13 00 00 45 09 FA 90 00", "vitale2"),
        ("3F 65 25 00 52 09 6A 90 00", "vitale1"),
        ("3F 65 25 00 A3 09 6A 90 00", "vitale1"),
        ("3F 65 25 00 2B 09 EB 90 00", "vitale1"),
        ("3B 67 00 00 2D 20 16 01 78 90 00", "agent"),
    ],
)
def test_known_cards(atr: str, kind: str) -> None:
    found = recognise(bytes.fromhex(atr))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "atr", ["", "3B 00", "3B 75 13 00 00 47 09 EA 90", "3B 6E 00 00 80 31 80 66 B0 84 0C 01 6E 01 83 00 90 00"]
)
def test_unknown_cards(atr: str) -> None:
    assert recognise(bytes.fromhex(atr)) is None


def test_every_row_has_a_source_and_an_even_pattern() -> None:
    for row in table():
        assert row.source and row.confidence in ("C", "S")
        assert len(row.pattern) % 2 == 0, row.label
        assert set(row.pattern) <= set("0123456789ABCDEF.")


@pytest.mark.parametrize(
    ("sw", "text"), [(0x9000, "done"), (0x63C2, "tries left"), (0x6C07, "wrong Le"), (0x1234, "unknown")]
)
def test_status_words(sw: int, text: str) -> None:
    assert text in explain(sw)
