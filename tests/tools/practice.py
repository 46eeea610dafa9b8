"""A practice for end-to-end tests: the real firmware with two cards, funds in a process of their own, and the public commands."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.tools.forked import Commands, Ended, Kill
from tests.tools.funds import TODAY, Fund, running_fund
from tests.unit.practice_fakes import FixedClock
from tournee.practice.dossier import Dossier, load, load_all
from tournee.practice.status import Todo, look
from tournee.store import keys as keys_of_journal
from tournee.store.journal import SqlJournal
from tournee.transmit.adapters.mailbox import AccountMailbox
from tournee_sim.boards.thread import ThreadedBoard
from tournee_sim.boards.unix import BoardConfig
from tournee_sim.pytest_plugin import need

HOME_VISIT = {
    "nature_assurance": "maladie",
    "accident_tiers": False,
    "lieu": "domicile",
    "actes": "VG",
    "deplacement": "MD",
    "parcours": "T",
    "tiers_payant": "amo",
}
ADDRESS = "praticien@medecin.sante.test"
PASSPHRASE = "a phrase of tests only"
RETURNS = 3
"""ARL, NOEMIE 580, NOEMIE 576."""


@dataclass
class Practice:
    """`run` is a person's command line; everything it may not do by itself (cards, keypad, power) is `board`."""

    folder: Path
    board: ThreadedBoard
    fund: Fund
    commands: Commands
    environment: dict[str, str]
    pin: str
    _answers: int = 0
    _key: bytes | None = field(default=None, repr=False)

    def run(self, *argv: str, ok: Sequence[int] | None = (0,), kill: Kill | None = None, **environment: str) -> Ended:
        """One command; its exit code must be in `ok` unless that is None, or it was to be killed."""
        ended = self.commands.run(*argv, kill=kill, **environment)
        assert ok is None or kill is not None or ended.code in ok, ended.text
        assert "Traceback" not in ended.stderr and "Erreur interne" not in ended.stderr, ended.text
        return ended

    def answers(self, beneficiaire: int = 1, **answers: Any) -> str:
        """File of a home visit's answers."""
        self._answers += 1
        path = self.folder / f"answers-{self._answers}.json"
        path.write_text(json.dumps({"beneficiaire": str(beneficiaire), **HOME_VISIT, **answers}), "utf-8")
        return str(path)

    def new_bill(self, **answers: Any) -> str:
        """Id of a valid bill."""
        bill: str = self.run("bill", "new", "--answers", self.answers(**answers), "--json").json["bill"]
        return bill

    @contextmanager
    def journal(self) -> Iterator[SqlJournal]:
        """The journal as it is, read without a command."""
        key = keys_of_journal.unlock(self.home / "key.json", PASSPHRASE) if self._key is None else self._key
        self._key = key
        journal = SqlJournal.at(self.home / "journal.db", key, FixedClock())
        try:
            yield journal
        finally:
            journal.close()

    def bills(self) -> list[Dossier]:
        """Oldest first."""
        with self.journal() as journal:
            return load_all(journal)

    def bill(self, wanted: str) -> Dossier:
        with self.journal() as journal:
            return load(journal, wanted)

    def todo(self) -> tuple[Todo, ...]:
        """What `tournee status` says that needs a person."""
        with self.journal() as journal:
            return look(journal, today=TODAY)[0].todo

    def init(self, *options: str) -> Ended:
        ready = self.fund.ready
        servers = [f"{ready[f'{p}_host']}:{ready[f'{p}_port']}" for p in ("smtp", "pop3")]
        given = ["--situation", "1", "--address", ADDRESS, "--smtp", servers[0], "--pop3", servers[1]]
        given += ["--security", "none", "--destinations", ready["destinations"], *options]
        return self.run("init", *given, "--json")

    def use(self, board: ThreadedBoard) -> None:
        self.board = board
        self.run("terminal", "use", board.url)

    def run_with_power_cut(self, after: int, *argv: str) -> tuple[Ended, bool]:
        """One command during which the terminal loses its power after so many messages and is switched on again; and whether it struck."""
        before = self.frames()
        self.board.fault("kill", after=after)
        back = self.board.restart_when_off()
        ended = self.run(*argv, ok=None)
        struck = self.frames() - before >= after
        if struck:
            back.result(60)
        else:
            self.board.clear_faults()
            back.cancel()
        return ended, struck

    def type_pin(self, pin: str) -> None:
        """What the fingers type from now on where a code is asked for."""
        self.board.board.pin = pin

    def fingers(self, present: bool) -> None:
        """Whether somebody answers the keypad by itself."""
        self.board.board.config = replace(self.board.board.config, auto_pin=present)

    def card(self, slot: int) -> dict[str, int]:
        """What the card in the slot has counted: verify, sign, auth, tries_left."""
        counted: dict[str, int] = self.board.counters()["cards"][slot]
        return counted

    def frames(self) -> int:
        """Messages on the link so far, both ways."""
        counters = self.board.counters()
        return int(counters["frames_to_host"]) + int(counters["frames_to_terminal"])

    def numbers(self) -> list[int]:
        """Invoice numbers of the journal, ascending."""
        return sorted(d.numero for d in self.bills() if d.numero is not None)

    def next_numbers(self) -> dict[str, int]:
        """Next number of each series."""
        with self.journal() as journal:
            return {series: first for series, (first, _) in journal.ranges().items()}

    def wait_returns(self, count: int = RETURNS) -> None:
        """Until the practitioner's mailbox holds so many mails; POP3 has no push."""
        deadline = time.monotonic() + 30
        with AccountMailbox(replace(self.fund.account, address=ADDRESS)) as mailbox:
            while len(held := mailbox.uids()) < count:
                assert time.monotonic() < deadline, held
                time.sleep(0.05)

    @property
    def home(self) -> Path:
        return Path(self.environment["TOURNEE_HOME"])


@contextmanager
def practice(folder: Path, keys: Path, *fund_options: str, **board: Any) -> Iterator[Practice]:
    """A set-up practice on the day of the tests; `board` are fields of `BoardConfig`."""
    need("micropython")
    pin = "4711"
    environment = {
        "TOURNEE_HOME": str(folder / "home"),
        "TOURNEE_PASSPHRASE": PASSPHRASE,
        "TOURNEE_TEST_KEYS": str(keys),
        "TOURNEE_DATE": TODAY.isoformat(),
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "120",
    }
    defaults: dict[str, Any] = {"keys": keys, "state": folder / "terminal", "pin": pin, "auto_pin": True}
    with (
        running_fund(folder / "funds", keys, *fund_options) as fund,
        ThreadedBoard(BoardConfig(**(defaults | board))) as terminal,
        Commands(folder / "commands", environment | {"TOURNEE_MAIL_PASSWORD": fund.ready["password"]}) as commands,
    ):
        made = Practice(folder, terminal, fund, commands, environment, pin)
        made.run("terminal", "use", terminal.url)
        made.init()
        yield made


def environment_of(made: Practice) -> dict[str, str]:
    """For a process that is not started by `Commands`."""
    return {**os.environ, **made.environment, "TOURNEE_MAIL_PASSWORD": made.fund.ready["password"]}
