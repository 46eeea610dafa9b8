"""`tournee demo --board qemu`: the whole visit with the firmware on a Cortex-M3, over a serial line."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Play
from tests.tools import qemu as images
from tournee_sim.pytest_plugin import need

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image


def test_the_visit_on_the_cortex_m3_is_paid(play: Play) -> None:
    need("tty")
    images.image()
    played = play("--board", "qemu", "--link", "serial")
    s = played.summary
    assert (played.code, s["status"], s["board"], s["link"]) == (0, "paid", "qemu", "serial"), played.text
    assert s["apdus"] > 100
    assert s["micropython"]
