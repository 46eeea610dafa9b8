"""Every date of the tables, enumerated from them: the day before and the day itself. Amounts at these dates: tests/golden/billing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.golden.test_golden_billing import CASES
from tests.unit.billing_cases import rights, situation
from tournee.billing import Act, Bill, answer_all, evaluate
from tournee.billing.tables import OPEN, Row, tables

ONE_DAY = timedelta(days=1)
FIRST_TARIFF = date(2022, 11, 1)
"""No bill of a day before can be priced; rules that began earlier have no older tariff to meet."""
NAMED = ("2023-11-01", "2024-01-28", "2024-02-22", "2024-12-21", "2024-12-22", "2025-07-01", "2026-01-01")
"""By the issue; on 01/07/2025 nothing changed: the rises were suspended."""
_SPECIALITE = {
    "medecin": "01", "specialiste": "03", "neurologue": "32", "psychiatre": "33", "gynecologue_medical": "70",
    "pediatre": "12", "infirmier": "24", "kine": "26", "sage_femme": "21", "pedicure": "27", "orthophoniste": "28",
    "orthoptiste": "29",
}  # fmt: skip


def _changes() -> dict[date, set[str]]:
    """Date → professions of which a row begins, or has ended the day before."""
    found: dict[date, set[str]] = {}
    for row in tables().rows.values():
        professions = row.data.get("professions") or [row.data.get("profession", "")]
        for day in (row.valid_from, row.valid_to + ONE_DAY if row.valid_to < OPEN else date.min):
            if day > FIRST_TARIFF:
                found.setdefault(day, set()).update(professions)
    return found


@pytest.mark.parametrize("day", sorted(_changes()), ids=str)
def test_golden_bills_stand_on_both_sides_of_every_date(day: date) -> None:
    """Typed by hand, of a profession whose tables change that day (a rule for all: of any)."""
    wanted = _changes()[day]
    sides: dict[date, set[str]] = {day - ONE_DAY: set(), day: set()}
    for case in CASES:
        known = tables().professions[case.situation.get("specialite", case.specialite)]
        for made in {case.raw["on"], *(a.get("date") for a in _acts(case.answers) if isinstance(a, dict))}:
            if made in sides:
                sides[made].add(str(known["profession"]))
    for side, professions in sides.items():
        assert professions & wanted or (wanted == {""} and professions), f"{side}: no golden bill of {sorted(wanted)}"


def _acts(answers: dict[str, object]) -> list[object]:
    acts = answers.get("actes")
    return acts if isinstance(acts, list) else []


@pytest.mark.parametrize("day", NAMED)
def test_the_dates_the_issue_names_have_golden_bills(day: str) -> None:
    assert any(str(case.raw["on"]) == day for case in CASES)


def test_nothing_changed_on_the_suspended_date() -> None:
    assert date(2025, 7, 1) not in _changes()


def _dated(kind: str) -> list[Row]:
    return [r for r in tables().rows.values() if r.id.startswith(f"{kind}:") and r.valid_from > date.min]


def _used(row: Row, profession: str, zone: str, day: date) -> set[str]:
    """Rows that the trace of a bill with this row's code names; the smallest bill that can hold it."""
    code = row.data.get("code") or row.data["lettres"][0]
    lieux = [row.data.get("lieu")] if row.data.get("lieu") else ["domicile", "cabinet", "distance"]
    found: set[str] = set()
    for lieu in lieux:
        for acts in _bills(row, profession, zone, code, day):
            made = Bill(
                "b", day, situation(_SPECIALITE[profession], zone_tarifaire=zone, code_conventionnel="3"), acts=acts
            )
            made = answer_all(made, {"lieu": lieu, "nature_assurance": "maladie", "accident_tiers": False}, rights())
            result = evaluate(made, rights(), today=day)
            found |= {name for step in result.trace for name in step.rows}
    return found


def _bills(row: Row, profession: str, zone: str, code: str, day: date) -> Iterator[tuple[Act, ...]]:
    t = tables()
    if row.id.startswith("actes:"):
        yield (Act(code, reference=str(row.data["ref"])),)
        return
    acts = [a for a in t.actes.get((profession, code), ()) if a.on(day)]
    if row.data["genre"] == "lettre":
        if acts:
            yield (Act(code, reference=str(acts[0].data["ref"])),)
    elif row.data["genre"] == "acte":
        yield (Act(code),)
    else:
        for principal in t.codes(profession, t.zones[zone], day):
            if principal.genre == "acte":
                yield Act(principal.code), Act(code)
                return
            letters = [a for a in t.actes.get((profession, principal.code), ()) if a.on(day)]
            if principal.genre == "lettre" and letters:
                yield Act(principal.code, reference=str(letters[0].data["ref"])), Act(code)
                return


def _places(row: Row) -> Iterator[tuple[str, str]]:
    zones = {zone: code for code, zone in tables().zones.items()}
    for profession in row.data.get("professions", [row.data.get("profession")]):
        if "zone" in row.data:
            yield profession, zones[row.data["zone"]]
        else:
            yield profession, "30"


@pytest.mark.parametrize("kind", ["tarifs", "actes"])
def test_every_row_holds_on_its_first_and_last_day_and_on_no_other(kind: str) -> None:
    checked, wrong = 0, []
    for row in _dated(kind):
        for profession, zone in _places(row):
            inside = {row.valid_from} | ({row.valid_to} if row.valid_to < OPEN else set())
            outside = {row.valid_from - ONE_DAY} | ({row.valid_to + ONE_DAY} if row.valid_to < OPEN else set())
            for day in sorted(inside | outside):
                used = row.id in _used(row, profession, zone, day)
                checked += 1
                if used != (day in inside) and not (day in inside and not _priced(row, profession, zone, day)):
                    wrong.append(f"{row.id} ({profession}) on {day}: {'used' if used else 'not used'}")
    assert checked > 400 and not wrong, "\n".join(wrong)


def _priced(row: Row, profession: str, zone: str, day: date) -> bool:
    """False for an act whose letter has no price yet that day, and for a letter without an act: nothing can use it."""
    t = tables()
    if row.id.startswith("actes:"):
        return any(t.tarif(profession, t.zones[zone], letter, day) for letter in row.data["lettres"])
    return bool(list(_bills(row, profession, zone, row.data["code"], day)))
