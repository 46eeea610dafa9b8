"""The host's `pcsc:` transport and what PC/SC calls its readers. The card tests of both transports: test_terminal_cards.py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.pcscd import VPCD, Place, Places
from tournee.cards.adapters.pcsc import WARNING
from tournee.cards.errors import WrongPin
from tournee.link.errors import LinkUnavailable
from tournee_sim.pytest_plugin import need


@pytest.fixture
def place(terminals: Callable[..., Any], keys: Path, tmp_path: Path) -> Iterator[Place]:
    """A virtual reader of two slots, without a terminal."""
    need("pyscard")
    with contextlib.ExitStack() as stack:
        found = Places(stack, terminals, keys, tmp_path)(VPCD)
        found.daemon.open_here()
        yield found


def test_the_pin_is_asked_on_this_computer_with_a_warning(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tournee

    typed = ["12a4", "0000"]
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))
    with tournee.open("pcsc:Tournee") as desk:
        with pytest.raises(WrongPin, match="code faux, il reste 2 essais"):
            desk.open_cps()
        assert WARNING in capsys.readouterr().err
        typed.append("4711")
        assert desk.open_cps().situations
        desk.patient_rights()
        assert not typed, "the PIN is asked once"


def test_names_of_readers_and_a_name_that_is_none(place: Place) -> None:
    import tournee

    with pytest.raises(LinkUnavailable, match="Tournee SIMULATION"):
        tournee.open("pcsc:Nobody")
    with tournee.open("pcsc:") as desk:
        assert desk.info().board == "PC/SC"
        assert len(desk.slots()) == 2


def test_no_daemon_says_what_to_do(place: Place) -> None:
    import tournee

    place.daemon.close()
    with pytest.raises(LinkUnavailable, match="PC/SC ne répond pas"):
        tournee.open("pcsc:Tournee")
