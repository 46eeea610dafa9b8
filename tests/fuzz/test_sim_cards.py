"""A reader may send anything: the card answers with a status word or stays silent, and works after a reset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sim_cards import PIN
from tournee_sim.cards.core import Card, Command
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.t0 import ByteCard
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.pki import Pki

INS = st.sampled_from(
    [0xA4, 0xB0, 0xC0, 0x20, 0x24, 0x2C, 0x22, 0x2A, 0x70, 0x84, 0x82, 0x88, 0xCB, 0x5A]
) | st.integers(0, 255)
CLA = st.sampled_from([0x00, 0x01, 0x10, 0x11, 0x80, 0xA0]) | st.integers(0, 255)
P1P2 = st.sampled_from(
    [(0x90, 0xA0), (0x9E, 0x9A), (0x80, 0x86), (0x00, 0xBE), (0x41, 0xB6), (0x3F, 0xFF), (0x09, 0x04)]
)
BYTE = st.integers(0, 255)
COMMANDS = st.builds(
    lambda cla, ins, p, data, le: Command(cla, ins, p[0], p[1], data, le),
    CLA,
    INS,
    P1P2 | st.tuples(BYTE, BYTE),
    st.binary(max_size=255),
    st.none() | st.integers(1, 256),
)


@pytest.fixture(scope="module", params=["cps-medecin", "cps4", "vitale-famille", "carte-inconnue"])
def make(request: pytest.FixtureRequest, keys: Path) -> Callable[[], Card]:
    """A card as if new; made once, because reading its keys is what takes time."""
    card = make_card(request.param, pki=Pki(keys), pin=PIN)
    fresh = card.memory.snapshot()

    def again() -> Card:
        card.memory.store(**dict.fromkeys(card.memory.snapshot(), 0) | fresh)
        card.reset()
        return card

    return again


@settings(max_examples=150)
@given(st.lists(COMMANDS, max_size=8))
def test_any_commands_get_a_status_word(make: Callable[[], Card], commands: list[Command]) -> None:
    card = make()
    card.reset()
    for command in commands:
        answer = card.execute(command)
        assert 0x6000 <= answer.sw <= 0x9FFF
        assert not answer.data or answer.sw in (0x9000, 0x6282)
    assert card.memory["sign"] == card.memory["auth"] == 0  # nothing is signed without the code porteur


@settings(max_examples=150)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12))
def test_any_bytes_leave_a_card_that_works_after_a_reset(make: Callable[[], Card], pieces: list[bytes]) -> None:
    byte_card = ByteCard(TpduCard(make()))
    byte_card.vcc(1)
    list(byte_card.rst(1))
    for piece in pieces:
        for emission in byte_card.receive(piece):
            assert emission.data
            assert emission.wait_ms >= 0
    byte_card.vcc(0)
    byte_card.vcc(1)
    byte_card.etu(372, 1)
    (atr,) = byte_card.rst(1)
    assert atr.data == byte_card.tpdu.card.atr


@given(st.binary(max_size=40))
def test_tpdu_level_takes_any_apdu(make: Callable[[], Card], apdu: bytes) -> None:
    answer = TpduCard(make()).apdu(apdu)
    assert len(answer) >= 2
    assert answer[-2] >> 4 in (6, 9)
