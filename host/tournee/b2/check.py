"""What must hold between records: order, pairs, counters, totals, repeated and unique fields, code lists. Rules stand in the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tournee.b2.errors import B2Error, Problem
from tournee.b2.lu import Lu
from tournee.b2.numbers import Numbers
from tournee.b2.plan import Plan, RecordPlan
from tournee_protocol.layouts import Check, Field, Kind, Term


@dataclass
class Bilan:
    """What a file holds, counted while it is read."""

    records: Counter[str] = field(default_factory=Counter)
    faults: int = 0

    @property
    def total(self) -> int:
        return self.records.total()


class Controle:
    """One pass in constant memory; `faults` of a record are those of its reading, then those of its place in the file."""

    def __init__(self, plan: Plan, *, codes: bool = True) -> None:
        """`codes`: also lists of codes and unique numbers; without them it finds what `scan` finds."""
        profile = plan.profile
        self.bilan = Bilan()
        self._plan = plan
        self._follows = dict(profile.follows)
        self._opens = dict(profile.pairs)
        self._closes = {b: a for a, b in profile.pairs}
        self._end = profile.pairs[0][1] if profile.pairs else ""
        self._stack: list[str] = []
        self._before = ""
        self._last: dict[str, Any] = {}
        self._tallies = [_Tally(c) for c in profile.checks]
        self._seen = {u: Numbers() for u in profile.unique if codes}
        self._listed = {
            r.type: [(f.name, _permitted(f)) for f in r.valued if f.values and codes] for r in profile.records
        }
        self._same: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for rule in profile.same:
            for at in rule.at:
                self._same.setdefault(at, []).append((rule.as_, rule.fields))

    def lire(self, lus: Iterable[Lu]) -> Iterator[Lu]:
        """The same records, with the faults of structure added; the last one also bears what is missing at the end."""
        held: Lu | None = None
        for lu in lus:
            if held is not None:
                yield self._counted(held)
            self.prendre(lu)
            held = lu
        if held is not None:
            self.terminer(held)
            yield self._counted(held)

    def terminer(self, last: Lu) -> None:
        """Adds to the last record what is missing behind it."""
        if self._stack:
            last.faults.append(self._fail(Problem.TRUNCATED, last, self._opens[self._stack[-1]], "", 0))

    def _counted(self, lu: Lu) -> Lu:
        self.bilan.records[lu.made.record.type if lu.made else "?"] += 1
        self.bilan.faults += len(lu.faults)
        return lu

    def prendre(self, lu: Lu) -> None:
        """Adds the faults of one record's place in the file; records come in order."""
        type_ = lu.made.record.type if lu.made else ""
        self._order(lu, type_)
        for tally in self._tallies:
            tally.take(type_, lu.record)
        if lu.record is None:
            self._forget(type_)
            return
        self._repeated(lu, type_)
        for name, permitted in self._listed[type_]:
            if getattr(lu.record, name) not in permitted:
                lu.faults.append(self._at(Problem.VALUE, lu, name))
        for rule, seen in self._seen.items():
            if rule.at == type_ and not seen.add([getattr(lu.record, f) for f in rule.fields]):
                number = str(getattr(lu.record, rule.fields[-1]))
                lu.faults.append(self._at(Problem.DUPLICATE, lu, rule.fields[-1], number))
        for tally in self._tallies:
            if tally.check.at == type_ and (wrong := tally.wrong(lu.record)):
                problem = Problem.COUNT if tally.check.count else Problem.TOTAL
                lu.faults.append(self._at(problem, lu, tally.check.field, wrong))
        self._last[type_] = lu.record

    def _order(self, lu: Lu, type_: str) -> None:
        misplaced = False
        if lu.number == 1 and self._plan.profile.pairs:
            misplaced = type_ != self._plan.profile.pairs[0][0]
        elif type_ and self._before:
            allowed = self._follows.get(self._before)
            misplaced = self._before == self._end or (allowed is not None and type_ not in allowed)
        if type_ in self._opens:
            misplaced = misplaced or type_ in self._stack
            if type_ in self._stack:
                del self._stack[self._stack.index(type_) :]
            self._stack.append(type_)
        elif opener := self._closes.get(type_):
            if opener in self._stack:
                misplaced = misplaced or self._stack[-1] != opener
                del self._stack[self._stack.index(opener) :]
            else:
                misplaced = True
        if misplaced:
            lu.faults.append(self._fail(Problem.ORDER, lu, type_, "", 0))
        self._before = type_ or self._before

    def _forget(self, type_: str) -> None:
        """An unreadable record is nothing to compare with, nor is the one that it replaced; of an unknown type, it may be any but the first."""
        for known in (
            [type_] if type_ else [t for t in self._last if t not in (p[0] for p in self._plan.profile.pairs[:1])]
        ):
            self._last.pop(known, None)

    def _repeated(self, lu: Lu, type_: str) -> None:
        assert lu.made is not None
        for as_, fields in self._same.get(type_, ()):
            earlier = self._last.get(as_)
            if earlier is None:
                continue
            for name in fields:
                mine, theirs = getattr(lu.record, name), getattr(earlier, name)
                if mine != theirs and not _same_number(lu.made, name, mine, theirs):
                    lu.faults.append(self._at(Problem.MISMATCH, lu, name))

    def _at(self, problem: Problem, lu: Lu, name: str, detail: str = "") -> B2Error:
        assert lu.made is not None
        found = next(f for f in lu.made.record.valued if f.name == name)
        detail += self._plan.doubt(detail, lu.made.record.type, name)
        return self._fail(problem, lu, lu.made.record.type, name, found.pos, detail)

    @staticmethod
    def _fail(problem: Problem, lu: Lu, type_: str, name: str, position: int, detail: str = "") -> B2Error:
        return B2Error(problem, lu.number, type_, name, position, detail)


class _Tally:
    """The running value of one check."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._value = 0
        self._sure = True
        self._terms: dict[str, list[Term]] = {}
        for term in check.terms:
            self._terms.setdefault(term.type, []).append(term)

    def take(self, type_: str, record: Any | None) -> None:
        if type_ == self.check.since and not self.check.exclusive:
            self._value, self._sure = 0, True
        if self.check.count:
            self._value += "*" in self.check.count or type_ in self.check.count
        elif record is None:
            self._sure = self._sure and type_ not in self._terms and type_ != ""
        else:
            for term in self._terms.get(type_, ()):
                self._value += term.sign * _signed(record, term.field, term.sign_field)

    def wrong(self, record: Any) -> str:
        """What the field should say, or nothing; an unreadable record leaves a total unsure and unsaid."""
        said, value, sure = _signed(record, self.check.field, self.check.sign_field), self._value, self._sure
        if self.check.exclusive:
            self._value, self._sure = 0, True
        if not sure or said == value:
            return ""
        return f"{said} au lieu de {value}"


def _signed(record: Any, name: str, sign_name: str) -> int:
    value: int = getattr(record, name) or 0
    return -value if sign_name and getattr(record, sign_name) == "N" else value


def _permitted(listed: Field) -> frozenset[Any]:
    """The values that a field's list permits, a blank among them."""
    codes = [code for code, _ in listed.values]
    values: set[Any] = {None, *codes}
    if listed.kind is Kind.N:
        values |= {int(code) for code in codes if code.isdecimal() and str(int(code)) == code}
    elif listed.kind is Kind.D:
        values |= {code.zfill(listed.len) for code in codes}
    return frozenset(values | {""} if listed.default == "" else values)


def _same_number(made: RecordPlan, name: str, a: Any, b: Any) -> bool:
    """Identifiers of different width (9 digits in 1, 14 in 000)."""
    field = next(f for f in made.record.valued if f.name == name)
    if field.kind is not Kind.D or not isinstance(a, str) or not isinstance(b, str):
        return False
    return a.zfill(len(b)) == b.zfill(len(a))
