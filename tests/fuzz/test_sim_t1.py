"""A reader may send a T=1 card anything: it answers sound blocks or nothing, does nothing twice, and works after a reset."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tournee_sim.cards.core import Response
from tournee_sim.cards.t1 import BlockCard, BlockParameters, crc, lrc
from tournee_sim.cards.tpdu import parse_apdu
from tournee_sim.faults import CardFaults

BLOCKS = st.builds(
    lambda pcb, inf: bytes([0, pcb, len(inf)]) + inf,
    st.sampled_from([0x00, 0x20, 0x40, 0x60, 0x80, 0x90, 0x81, 0xC0, 0xC1, 0xC2, 0xE2, 0xE3]) | st.integers(0, 255),
    st.binary(max_size=12),
)
PIECES = st.lists(st.tuples(BLOCKS, st.booleans()) | st.tuples(st.binary(max_size=20), st.just(False)), max_size=12)


def feed(card: BlockCard, data: bytes) -> list[bytes]:
    return [b.data for byte in data for b in card.take(byte, block_guard_ms=1, bwt_ms=100)]


# ISO7816: t1-hostile
@settings(max_examples=300)
@given(PIECES, st.booleans())
def test_any_characters(pieces: list[tuple[bytes, bool]], with_crc: bool) -> None:
    edc, size = (crc, 2) if with_crc else (lrc, 1)
    commands: list[bytes] = []

    def execute(command: bytes) -> Response:
        commands.append(command)
        return Response(0x9000, command[:40])

    card = BlockCard(BlockParameters((1,), crc=with_crc), CardFaults(), execute)
    taken = 0
    for data, sealed in pieces:
        for block in feed(card, data + edc(data) if sealed else data):
            assert edc(block[:-size]) == block[-size:] and len(block) == 3 + block[2] + size
            assert block[2] <= card.ifsd
            taken += 1
    assert len(commands) <= taken + len(pieces)
    card.reset()
    commands.clear()
    block = bytes.fromhex("00000500B0000004")
    (answer,) = feed(card, block + edc(block))
    assert answer[3:-size] == block[3:] + b"\x90\x00" and commands == [block[3:]]


# ISO7816: apdu-cases
@given(st.binary(max_size=600))
def test_any_command_is_taken_apart_or_refused(apdu: bytes) -> None:
    command = parse_apdu(apdu)
    if command is not None:
        assert len(command.data) <= len(apdu) and apdu[:4] == bytes([command.cla, command.ins, command.p1, command.p2])
        assert command.le is None or 1 <= command.le <= 65536
