"""Golden bills, typed by hand: the arithmetic (`how`) is checked without the engine, then the engine against it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.unit.billing_cases import bill, rights
from tournee.billing import Bill, Evaluation, Rights, evaluate

HERE = Path(__file__).resolve().parent / "billing"
_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|%|[-+*/()])")
_MONEY = ("total", "amo", "amc", "patient", "regler")  # regler: what the patient pays that day


@dataclass(frozen=True)
class Case:
    id: str
    specialite: str
    answers: dict[str, Any]
    card: dict[str, Any]
    situation: dict[str, str]
    raw: dict[str, Any]


def _cases() -> Iterator[Case]:
    for file in sorted(HERE.glob("*.toml")):
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        for group in document["groupe"]:
            for raw in group["cases"]:
                answers = document["answers"] | group.get("set", {}) | raw.get("set", {})
                yield Case(
                    id=raw["id"],
                    specialite=document["specialite"],
                    answers={k: v for k, v in answers.items() if v != "—"},
                    card=group.get("card", {}) | raw.get("card", {}),
                    situation=group.get("situation", {}) | raw.get("situation", {}),
                    raw={"source": group["source"], **raw},
                )


CASES = list(_cases())
PRICED = [c for c in CASES if "error" not in c.raw]
REFUSED = [c for c in CASES if "error" in c.raw]


def by_id(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in cases])


def run_with(case: Case) -> tuple[Bill, Rights, Evaluation]:
    """The case's bill, card and evaluation."""
    day = case.raw["on"]
    made = bill(case.answers, day=day, **{"specialite": case.specialite, **case.situation})
    card = _card(case.card)
    return made, card, evaluate(made, card, today=max([day, *(a.date for a in made.acts if a.date)]))


def _card(wanted: dict[str, Any]) -> Rights:
    """`absente = true`: no Vitale was read, the answers say who the patient is."""
    if wanted.get("absente"):
        return Rights.none()
    return rights(
        **{
            k: tuple(map(tuple, v)) if k == "periodes" else tuple(v) if isinstance(v, list) else v
            for k, v in wanted.items()
        }
    )


def run(case: Case) -> Evaluation:
    return run_with(case)[2]


@by_id(PRICED)
def test_golden_how_is_right(case: Case) -> None:
    """Every step of the arithmetic holds (half up), and every expected amount stands in it."""
    seen = set()
    for step in case.raw["how"].split(";"):
        left, _, right = step.partition("=")
        assert right, f"not an equation: {step}"
        wanted = Decimal(right.strip())
        places = -int(wanted.as_tuple().exponent)
        assert _half_up(_value(left), places) == wanted, step
        seen |= {Decimal(n) for n in re.findall(r"[0-9]+\.[0-9]+", step)}
    for key in _MONEY:
        if key in case.raw:
            assert Decimal(case.raw[key]) in seen or Decimal(case.raw[key]) == 0, f"{key} is not in `how`"
    assert case.raw["source"]


@by_id(PRICED)
def test_golden_bill(case: Case) -> None:
    result = run(case)
    assert result.status == "valid", (result.errors, [q.id for q in result.questions if q.required])
    t = result.totals
    told = {"total": t.montant_cents, "amo": t.amo_cents, "amc": t.amc_cents, "patient": t.patient_cents}
    told["regler"] = t.a_regler_cents
    for key in _MONEY:
        if key in case.raw:
            assert told[key] == _cents(case.raw[key]), (key, told)
    lines = [f"{x.code} {x.montant_cents // 100}.{x.montant_cents % 100:02d}" for x in result.lines]
    assert lines == case.raw["lines"]
    told_apart = {i.code: i.cents for i in result.informations if i.cents}
    for code, cents in case.raw.get("informe", {}).items():
        assert told_apart.get(code, 0) == _cents(cents), (code, told_apart)


@by_id(REFUSED)
def test_golden_refusal(case: Case) -> None:
    result = run(case)
    assert result.status == "invalid"
    assert case.raw["error"] in [e.code for e in result.errors]
    assert all(e.path and e.remedy for e in result.errors)


def test_golden_ids_are_used_once() -> None:
    ids = [c.id for c in CASES]
    assert len(ids) == len(set(ids)), sorted({i for i in ids if ids.count(i) > 1})


def test_golden_there_are_enough() -> None:
    assert len(CASES) >= 300 and len(REFUSED) >= 40
    assert all(c.raw["source"] for c in CASES)


def _cents(text: str) -> int:
    return int(Decimal(text) * 100)


def _half_up(value: Fraction, places: int) -> Decimal:
    scaled = value * 10**places
    return Decimal((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)).scaleb(-places)


def _value(text: str) -> Fraction:
    """The value of a formula of numbers, + − * / ( ) and a trailing %; nothing of the engine is used."""
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not a formula: {text!r}")
        tokens.append(found[1])
        at = found.end()
    value, rest = _sum(tokens)
    if rest:
        raise ValueError(f"not a formula: {text!r}")
    return value


def _sum(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign = 1 if tokens[0] == "+" else -1
        term, tokens = _product(tokens[1:])
        value += sign * term
    return value, tokens


def _product(tokens: list[str]) -> tuple[Fraction, list[str]]:
    value, tokens = _atom(tokens)
    while tokens and tokens[0] in "*/":
        operator = tokens[0]
        factor, tokens = _atom(tokens[1:])
        value = value * factor if operator == "*" else value / factor
    return value, tokens


def _atom(tokens: list[str]) -> tuple[Fraction, list[str]]:
    if tokens[0] == "(":
        value, tokens = _sum(tokens[1:])
        if tokens[:1] != [")"]:
            raise ValueError("bracket not closed")
    else:
        value = Fraction(tokens[0])
    tokens = tokens[1:]
    if tokens[:1] == ["%"]:
        value, tokens = value / 100, tokens[1:]
    return value, tokens
