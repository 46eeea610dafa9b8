"""What the firmware costs on the Cortex-M3: counted instructions, which repeat, and the heap. The figures: `make bench AREA=firmware`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.tools import cortex
from tests.tools import qemu as images

pytestmark = [pytest.mark.xdist_group("qemu"), pytest.mark.timeout(900)]  # the first builds the image
APDUS = 10_000 if os.environ.get("TOURNEE_SOAK") else 300


def guest(image: Path, script: str, before: str = "", *, counting: bool) -> Any:
    text = cortex.RIG.read_text("utf-8") + before + cortex.RIG.with_name(script).read_text("utf-8")
    return cortex.run(image, text, counting=counting)


def test_work_per_card_byte_is_within_its_limits_and_repeats() -> None:
    first, again = (guest(images.image(), "work.py", counting=True) for _ in range(2))
    assert first == again
    assert first["block"] <= 750
    assert first["single"] <= 2_800


def test_an_apdu_and_a_frame_are_within_their_limits() -> None:
    found = guest(images.image(), "work.py", counting=True)
    assert found["apdu"] <= 195_000
    assert found["frame"] <= 25_000


def test_the_heap_stays_in_one_piece_and_does_not_grow() -> None:
    found = guest(images.image(), "heap.py", f"APDUS = {APDUS}\n", counting=False)
    assert found["in_step"]
    assert found["apdus"] == APDUS
    assert found["grown"] <= 64
    assert found["largest"] >= 16 * 1024


def test_a_text_that_fails_says_where() -> None:
    with pytest.raises(cortex.GuestError, match="ZeroDivisionError"):
        cortex.run(images.image(), "print(1 // 0)", counting=False)
