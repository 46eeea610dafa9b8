"""V22: the terminal loses its power after each message of a visit and is switched on again; the commands typed again finish it.

Each test is one visit in which `bill new`, `bill sign` and `send` each meet a power cut after the same number of messages on the link,
both ways counted. TOURNEE_SOAK=1 takes every number; without it every fourth is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tools.practice import Practice, practice
from tournee.billing.lifecycle import State

LONGEST = 48
"""Messages of the longest command: `bill new` with a code to type."""
STRIDE = 1 if os.environ.get("TOURNEE_SOAK") else 4


@dataclass
class Person:
    """Types the code whenever the terminal asks for it; repeats a command as its message says."""

    office: Practice
    typed: int = field(default=0)

    def __post_init__(self) -> None:
        board = self.office.board.board
        type_ = board.type

        def type_and_count(keys: str) -> None:
            self.typed += 1
            type_(keys)

        board.type = type_and_count  # type: ignore[method-assign]

    def finish(self, *argv: str, cut_after: int) -> tuple[bool, int]:
        """Runs `argv` to its end through one power cut; whether the cut struck, and how often --again was needed."""
        ended, struck = self.office.run_with_power_cut(cut_after, *argv)
        assert ended.code in (0, 4), ended.text
        if ended.code == 0:
            return struck, 0
        assert ended.stderr.count("→") == 1, ended.text
        ended = self.office.run(*argv, ok=(0, 3))
        if ended.code == 0:
            return struck, 0
        assert "--again" in ended.stderr, ended.text
        self.office.run(*argv, "--again")
        return struck, 1


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Person]:
    with practice(tmp_path_factory.mktemp("kill-terminal"), keys) as office:
        yield Person(office)


@pytest.mark.parametrize("after", range(1, LONGEST, STRIDE))
def test_a_visit_survives_power_cuts_of_the_terminal(person: Person, after: int) -> None:
    office, tries = person.office, person.office.card(0)["verify"] - person.typed
    known = {d.id for d in office.bills()}
    cut_new, _ = person.finish("bill", "new", "--answers", office.answers(), "--json", cut_after=after)
    (bill,) = [d.id for d in office.bills() if d.id not in known]

    signs = _signs(office)
    cut_sign, again = person.finish("bill", "sign", bill, cut_after=after)
    assert office.bill(bill).state is State.SIGNED
    assert _signs(office) - signs in range(2, 3 + again), "no signature was made again but for a person's --again"

    signs = _signs(office)
    cut_send, again = person.finish("send", cut_after=after)
    assert office.bill(bill).state is State.SENT
    assert _signs(office) - signs in range(1, 2 + again)

    assert cut_new or after > 30
    assert cut_sign or after > 30
    assert cut_send or after > 18
    assert office.card(0)["verify"] - person.typed <= tries, "each code that was typed is one try at most"
    assert office.card(0)["tries_left"] == 3
    assert office.numbers() == list(range(1, len(office.bills()) + 1))


def test_then_every_visit_is_paid_once(person: Person) -> None:
    """Runs behind the power cuts."""
    office = person.office
    sent = [d for d in office.bills() if d.state is State.SENT]
    office.run("inbox", "--wait", "60")
    assert {d.state for d in office.bills()} <= {State.PAID}
    settled = [n for f in office.fund.checks["files"] for n in f["settled"]]
    assert sorted(settled) == [d.numero for d in office.bills()]
    assert len(settled) >= len(sent)
    assert not office.todo()


def _signs(office: Practice) -> int:
    """Signatures that both cards have made so far."""
    return office.card(0).get("sign", 0) + office.card(1).get("sign", 0)
