"""The use cases against real funds: sign, send by SMTP, take the returns by POP3; keys stand for the cards, the rest is real."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools.funds import Cards as Keys
from tests.tools.funds import Fund, running_fund
from tests.unit.practice_fakes import (
    CABINET,
    Cards,
    CountingRandom,
    FixedClock,
    Killed,
    MemoryJournal,
    home_visit,
    rights,
)
from tournee.billing.lifecycle import State
from tournee.cards.model import CpsCard, VitaleCard
from tournee.cli.ports import CmsSealer
from tournee.practice import drafts
from tournee.practice.dossier import load_all
from tournee.practice.returns import Taken, take_returns
from tournee.practice.send import Result, Sender
from tournee.practice.sign import sign
from tournee.signing.adapters.verify import verify
from tournee.transmit.adapters.mailbox import AccountMailbox
from tournee.transmit.errors import MailRefused
from tournee_sim.pki import Pki


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


class RealKeys(Cards):
    """The two cards of the fakes, with the keys and certificates of the test CA."""

    def __init__(self, keys: Path) -> None:
        super().__init__()
        self._keys = Keys(Pki(keys))

    async def practitioner(self) -> CpsCard:
        cps = self._keys.cps
        card = await super().practitioner()
        return replace(card, certificat_signature=cps.sign.der, certificat_authentification=cps.auth.der)

    async def patient(self) -> VitaleCard:
        return replace(await super().patient(), certificat=self._keys.vitale.der)

    def _made(self, what: str, message: bytes) -> bytes:
        super()._made(what, message)
        if what == "auth":
            return self._keys.authenticate(message)
        return self._keys.sign("C" if what == "cps" else "V", message).value


class Practice:
    """One practitioner's computer, its journal in memory."""

    def __init__(self, keys: Path) -> None:
        self.journal, self.cards, self.random = MemoryJournal(), RealKeys(keys), CountingRandom()

    def draft(self, *funds: tuple[str, str]) -> None:
        for number, (regime, caisse) in enumerate(funds, 1):
            owner = rights(regime, caisse)
            drafts.save(self.journal, home_visit(f"{number:02d}aa", owner), owner)

    def sign_all(self, fund: Fund) -> None:
        for dossier in load_all(self.journal):
            asyncio.run(sign(self.journal, self.cards, cabinet(fund), dossier.id, clock=FixedClock(), verify=verify))

    def sender(self, fund: Fund) -> Sender:
        box = AccountMailbox(cabinet(fund).account)
        return Sender(self.journal, self.cards, CmsSealer(), box, cabinet(fund), FixedClock(), self.random, verify)

    def send(self, fund: Fund) -> list[Result]:
        return asyncio.run(self.sender(fund).send())

    def collect(self, fund: Fund) -> list[Taken]:
        with AccountMailbox(fund.account) as box:
            return take_returns(self.journal, box)

    @property
    def states(self) -> list[State]:
        return [d.state for d in load_all(self.journal)]


def cabinet(fund: Fund):  # type: ignore[no-untyped-def]
    return replace(CABINET, account=fund.account, directory_json=Path(fund.ready["destinations"]).read_text())


def waiting(fund: Fund) -> int:
    with AccountMailbox(fund.account) as box:
        return len(box.uids())


@pytest.fixture
def fund(tmp_path: Path, keys: Path, request: pytest.FixtureRequest) -> Iterator[Fund]:
    with running_fund(tmp_path / "fund", keys, *getattr(request, "param", ())) as running:
        yield running


def ready(keys: Path, fund: Fund, *funds: tuple[str, str]) -> Practice:
    practice = Practice(keys)
    practice.draft(*(funds or (("01", "991"),)))
    practice.sign_all(fund)
    return practice


def test_a_visit_is_paid(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    assert [r.error for r in practice.send(fund)] == [None]
    assert fund.checks["ok"], [c for f in fund.checks["files"] for c in f["checks"] if not c["ok"]]
    taken = practice.collect(fund)
    assert [t.reference for t in taken] == ["ARL", "580", "576"] and practice.states == [State.PAID]
    assert [t.remarks for t in taken] == [()] * 3
    assert waiting(fund) == 0 and practice.collect(fund) == []


def test_two_funds_are_paid_by_two_files(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund, ("01", "991"), ("02", "992"), ("01", "991"), ("02", "992"), ("01", "991"))
    assert [r.error for r in practice.send(fund)] == [None, None]
    assert [(f["fund"], f["ok"], len(f["factures"])) for f in fund.checks["files"]] == [
        ("01991", True, 3),
        ("02992", True, 2),
    ]
    practice.collect(fund)
    assert practice.states == [State.PAID] * 5


@pytest.mark.parametrize("fund", [("--outcome", "rejected")], indirect=True)
def test_a_rejected_visit_says_why_and_what_to_do(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    practice.send(fund)
    practice.collect(fund)
    (dossier,) = load_all(practice.journal)
    assert dossier.state is State.REJECTED
    (rejet,) = dossier.outcome["rejets"]
    assert rejet["code"] == "0250-050" and rejet["a_faire"].startswith("Vérifiez la caisse") and rejet["renvoyer"]


@pytest.mark.parametrize("fund", [("--outcome", "partial")], indirect=True)
def test_a_partly_paid_visit_explains_the_difference(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    practice.send(fund)
    practice.collect(fund)
    (dossier,) = load_all(practice.journal)
    assert dossier.state is State.PARTLY_PAID
    assert (dossier.outcome["demande_cents"], dossier.outcome["paye_cents"]) == (2800, 2100)
    assert dossier.outcome["rejets"][0]["libelle"] == "MAJORATION DE DEPLACEMENT NON JUSTIFIEE"


@pytest.mark.parametrize("fund", [("--outcome", "lost-arl")], indirect=True)
def test_without_an_arl_the_visit_waits_and_may_be_sent_again(fund: Fund, keys: Path, tmp_path: Path) -> None:
    practice = ready(keys, fund)
    practice.send(fund)
    assert practice.collect(fund) == [] and practice.states == [State.SENT]
    fund.process.terminate()
    fund.process.wait(timeout=20)
    with running_fund(tmp_path / "fund", keys) as again:
        assert [r.error for r in practice.sender(again).resend(None)] == [None]
        practice.collect(again)
    assert practice.states == [State.PAID]


def test_a_fund_that_died_after_the_mail_leaves_nothing_twice(keys: Path, tmp_path: Path) -> None:
    with running_fund(tmp_path / "fund", keys, "--fault", "die-after-keeping") as dying:
        practice = ready(keys, dying)
        (result,) = practice.send(dying)
        assert result.file.outcome == "unknown"
    with running_fund(tmp_path / "fund", keys) as again:
        practice.sender(again).resend(None)
        assert [t.reference for t in practice.collect(again)] == ["ARL", "580", "576", "ARL", "580"]
    (dossier,) = load_all(practice.journal)
    assert dossier.state is State.PAID and len(practice.cards.signed) == 4  # two invoice signatures, lot, envelope


@pytest.mark.parametrize("fund", [("--fault", "return-twice")], indirect=True)
def test_a_return_that_comes_twice_counts_once(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    practice.send(fund)
    taken = practice.collect(fund)
    assert [t.duplicate for t in taken] == [False, True] * 3 and waiting(fund) == 0
    assert practice.states == [State.PAID]
    steps = [e.step for e in practice.journal.entries(prefix="bill:")]
    assert steps.count("paid") == steps.count("acknowledged") == 1


def test_a_refused_connection_keeps_the_file_and_signs_nothing_again(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    nowhere = Fund(fund.process, {**fund.ready, "smtp_port": 1})
    (result,) = practice.send(nowhere)
    assert isinstance(result.error, MailRefused) and result.file.outcome == "refused"
    signed = len(practice.cards.signed)
    assert [r.error for r in practice.send(fund)] == [None] and len(practice.cards.signed) == signed
    practice.collect(fund)
    assert practice.states == [State.PAID]


def test_a_return_is_deleted_only_after_it_is_journaled(fund: Fund, keys: Path) -> None:
    """Killed at every write while the returns are taken: each is matched once, and none leaves the mailbox unjournaled."""
    practice = ready(keys, fund)
    practice.send(fund)
    kills, before = 0, 3
    while before:
        practice.journal.left, practice.journal.kill_after_write = 1, kills % 2 == 1
        try:
            practice.collect(fund)
        except Killed:
            kills += 1
        journaled = {e.subject for e in practice.journal.entries(prefix="return:") if e.step == "received"}
        now = waiting(fund)
        assert now >= 3 - len(journaled) and kills < 60
        before = now
    practice.journal.left = None
    practice.collect(fund)
    assert practice.states == [State.PAID] and kills >= 3
    matched = [e.subject for e in practice.journal.entries(prefix="return:") if e.step == "matched"]
    assert len(matched) == len(set(matched)) == 3


def test_the_decrypted_file_is_what_was_journaled(fund: Fund, keys: Path) -> None:
    practice = ready(keys, fund)
    practice.send(fund)
    report = fund.checks["files"][0]
    content = next(e.data["content"] for e in practice.journal.entries(prefix="file:") if e.step == "content")
    kept = (Path(fund.ready["directory"]) / "fund" / report["file"]).read_bytes()
    assert kept == base64.b64decode(content) and len(kept) % 128 == 0
    assert json.dumps(fund.checks).count("1700199999001") == 0
