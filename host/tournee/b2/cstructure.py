"""The rules between records, as the C twin's `scan` takes them: per record, steps in the order in which they run."""

from __future__ import annotations

from tournee.b2.plan import Plan, RecordPlan
from tournee_protocol.layouts import Check, Field

_RESET, _COUNT, _ADD, _SAME, _VERIFY, _CLEAR = range(6)
_ANY = (1 << 64) - 1

Op = tuple[int, int, int, int, int, int, int, int, int, int]
Row = tuple[int, int, int, tuple[Op, ...]]


def structure(plan: Plan) -> tuple[tuple[Row, ...], int, int]:
    """(rows, number of accumulators, number of pairs): see `load_structure` in c/scan.c."""
    index = {r.record.type: r.index for r in plan.records}
    follows = dict(plan.profile.follows)
    opens = {a: i for i, (a, _) in enumerate(plan.profile.pairs)}
    closes = {b: i for i, (_, b) in enumerate(plan.profile.pairs)}
    rows = []
    for made in plan.records:
        type_ = made.record.type
        mask = sum(1 << index[t] for t in follows[type_]) if type_ in follows else _ANY
        rows.append((mask, opens.get(type_, -1), closes.get(type_, -1), tuple(_ops(plan, made))))
    return tuple(rows), len(plan.profile.checks), len(plan.profile.pairs)


def _ops(plan: Plan, made: RecordPlan) -> list[Op]:
    type_ = made.record.type
    adding: list[Op] = []
    verifying: list[Op] = []
    for acc, check in enumerate(plan.profile.checks):
        if type_ == check.since and not check.exclusive:
            adding.append(_op(_RESET, acc))
        if "*" in check.count or type_ in check.count:
            adding.append(_op(_COUNT, acc))
        for term in check.terms:
            if term.type == type_:
                place = _field(made, term.field)
                sign = _sign(made, term.sign_field)
                adding.append((_ADD, acc, place.pos - 1, place.len, sign, int(term.sign < 0), 0, 0, 0, 0))
        if type_ == check.at:
            verifying += _verify(made, acc, check)
    return adding + _same(plan, made) + verifying


def _verify(made: RecordPlan, acc: int, check: Check) -> list[Op]:
    place = _field(made, check.field)
    counter = int(bool(check.count))
    table = made.record.fields.index(place)
    ops: list[Op] = [(_VERIFY, acc, place.pos - 1, place.len, _sign(made, check.sign_field), 0, counter, 0, 0, table)]
    return [*ops, _op(_CLEAR, acc)] if check.exclusive else ops


def _same(plan: Plan, made: RecordPlan) -> list[Op]:
    """Neighbouring fields that lie alike in both records are compared in one step."""
    ops: list[Op] = []
    for rule in plan.profile.same:
        if made.record.type not in rule.at:
            continue
        other = next(r for r in plan.records if r.record.type == rule.as_)
        run: list[int] = []
        for name in rule.fields:
            mine, theirs = _field(made, name), _field(other, name)
            if run and mine.len == theirs.len and run[0] + run[1] == mine.pos - 1 and run[2] + run[3] == theirs.pos - 1:
                run[1] += mine.len
                run[3] += theirs.len
                continue
            if run:
                ops.append(_compare(run, other.index))
            run = [mine.pos - 1, mine.len, theirs.pos - 1, theirs.len]
        ops.append(_compare(run, other.index))
    return ops


def _compare(run: list[int], other: int) -> Op:
    return (_SAME, 0, run[0], run[1], -1, 0, other, run[2], run[3], 0)


def _op(code: int, acc: int) -> Op:
    return (code, acc, 0, 0, -1, 0, 0, 0, 0, 0)


def _field(made: RecordPlan, name: str) -> Field:
    return next(f for f in made.record.valued if f.name == name)


def _sign(made: RecordPlan, name: str) -> int:
    return _field(made, name).pos - 1 if name else -1
