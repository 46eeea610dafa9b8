"""The tables: sources, confidence, no gap, no overlap; holidays as the library has them."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.tools import billing_coverage, feries
from tournee.billing.conventions import convention
from tournee.billing.dates import add_jours_ouvres, age, ferie, minutes, months_before, ouvre
from tournee.billing.errors import TableError
from tournee.billing.money import coefficient, euros, half_up, times
from tournee.billing.tables import OPEN, tables


def test_every_row_has_a_source_and_a_confidence() -> None:
    assert len(tables().rows) > 80
    assert all(r.source and r.confidence in ("H", "M", "L") for r in tables().rows.values())


def test_periods_of_a_code_follow_each_other() -> None:
    """No overlap, and no hole between two periods of one code."""
    for key, found in tables().tarifs.items():
        for before, after in itertools.pairwise(found):
            assert before.row.valid_to < OPEN, key
            assert before.row.valid_to + timedelta(days=1) == after.row.valid_from, key


@pytest.mark.parametrize("key", sorted(k for k in tables().tarifs), ids=".".join)
def test_each_boundary_the_day_before_and_the_day_itself(key: tuple[str, str, str]) -> None:
    """The day itself is priced by the new row, the day before by the old one or by none; the day after the end by none."""
    profession, zone, code = key
    before = None
    for found in tables().tarifs[key]:
        first, last = found.row.valid_from, found.row.valid_to
        assert tables().tarif(profession, zone, code, first) is found
        assert tables().tarif(profession, zone, code, first - timedelta(days=1)) is before
        if last < OPEN:
            assert tables().tarif(profession, zone, code, last) is found
        before = found
    if before is not None and before.row.valid_to < OPEN:
        assert tables().tarif(profession, zone, code, before.row.valid_to + timedelta(days=1)) is None


def test_replaced_codes_exist() -> None:
    for (profession, zone, code), found in tables().tarifs.items():
        instead = found[-1].data.get("remplace_par")
        if instead:
            after = found[-1].row.valid_to + timedelta(days=1)
            assert tables().tarif(profession, zone, instead, after), (profession, code)


def test_holidays_table_is_that_of_the_library() -> None:
    assert feries.TABLE.read_text(encoding="utf-8") == feries.render(), "python -m tests.tools.feries"


def test_calendar() -> None:
    assert ferie(date(2026, 5, 25)) == "Lundi de Pentecôte"
    assert not ouvre(date(2026, 5, 25)) and ouvre(date(2026, 5, 26))
    assert add_jours_ouvres(date(2026, 12, 24), 1) == date(2026, 12, 28)
    with pytest.raises(TableError):
        ferie(date(2050, 1, 1))


@pytest.mark.parametrize(
    ("birth", "day", "years"),
    [
        ("20190115", date(2025, 1, 14), 5),
        ("20190115", date(2025, 1, 15), 6),
        ("19801340", date(2025, 12, 31), 44),
        ("19800000", date(2025, 1, 1), 45),
        ("", date(2025, 1, 1), None),
        ("1980????", date(2025, 1, 1), None),
    ],
)
def test_age_by_text_takes_lunar_dates(birth: str, day: date, years: int | None) -> None:
    assert age(birth, day) == years


def test_money_rounds_half_up() -> None:
    """4.725 -> 4.73; 16.125 -> 16.13; 7.175 -> 7.18; 1.575 -> 1.58."""
    assert [times(315, 150), times(215, 750), times(205, 350), times(315, 50)] == [473, 1613, 718, 158]
    assert half_up(1, 2) == 1 and half_up(1, 3) == 0
    assert euros(-123456) == "-1\u202f234,56 €"
    assert euros(1234) == "12,34 €" and coefficient(150) == "1,5" and coefficient(809) == "8,09"


def test_hours_and_months() -> None:
    assert minutes("23:59") == 1439 and minutes("24:00") is None and minutes("") is None
    assert months_before(date(2025, 5, 31), 4) == date(2025, 1, 31)
    assert months_before(date(2025, 6, 30), 4) == date(2025, 2, 28)


def test_coverage_page_is_up_to_date() -> None:
    assert billing_coverage.PAGE.read_text(encoding="utf-8") == billing_coverage.render()


def test_every_error_code_stands_in_the_page(root: Path) -> None:
    sources = "".join(f.read_text(encoding="utf-8") for f in (root / "host/tournee/billing").glob("*.py"))
    codes = set(re.findall(r'(?:w\.fault|_once)\(\s*(?:w,\s*)?"([A-Z0-9_]+)"', sources))
    page = (root / "docs/BILLING.md").read_text(encoding="utf-8")
    assert len(codes) > 25
    assert not sorted(c for c in codes if not re.search(rf"\b{c}\b", page))


def test_no_amount_stands_in_the_code(root: Path) -> None:
    """Prices live in the tables: no name ending in _cents is given a literal above zero in the engine."""
    for file in (root / "host/tournee/billing").glob("*.py"):
        assert not re.search(r"_cents\s*=\s*[1-9]", file.read_text(encoding="utf-8")), file.name


@pytest.mark.parametrize(
    ("numero", "critere", "gestion"),
    [
        ("99999997", "940000001", "unique"),
        ("99999997", "950000001", "separee"),
        ("99999997", "94", "separee"),
        ("99991234", "", "separee"),
        ("99981234", "", "oct"),
        ("12345678", "", None),
    ],
)
def test_convention_of_a_complementary_fund_first_match_wins(numero: str, critere: str, gestion: str | None) -> None:
    found = convention(numero, critere)
    assert (found.data["gestion"] if found else None) == gestion


def test_the_example_of_the_page_runs(root: Path) -> None:
    page = (root / "docs/BILLING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(compile(example, "docs/BILLING.md", "exec"), {})
