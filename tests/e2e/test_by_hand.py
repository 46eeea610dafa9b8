"""V14, V18: the demo's visit typed again by hand, and a practitioner's day at the keyboard."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Played
from tests.tools.forked import Commands, Ended
from tests.tools.practice import Practice, environment_of, practice
from tests.tools.typist import Typist
from tournee.billing.lifecycle import State
from tournee.cli.bill import STATES
from tournee.cli.demo.stage import Stage

REFUSED, USAGE, CARD, INTERRUPTED = 3, 2, 4, 130


# The demo has no path of its own


class ByHand:
    """Types the commands that the demo has shown, with what differs from run to run put in its place."""

    def __init__(self, played: Played, folder: Path, keys: Path) -> None:
        day = played.json("bill.json")["life"][0]["at"][:10]
        environment = {
            "TOURNEE_HOME": str(folder / "home"),
            "TOURNEE_PASSPHRASE": "typed by hand",
            "TOURNEE_TEST_KEYS": str(keys),
            "TOURNEE_SIM_PIN": "2580",
            "TOURNEE_DATE": day,
            "PYTHONIOENCODING": "utf-8",
        }
        self.folder = folder
        self.stage = Stage(folder, environment)
        self.played = played
        self.instead = {str(played.out.resolve()): str(folder), str(played.out): str(folder)}
        (folder / "world").mkdir()
        self.commands = Commands(folder / "commands", environment)

    def start(self, line: str) -> dict[str, Any]:
        """A simulator in a window of its own; gives what it says of itself."""
        words = self.words(line)
        assert words[:2] == ["tournee", "sim"], line
        return self.stage.start(words[2], *words[2:])

    def type(self, line: str) -> Ended:
        words = self.words(line)
        assert words[0] == "tournee"
        if words[1] == "sim":
            done = self.stage.sim(*words[2:])
            return Ended(tuple(words), done.code, json.dumps(done.document), done.stderr)
        return self.commands.run(*words[1:], TOURNEE_MAIL_PASSWORD=self.stage.environment["TOURNEE_MAIL_PASSWORD"])

    def words(self, line: str) -> list[str]:
        for there, here in self.instead.items():
            line = line.replace(there, here)
        return shlex.split(line)

    def __enter__(self) -> ByHand:
        self.commands.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.commands.__exit__()
        self.stage.close()


def test_the_demos_visit_is_repeated_by_the_commands_it_has_shown(paid: Played, keys: Path, tmp_path: Path) -> None:
    """The same keys and the same day give the same file, byte by byte: nothing else made it."""
    script = paid.summary["commands"]
    fund_line, terminal_line, *lines = script
    assert all(shlex.split(line)[0] == "tournee" for line in script)
    shown = [line.strip().removeprefix("$ ") for line in paid.text.splitlines() if line.strip().startswith("$ ")]
    assert shown == script, "--show-commands prints them all"
    options = shlex.split(next(line for line in lines if line.startswith("tournee init")))
    used = shlex.split(next(line for line in lines if "terminal use" in line))[-1]
    demo_bill = shlex.split(next(line for line in lines if "bill sign" in line))[-1]
    person, everything = {"beneficiaire": "1"}, paid.out / "world" / "answers-1.json"
    with ByHand(paid, tmp_path, keys) as hand:
        mine = tmp_path / "world" / "answers-1.json"
        fund = hand.start(fund_line)
        hand.stage.environment["TOURNEE_MAIL_PASSWORD"] = fund["password"]
        for protocol in ("smtp", "pop3"):
            theirs = options[options.index(f"--{protocol}") + 1]
            hand.instead[theirs] = f"{fund[f'{protocol}_host']}:{fund[f'{protocol}_port']}"
        hand.instead[used] = hand.start(terminal_line)["url"]
        mine.write_text(json.dumps(person), "utf-8")
        codes = []
        for line in lines:
            if "--resume" in line:
                mine.write_bytes(everything.read_bytes())
            ended = hand.type(line)
            codes.append(ended.code)
            if "bill new" in line and "--resume" not in line:
                hand.instead[demo_bill] = _bill(ended)
        too_early = next(n for n, line in enumerate(lines) if "bill new" in line)
        assert lines[too_early + 1] == f"tournee bill sign {demo_bill}", "tried before the bill is complete"
        assert codes == [REFUSED if n - too_early in (0, 1) else 0 for n in range(len(lines))]
        sent = sorted((tmp_path / "world" / "sent").glob("*.b2"))
        assert [hashlib.sha256(p.read_bytes()).hexdigest() for p in sent] == [paid.summary["lot_sha256"]]
        assert "payée" in hand.type(f"tournee bill show {demo_bill}").stdout
        assert (tmp_path / "receipt.pdf").read_bytes().startswith(b"%PDF")
        assert len(list((tmp_path / "returns").glob("*.eml"))) == 3


def _bill(ended: Ended) -> str:
    found = re.search(r"Facture ([0-9a-f]{10})", ended.stdout)
    assert found, ended.text
    return found[1]


# At the keyboard


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Practice]:
    """The funds of this practice reject what comes."""
    with practice(tmp_path_factory.mktemp("by-hand"), keys, "--outcome", "rejected") as made:
        yield made


def typist(office: Practice, *argv: str) -> Typist:
    return Typist([sys.executable, "-m", "tournee.cli", *argv], environment_of(office))


def test_a_bill_by_the_questions(office: Practice) -> None:
    with typist(office, "bill", "new") as person:
        assert "5  MARIE-FRANCOISE" in person.answer("Pour qui", "1")
        person.answer("Nature d'assurance", "")
        person.answer("accident causé par un tiers", "?")
        person.expect("jamais préremplie")
        person.answer("oui/non", "peut-être")
        person.expect("→")
        person.answer("oui/non", "non")
        person.answer("Lieu des soins", "1")
        person.answer("Actes réalisés", "XYZ 9")
        person.expect("→")
        person.answer("code", "VG")
        person.answer("justifié médicalement", "b")
        person.answer("Actes réalisés", "1")
        person.answer("justifié médicalement", "MD")
        assert "VG + MD  40,00 €" in person.answer("Parcours", "t")
        person.answer("Tiers payant", "2")
        person.expect("VG + MD  40,00 € = 28,00 € AMO + 12,00 € patient")
        assert person.end() == 0
        assert "Suite : tournee bill sign" in person.shown
    (bill,) = office.bills()
    assert bill.state is State.DRAFT and bill.bill.answers["accident_tiers"].value is False
    office.run("bill", "cancel", bill.id, "--reason", "essai")


def test_ctrl_c_keeps_the_draft_and_it_is_taken_up_again(office: Practice) -> None:
    with typist(office, "bill", "new") as person:
        person.answer("Pour qui", "2")
        person.answer("Nature d'assurance", "")
        person.answer("accident causé par un tiers", "non")
        person.expect("Lieu des soins")
        person.expect("> ")
        person.interrupt("Brouillon gardé. Pour le reprendre : ")
        command = person.expect("\n").split()
        assert person.end() == INTERRUPTED
        assert "Traceback" not in person.shown
    assert office.run("status", "--json").json["to_complete"] == [command[-1]]
    too_early = office.run("bill", "sign", command[-1], ok=(REFUSED,)).stderr
    assert "incomplète : « Lieu des soins »" in too_early and f"--resume {command[-1]}" in too_early
    with typist(office, *command[1:]) as person:
        first = person.answer("Lieu des soins", "domicile")
        assert "Pour qui" not in first and "accident" not in first, "what was answered is not asked again"
        person.answer("Actes réalisés", "VG")
        person.answer("justifié médicalement", "2")
        person.answer("Parcours", "T")
        person.answer("Tiers payant", "1")
        assert person.end() == 0
    made = office.bill(command[-1])
    assert [act.code for act in made.bill.acts] == ["VG"]
    office.run("bill", "cancel", made.id)


def test_a_day_from_the_bill_to_its_correction(office: Practice) -> None:
    bill = office.new_bill()
    assert "prête à signer" in office.run("bill", "list").stdout
    shown = office.run("bill", "show", bill).stdout
    assert "40,00 €" in shown and "28,00 €" in shown and "70 %" in shown
    assert "taux:medecin" in office.run("bill", "why", bill, "2").stdout
    assert "La facture a 2 lignes" in office.run("bill", "why", bill, "9", ok=(USAGE,)).stderr
    assert "À signer" in office.run("status").stdout
    office.run("bill", "sign", bill)
    assert "À envoyer" in office.run("status").stdout
    assert "envoyé" in office.run("send").stdout
    waiting = office.run("status").stdout
    assert "En attente" in waiting and "agir le" in waiting
    assert "déjà partie" in office.run("bill", "cancel", bill, ok=(REFUSED,)).stderr
    inbox = office.run("inbox", "--wait", "60", ok=(REFUSED,)).stdout
    assert "rejetée" in inbox and "0250-050" in inbox and "→" in inbox
    assert "Demande quelqu'un" in office.run("status").stdout
    assert "--reason" in office.run("bill", "cancel", bill, ok=(REFUSED,)).stderr
    card = office.board.pull(1)
    assert "Insérez" in office.run("bill", "correct", bill, ok=(CARD,)).stderr
    assert office.bill(bill).state is State.REJECTED, "nothing is marked before the card is read"
    office.board.insert(1, card)

    with typist(office, "bill", "correct", bill) as person:
        answers = person.expect("Changer une réponse")
        number = re.search(r"(\d+)  Parcours de soins : T · Médecin traitant", answers)
        assert number, answers
        person.answer("Entrée : non", number[1])
        person.answer("Parcours de soins", "U")
        assert "U · Urgence" in person.answer("Changer une réponse", "")
        assert person.end() == 0
    corrected, new = office.bill(bill), office.bills()[-1]
    assert corrected.state is State.CORRECTED
    assert (new.bill.corrects, new.bill.corrects_numero) == (bill, corrected.numero)
    assert "seule une facture rejetée se corrige" in office.run("bill", "correct", bill, ok=(REFUSED,)).stderr
    office.run("bill", "sign", new.id)
    assert office.bill(new.id).numero == (corrected.numero or 0) + 1
    office.run("send")
    office.run("inbox", "--wait", "60", ok=(REFUSED,))
    assert not office.run("bill", "list", "--state", "sent", "--json").json["bills"]
    office.run("bill", "cancel", new.id, "--reason", "soins offerts")
    assert office.bill(new.id).state is State.CANCELLED and new.id not in office.run("status").stdout


def test_every_state_can_be_listed() -> None:
    assert tuple(State) == STATES


def test_what_there_is_nothing_of_is_said(office: Practice) -> None:
    assert "Aucun retour" in office.run("inbox").stdout
    assert "Aucune facture dans cet état" in office.run("bill", "list", "--state", "acknowledged").stdout
    assert "tournee bill list" in office.run("bill", "show", "zz", ok=(USAGE,)).stderr
    assert "rejected" in office.run("bill", "list", "--state", "foo", ok=(USAGE,)).stderr


def test_init_again_keeps_numbers_and_bills(office: Practice) -> None:
    bills, numbers = [d.id for d in office.bills()], office.next_numbers()
    again = office.init().json
    assert again["facture_next"] == numbers["facture"]
    assert ([d.id for d in office.bills()], office.next_numbers()) == (bills, numbers)


def test_the_doctor_finds_nothing_wrong_offline(office: Practice) -> None:
    ended = office.run("doctor", "--offline", "--json")
    assert ended.json["failed"] == 0
    assert {c["check"]: c["verdict"] for c in ended.json["checks"]}["journal"] == "OK"
