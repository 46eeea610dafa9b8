"""The rules between records, as the C twin's `scan` takes them: per record, steps by kind, in the order in which they run."""

from __future__ import annotations

from typing import NamedTuple

from tournee.b2.plan import Plan, RecordPlan
from tournee_protocol.layouts import Check, Field

_ANY = (1 << 64) - 1
_WINDOW = 64

Amount = tuple[int, int, int, int, int, int, int]
"""(accumulator, at, length, place of the sign or -1, subtract, start anew, index in the table's record)."""
Row = tuple[
    int, int, int, tuple[int, ...], tuple[Amount, ...], tuple[int, bytes], tuple["Same", ...], tuple[Amount, ...]
]
"""(records that may follow, opened pair, closed pair, accumulators begun, added amounts, repeated bits, repeated fields, verified)."""


class Same(NamedTuple):
    """Bytes that repeat those of the last record of another type; places from 0."""

    at: int
    len: int
    other: int
    other_at: int
    other_len: int


def structure(plan: Plan) -> tuple[tuple[Row, ...], tuple[int, ...], int]:
    """(rows, bits of the records that each accumulator counts, number of pairs): see `load_structure` in c/structure.c."""
    index = {r.record.type: r.index for r in plan.records}
    counted = tuple(_ANY if "*" in c.count else _bits(index, c.count) for c in plan.profile.checks)
    return tuple(_row(plan, made, index) for made in plan.records), counted, len(plan.profile.pairs)


def _bits(index: dict[str, int], types: tuple[str, ...]) -> int:
    return sum(1 << index[t] for t in types)


def _row(plan: Plan, made: RecordPlan, index: dict[str, int]) -> Row:
    type_, profile = made.record.type, plan.profile
    follows = dict(profile.follows)
    opens = {a: i for i, (a, _) in enumerate(profile.pairs)}
    closes = {b: i for i, (_, b) in enumerate(profile.pairs)}
    may_follow = _bits(index, follows[type_]) if type_ in follows else _ANY
    if closes.get(type_) == 0:
        may_follow = 0  # the end of the file
    checks = list(enumerate(profile.checks))
    same = _same(plan, made)
    return (
        may_follow,
        opens.get(type_, -1),
        closes.get(type_, -1),
        tuple(acc for acc, check in checks if type_ == check.since and not check.exclusive),
        tuple(amount for acc, check in checks for amount in _added(made, acc, check)),
        _repeated(plan, made, same),
        same,
        tuple(_verified(made, acc, check) for acc, check in checks if type_ == check.at),
    )


def _added(made: RecordPlan, acc: int, check: Check) -> list[Amount]:
    terms = [t for t in check.terms if t.type == made.record.type and not check.count]
    return [(*_amount(made, acc, t.field, t.sign_field), int(t.sign < 0), 0, 0) for t in terms]


def _verified(made: RecordPlan, acc: int, check: Check) -> Amount:
    table = made.record.fields.index(_field(made, check.field))
    return (*_amount(made, acc, check.field, check.sign_field), 0, int(check.exclusive), table)


def _amount(made: RecordPlan, acc: int, name: str, sign: str) -> tuple[int, int, int, int]:
    place = _field(made, name)
    return acc, place.pos - 1, place.len, _field(made, sign).pos - 1 if sign else -1


def _same(plan: Plan, made: RecordPlan) -> tuple[Same, ...]:
    """Neighbouring fields that lie alike in both records are one."""
    found: list[Same] = []
    for rule in plan.profile.same:
        if made.record.type not in rule.at:
            continue
        other = next(r for r in plan.records if r.record.type == rule.as_)
        for i, name in enumerate(rule.fields):
            mine, theirs = _field(made, name), _field(other, name)
            same = Same(mine.pos - 1, mine.len, other.index, theirs.pos - 1, theirs.len)
            if i and (joined := _joined(found[-1], same)):
                found[-1] = joined
            else:
                found.append(same)
    return tuple(found)


def _joined(a: Same, b: Same) -> Same | None:
    alike = a.len == a.other_len and b.len == b.other_len
    if alike and a.at + a.len == b.at and a.other_at + a.other_len == b.other_at:
        return Same(a.at, a.len + b.len, a.other, a.other_at, a.other_len + b.other_len)
    return None


def _repeated(plan: Plan, made: RecordPlan, same: tuple[Same, ...]) -> tuple[int, bytes]:
    """(other record, ff or 00 per place): the same in one step, if all lie alike in one other record and near its beginning."""
    bits = bytearray(_WINDOW)
    for s in same:
        if (s.other, s.other_at, s.other_len) != (same[0].other, s.at, s.len) or s.at + s.len > _WINDOW:
            return 0, b""
        bits[s.at : s.at + s.len] = b"\xff" * s.len
    enough = same and min(made.record.size, plan.records[same[0].other].record.size) >= _WINDOW
    return (same[0].other, bytes(bits)) if enough else (0, b"")


def _field(made: RecordPlan, name: str) -> Field:
    return next(f for f in made.record.valued if f.name == name)
