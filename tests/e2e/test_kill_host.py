"""V22: kill -9 of the host right before and right after each journal write of a visit; the commands typed again finish it.

Each test is one visit with a kill in each of its commands. All share one terminal, one practice and its funds, so that numbers are
checked over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools.forked import AFTER, BEFORE, Ended, Kill
from tests.tools.practice import Practice, practice
from tournee.billing.lifecycle import State

NEW = ("draft",)
SIGN = ("numbered", "prepared", *("signature-begun", "signature") * 2, "signed")
SEND = (
    "formed+lot+in-lot", "lot-signature-begun", "lot-signature", "content", "seal-begun", "sealed", "compostage",
    "send-begun", "sent",
)  # fmt: skip
INBOX = (
    "received", "acknowledged+matched", "deleted", "received", "paid+matched", "deleted", "received",
    "settlement+matched", "deleted",
)  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Practice]:
    with practice(tmp_path_factory.mktemp("kill-host"), keys) as made:
        yield made


@dataclass(frozen=True)
class Point:
    """Where one command dies; None: nowhere."""

    steps: tuple[str, ...]
    number: int

    @property
    def kill(self) -> Kill | None:
        nth, when = divmod(self.number, 2)
        return Kill(nth + 1, AFTER if when else BEFORE) if nth < len(self.steps) else None

    @property
    def step(self) -> str:
        kill = self.kill
        return "" if kill is None else f"{kill.when} {self.steps[kill.nth - 1]}"


def killed(office: Practice, point: Point, *argv: str) -> None:
    """Runs `argv` and sees it die where it should; runs nothing when the point is nowhere."""
    kill = point.kill
    if kill is None:
        return
    ended = office.run(*argv, kill=kill)
    assert ended.killed, ended.text
    assert ended.steps == point.steps[: kill.nth], ended.text


def repeated(office: Practice, *argv: str) -> tuple[Ended, bool]:
    """The same command again, with --again when its message says so; and whether it did."""
    ended = office.run(*argv, ok=(0, 3))
    if ended.code == 3:
        assert "--again" in ended.stderr, ended.text
        return office.run(*argv, "--again"), True
    return ended, False


def test_an_undisturbed_visit_writes_these_steps(office: Practice) -> None:
    """What the points of the kills are made from."""
    new = office.run("bill", "new", "--answers", office.answers(), "--json")
    bill = new.json["bill"]
    sign, send = office.run("bill", "sign", bill), office.run("send")
    inbox = office.run("inbox", "--wait", "30")
    assert (new.steps, sign.steps, send.steps, inbox.steps) == (NEW, SIGN, SEND, INBOX)
    assert office.bill(bill).state is State.PAID


@pytest.mark.parametrize("number", range(20))
def test_a_visit_survives_a_kill_in_each_command(office: Practice, number: int) -> None:
    before = len(office.bills())
    signs = [office.card(slot).get("sign", 0) for slot in (0, 1)]
    verified = office.card(0).get("verify", 0)
    bill = _made(office, Point(NEW, number))
    assert len(office.bills()) == before + 1

    killed(office, point := Point(SIGN, number), "bill", "sign", bill)
    _, again = repeated(office, "bill", "sign", bill)
    assert again == (point.step in ("after signature-begun", "before signature"))
    assert office.bill(bill).state is State.SIGNED
    twice = point.step == "before signature"  # the card had signed, the host died with the value
    made = [office.card(slot)["sign"] - signs[slot] for slot in (0, 1)]
    assert sum(made) == 2 + twice

    killed(office, point := Point(SEND, number), "send")
    again = _sent(office, point)
    signed = office.card(0)["sign"] - signs[0] - made[0]
    assert signed == 1 + (point.step == "before lot-signature")
    assert again == (point.step in _UNSURE)

    if number not in (15, 16):  # there the returns were taken already, to know whether the mail had arrived
        office.wait_returns()
        killed(office, Point(INBOX, number - 2 * (number > 16)), "inbox", "--wait", "30")
    office.run("inbox", "--wait", "30")
    paid = office.bill(bill)
    assert (paid.state, paid.outcome["paye_cents"]) == (State.PAID, 2800)
    assert office.card(0)["verify"] == max(1, verified), "the code was typed once, for all visits"

    steps = [event.step for event in paid.events]
    for once in ("numbered", "prepared", "signed", "in-lot", "sent", "acknowledged", "paid"):
        assert steps.count(once) == 1, once
    numbers = office.numbers()
    assert numbers == list(range(1, len(numbers) + 1)), "none lost, none twice"
    assert office.next_numbers()["facture"] == len(numbers) + 1
    assert len(_taken(office, paid.numero)) == 1
    assert not office.todo()


_UNSURE = (
    "after lot-signature-begun", "before lot-signature", "after seal-begun", "before sealed",
)  # fmt: skip


def _made(office: Practice, point: Point) -> str:
    """A valid bill, though its command may have died."""
    known = {d.id for d in office.bills()}
    answers = office.answers()
    killed(office, point, "bill", "new", "--answers", answers, "--json")
    drafts = [d.id for d in office.bills() if d.id not in known]
    assert len(drafts) == (0 if point.kill in (None, Kill(1, BEFORE)) else 1)
    resume = ("--resume", drafts[0]) if drafts else ()
    ended = office.run("bill", "new", *resume, "--answers", answers, "--json")
    bill: str = ended.json["bill"]
    return bill


def _sent(office: Practice, point: Point) -> bool:
    """The file is at the fund and the host knows it; whether a signature was made again for it."""
    again = False
    ended = office.run("send", ok=(0, 3))
    if ended.code == 3 and "--again" in ended.stderr + ended.stdout:
        again, ended = True, office.run("send", "--again")
    if ended.code == 0:
        assert point.step not in ("after send-begun", "before sent", "after sent")
        return again
    if point.step == "after sent":
        assert not office.todo()
        return again
    (todo,) = office.todo()
    assert "--resend" in ended.stderr and "--resend" in todo.remedy, ended.text
    office.run("inbox", "--wait", "1")  # the person looks for the acknowledgement first
    if point.step == "after send-begun":  # the mail had not left
        assert office.todo() == (todo,)
        office.run("send", *todo.remedy.split("tournee send ")[1].split())
    office.run("inbox", "--wait", "30")
    office.wait_returns(0)
    return again


def _taken(office: Practice, numero: int | None) -> list[int]:
    """The files with which the funds took this invoice."""
    files = office.fund.checks["files"]
    return [f["number"] for f in files if numero in f["factures"] and numero not in f["duplicates"]]
