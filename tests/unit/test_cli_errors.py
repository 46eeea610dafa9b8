"""What a command says when it fails: one line, one remedy, an exit code; nothing personal."""

from __future__ import annotations

import click
import pytest

from tournee.cli.errors import BUG, DEBUG_VARIABLE, USAGE, run_guarded
from tournee.errors import CardError


def _failing(error: BaseException) -> click.Command:
    @click.command()
    def fail() -> None:
        nir = "299999999999999"  # a local that a traceback with locals would print
        raise error if nir else AssertionError

    return fail


def test_a_bug_is_told_by_kind_and_place_without_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DEBUG_VARIABLE, raising=False)
    assert run_guarded(_failing(ValueError("MARTIN PAUL 299999999999999")), []) == BUG
    said = capsys.readouterr()
    assert not said.out
    assert "ValueError (test_cli_errors.py:" in said.err and "→" in said.err
    assert "MARTIN" not in said.err and "9999999" not in said.err and "Traceback" not in said.err


def test_a_bug_is_shown_whole_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    with pytest.raises(ValueError, match="detail"):
        run_guarded(_failing(ValueError("detail")), [])


def test_a_file_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(_failing(PermissionError(13, "Permission denied", "recu.pdf")), []) == USAGE
    assert "recu.pdf" in capsys.readouterr().err


def test_a_reader_that_left_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", None)  # run_guarded replaces it
        assert run_guarded(_failing(BrokenPipeError()), []) == 0
    assert not capsys.readouterr().err


def test_an_error_of_ours_says_its_remedy_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(_failing(CardError("Carte muette.", "Retournez-la.")), []) == CardError.exit_code
    assert capsys.readouterr().err == "Carte muette.\n→ Retournez-la.\n"
