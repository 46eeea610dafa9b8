"""The bench harness: rows, what is reached, exit codes. No speed is judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import __main__ as command
from tests.bench import baselines, registry
from tests.bench.registry import Bench, Unavailable


def _unavailable() -> float:
    raise Unavailable("no teapot: buy one")


@pytest.mark.parametrize(
    ("better", "reach", "value", "ok"),
    [
        ("lower", 2.0, 1.9, True),
        ("lower", 2.0, 2.1, False),
        ("higher", 2.0, 2.0, True),
        ("higher", 2.0, 1.0, False),
        ("none", None, 1.0, None),
    ],
)
def test_a_row_says_whether_its_value_is_reached(
    better: registry.Better, reach: float | None, value: float, ok: bool | None
) -> None:
    row = Bench("a", "n", "×", better, reach, lambda: value).run()
    assert (row.value, row.ok, row.command) == (value, ok, "make bench AREA=a")


def test_a_row_that_cannot_be_measured_says_why() -> None:
    row = Bench("a", "n", "×", "lower", 1.0, _unavailable).run()
    assert (row.value, row.ok, row.note) == (None, None, "no teapot: buy one")


def test_a_broken_benchmark_keeps_its_row() -> None:
    row = Bench("a", "n", "×", "none", None, lambda: 1 / 0).run()
    assert (row.value, row.ok, row.note) == (None, False, "failed: ZeroDivisionError: division by zero")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Bench("tea", "good", "×", "lower", 1.0, lambda: 0.5),
        Bench("tea", "none", "cups", "none", None, _unavailable),
        Bench("pot", "bad", "×", "higher", 10.0, lambda: 2.0),
    ]
    monkeypatch.setattr(registry, "benches", lambda: {f"{b.area}/{b.name}": b for b in rows})
    monkeypatch.setattr(command, "benches", registry.benches)


@pytest.mark.usefixtures("three")
def test_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sub" / "bench.json"
    assert command.main(["--out", str(out), "--area", "tea"]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["version"] == 1
    assert [set(row) for row in document["rows"]] == [
        {"area", "name", "value", "unit", "reach", "better", "ok", "command", "note"}
    ] * 2
    assert [row["value"] for row in document["rows"]] == [0.5, None]
    printed = capsys.readouterr().out
    assert "good" in printed
    assert "no teapot" in printed


@pytest.mark.usefixtures("three")
def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--out", str(tmp_path / "b.json")]) == 3
    assert "not reached: pot/bad" in capsys.readouterr().out
    assert command.main(["--out", str(tmp_path / "b.json"), "--area", "tea"]) == 0
    assert command.main(["--area", "coffee"]) == 2
    assert "there are: pot, tea" in capsys.readouterr().out


def test_the_first_rows_are_registered() -> None:
    names = registry.names()
    wanted = ["wall time, ble", "APDUs per visit", "round trips per visit", "bytes over the link per visit"]
    assert {f"demo/{name}" for name in wanted} <= names
    assert "encoding/E12 named records, C over tuned" in names


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        registry.bench("demo", "APDUs per visit", "APDU")(lambda: 1.0)
    with pytest.raises(ValueError, match="needs better"):
        registry.bench("tea", "x", "×", reach=1.0)(lambda: 1.0)


def test_the_baseline_writes_and_reads_what_the_twin_does() -> None:
    from tests.bench.encoding import _lines
    from tournee.b2.plan import plan
    from tournee.b2.pytwin import PyCodec

    lines = _lines()[:50]
    record = plan("sv-sim-1").by_class[type(lines[0])].record
    data = PyCodec(plan("sv-sim-1")).encode(lines)
    assert baselines.tuned_encoder(record)(lines) == data
    assert len(baselines.tuned_decoder(record)(data)) == 50
    assert baselines.copy(data) == data
