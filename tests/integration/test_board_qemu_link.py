"""At most once on a Cortex-M3: the suite of the board `unix` again, with the fixture `config` of this file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import test_firmware_link as link
from tests.integration.test_firmware_link import (  # noqa: F401
    test_a_pin_try_is_made_once_with_the_link_cut_at_every_byte,
    test_a_restarted_terminal_has_another_boot_id_and_the_try_is_unknown,
    test_a_terminal_that_dies_after_the_signature_makes_it_unknown_never_twice,
    test_two_boots_never_share_an_id,
)
from tests.tools import qemu as images
from tournee_sim.boards.qemu import IMAGE_VARIABLE
from tournee_sim.boards.unix import BoardConfig

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image


@pytest.fixture
def config(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardConfig:
    monkeypatch.setenv(IMAGE_VARIABLE, str(images.image()))
    return BoardConfig(keys=keys, state=tmp_path / "state", vitale=None, auto_pin=True, seed=1, board="qemu")


def test_a_signature_is_made_once_with_its_request_cut_at_every_byte(config: BoardConfig) -> None:
    """The answer, cut at every byte, is that of the board `unix` alone: eleven times as many exchanges."""
    link.test_a_signature_is_made_once_with_the_link_cut_at_every_byte(config, "to_board", link.SIGN_REQUEST_BYTES)
