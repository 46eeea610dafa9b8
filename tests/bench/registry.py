"""What a benchmark is: a function registered under AREA/NAME that returns a value; ratios rather than times where both can be had."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["lower", "higher", "none"]


class Unavailable(Exception):
    """The row cannot be measured here; the text says what is missing and the remedy."""


@dataclass(frozen=True)
class Row:
    """One measured row. `reach` is the value to reach (None: informative); `ok` is None without it or without a value.

    A benchmark that broke has no value, `ok` False and a note that begins with `failed`.
    """

    area: str
    name: str
    value: float | None
    unit: str
    reach: float | None
    better: Better
    ok: bool | None
    command: str
    note: str = ""


@dataclass(frozen=True)
class Bench:
    area: str
    name: str
    unit: str
    better: Better
    reach: float | None
    measure: Callable[[], float]

    def run(self) -> Row:
        """Measure; a row that cannot be measured keeps its place, with the reason as its note."""
        value: float | None = None
        note = ""
        try:
            value = self.measure()
        except Unavailable as exc:
            note = str(exc)
        except Exception as exc:  # a broken benchmark must not hide the other rows
            command = f"make bench AREA={self.area}"
            note = f"failed: {type(exc).__name__}: {exc}"
            return Row(self.area, self.name, None, self.unit, self.reach, self.better, False, command, note)
        ok = None
        if value is not None and self.reach is not None and self.better != "none":
            ok = value <= self.reach if self.better == "lower" else value >= self.reach
        command = f"make bench AREA={self.area}"
        return Row(self.area, self.name, value, self.unit, self.reach, self.better, ok, command, note)


_BENCHES: dict[str, Bench] = {}
_NOT_AREAS = {"registry", "__main__", "baselines", "timing"}


def bench(
    area: str, name: str, unit: str, *, better: Better = "none", reach: float | None = None
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a measurement; `reach` needs a direction. Raises ValueError for a name used twice."""

    def register(measure: Callable[[], float]) -> Callable[[], float]:
        key = f"{area}/{name}"
        if key in _BENCHES:
            raise ValueError(f"{key} is registered twice")
        if reach is not None and better == "none":
            raise ValueError(f"{key}: a value to reach needs better='lower' or 'higher'")
        _BENCHES[key] = Bench(area, name, unit, better, reach, measure)
        return measure

    return register


def benches() -> Mapping[str, Bench]:
    """AREA/NAME → benchmark, of every module of this package."""
    import tests.bench as package

    for info in pkgutil.iter_modules(package.__path__):
        if info.name not in _NOT_AREAS:
            importlib.import_module(f"tests.bench.{info.name}")
    return dict(_BENCHES)


def names() -> frozenset[str]:
    return frozenset(benches())


def areas() -> list[str]:
    return sorted({b.area for b in benches().values()})


def document(rows: list[Row]) -> dict[str, Any]:
    """What out/bench.json holds."""
    return {"version": 1, "rows": [vars(row) for row in rows]}
