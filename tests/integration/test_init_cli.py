"""`tournee init` and `tournee terminal use` against the real firmware: asks nothing that a card holds, remembers, may be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tournee.cli.app import tree
from tournee.cli.errors import run_guarded

MAIL = ("--address", "ps@ps.test", "--smtp", "127.0.0.1:2525", "--pop3", "127.0.0.1:2110", "--security", "none")


class Desk:
    """One practitioner's computer with a terminal; commands as typed, answers as printed."""

    def __init__(self, home: Path, board: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.board, self._capsys = home, board, capsys

    def run(self, *argv: str) -> tuple[int, str, str]:
        code = run_guarded(tree, list(argv))
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *argv: str) -> Any:
        code, out, err = self.run(*argv, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def desk(
    terminals: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    home = tmp_path / "home"
    monkeypatch.setenv("TOURNEE_HOME", str(home))
    monkeypatch.setenv("TOURNEE_PASSPHRASE", "une phrase de test")
    monkeypatch.setenv("COLUMNS", "120")
    board = terminals(cps="cps-medecin", vitale="vitale-famille", link="tcp", auto_pin=True)
    made = Desk(home, board, capsys)
    assert made.run("terminal", "use", board.url)[0] == 0
    yield made


def test_the_terminal_is_remembered(desk: Desk) -> None:
    assert desk.run("terminal", "use")[1].strip() == desk.board.url
    assert desk.json("terminal", "info")["board"] == "UNIX"


def test_what_the_card_holds_is_not_asked(desk: Desk) -> None:
    done = desk.json("init", "--situation", "1", *MAIL)
    assert (done["specialite"], done["via"], done["facture_next"]) == ("01", "direct", 1)
    assert done["simulation"] is True
    assert desk.json("bill", "list")["bills"] == []


def test_several_situations_must_be_chosen_from(desk: Desk) -> None:
    code, _, err = desk.run("init", *MAIL)
    assert code == 2 and "--situation" in err and "1, 2" in err
    assert desk.run("init", "--situation", "7", *MAIL)[0] == 2
    assert desk.json("init", "--situation", "2", *MAIL)["situation"] == "02"


def test_a_person_chooses_by_number(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tournee.cli.init.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    done: Result = CliRunner().invoke(
        tree, ["init", *MAIL, "--destinations", str(_directory(desk.home))], input="2\n\n"
    )
    assert done.exit_code == 0, done.output
    assert "situation 02" in done.output


def test_it_may_be_repeated_and_keeps_what_was_not_given(desk: Desk) -> None:
    desk.json("init", "--situation", "1", *MAIL, "--range", "100-199")
    again = desk.json("init", "--situation", "1", "--security", "none")
    assert again["facture_next"] == 100
    code, _, err = desk.run("init", "--situation", "1", *MAIL, "--range", "9-1")
    assert code == 2 and "--range" in err


def test_an_oct_once_chosen_stays_until_it_is_taken_back(desk: Desk) -> None:
    certificate = _directory(desk.home, "-----BEGIN CERTIFICATE-----\n")
    via_oct = ("--oct", "oct@oct.test", "--oct-numero", "123456789", "--oct-certificate", str(certificate))
    given = [
        desk.json("init", "--situation", "1", *MAIL, *via_oct),
        desk.json("init", "--situation", "1", "--address", "new@ps.test"),
        desk.json("init", "--situation", "1", "--oct", ""),
    ]
    assert [done["via"] for done in given] == ["oct", "oct", "direct"]


def test_what_cannot_be_is_told_with_its_remedy(desk: Desk) -> None:
    for options in (
        ("--smtp", "nowhere"),
        ("--oct", "oct@oct.test"),
        ("--destinations", str(_directory(desk.home, '{"version": 9}'))),
    ):
        code, _, err = desk.run("init", "--situation", "1", *MAIL, *options)
        assert code == 2 and err.count("→") == 1, (options, err)
    assert desk.run("bill", "list")[0] == 0


def test_before_init_every_command_says_what_to_do(desk: Desk) -> None:
    for command in (("bill", "list"), ("status",), ("send",), ("inbox",), ("bill", "new")):
        code, _, err = desk.run(*command)
        assert code == 2 and "tournee init" in err, (command, err)


def test_another_practitioners_card_is_refused(desk: Desk) -> None:
    desk.json("init", "--situation", "1", *MAIL)
    desk.board.pull(0)
    desk.board.insert(0, "cps-infirmiere")
    code, _, err = desk.run("bill", "new")
    assert code == 4 and "CPS" in err and err.count("→") == 1


def test_the_pin_is_asked_once_for_all_commands(desk: Desk) -> None:
    desk.json("init", "--situation", "1", *MAIL)
    desk.json("read", "cps")
    desk.json("read", "vitale")
    assert desk.board.counters()["cards"][0]["verify"] == 1
    desk.run("terminal", "lock")
    desk.json("read", "cps")
    assert desk.board.counters()["cards"][0]["verify"] == 2


def test_nothing_but_the_owner_reads_the_home(desk: Desk) -> None:
    desk.json("init", "--situation", "1", *MAIL)
    assert desk.home.stat().st_mode & 0o077 == 0
    for name in ("key.json", "journal.db", "terminal-session"):
        assert (desk.home / name).stat().st_mode & 0o077 == 0, name


def _directory(folder: Path, text: str = '{"version": 1, "destinations": []}') -> Path:
    path = folder.parent / "destinations.json"
    path.write_text(text)
    return path
