"""docs/ISO7816.md is what the tests say; a clause without a row and a row without a test fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import iso7816

SOURCE = {
    "clauses": ["6.1", "6.2"],
    "rows": [{"clause": "6.1", "id": "a"}, {"clause": "6.2", "id": "b", "missing": "x"}],
}


def test_the_page_is_what_the_tests_say() -> None:
    assert iso7816.PAGE.read_text("utf-8") == iso7816.page(), "python -m tests.tools.iso7816 --write"


def test_clauses_6_to_11_are_all_there() -> None:
    clauses = {row["clause"].partition(".")[0] for row in iso7816.table()["rows"]}
    assert {"6", "7", "8", "9", "10", "11"} <= clauses


@pytest.mark.parametrize(
    ("found", "source", "said"),
    [
        ([], SOURCE, "row a needs"),
        ([("a", "t")], SOURCE | {"clauses": ["6.1", "6.2", "6.3"]}, "clause 6.3 has no row"),
        ([("a", "t"), ("c", "t")], SOURCE, "no row c"),
        ([("a", "t"), ("b", "t")], SOURCE, "row b needs either"),
        ([("a", "t")], SOURCE | {"clauses": ["6.2"]}, "clause 6.1 is none"),
    ],
)
def test_what_does_not_fit_fails(found: list[tuple[str, str]], source: dict[str, list[str]], said: str) -> None:
    with pytest.raises(iso7816.TableError, match=said):
        iso7816.collect(source, iter(found))


def test_a_mark_that_hangs_in_the_air_fails(tmp_path: Path) -> None:
    folder = tmp_path / "tests/unit"
    folder.mkdir(parents=True)
    mark = "# ISO7816" + ": a\n"
    (folder / "test_x.py").write_text(mark + "@pytest.mark.x(\n    1,\n)\ndef test_y():\n    pass\n")
    assert list(iso7816.marks(tmp_path)) == [("a", "tests/unit/test_x.py::test_y")]
    (folder / "test_x.py").write_text(mark + "\nX = 1\n")
    with pytest.raises(iso7816.TableError, match="does not stand right above a test"):
        list(iso7816.marks(tmp_path))
