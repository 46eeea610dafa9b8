"""T=1 on the card's side, block by block; the bytes here are typed by hand from ISO 7816-3 §11."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sim_cards import PIN
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.t0 import ByteCard
from tournee_sim.cards.t1 import BlockParameters, crc
from tournee_sim.cards.tpdu import TpduCard, parse_apdu
from tournee_sim.faults import parse
from tournee_sim.pki import Pki


def card(keys: Path, card_id: str = "generic-t1") -> ByteCard:
    byte_card = ByteCard(TpduCard(make_card(card_id, pki=Pki(keys), pin=PIN)))
    byte_card.vcc(1)
    byte_card.etu(372, 1)
    list(byte_card.rst(0))
    list(byte_card.rst(1))
    return byte_card


def says(byte_card: ByteCard, data: str) -> str:
    return b"".join(e.data for e in byte_card.receive(bytes.fromhex(data))).hex(" ").upper()


def sealed(data: str) -> str:
    """With its LRC."""
    block = bytes.fromhex(data)
    check = 0
    for byte in block:
        check ^= byte
    return (block + bytes([check])).hex(" ").upper()


@pytest.fixture
def t1(keys: Path) -> ByteCard:
    return card(keys)


SELECT = "00 A4 00 0C 02 01 02"
READ = "00 B0 00 00 04"


# ISO7816: atr-t1 t1-times
def test_parameters_from_the_atr(t1: ByteCard, keys: Path) -> None:
    assert t1.parameters == BlockParameters((1,), 254, 5, 1, False)
    assert card(keys, "generic-t1-crc").parameters == BlockParameters((1,), 32, 5, 1, True)
    assert card(keys, "generic-t0t1").parameters == BlockParameters((0, 1), 254, 5, 1, False)
    assert card(keys, "cps-medecin").parameters == BlockParameters((0,))
    assert round(t1.block_waiting_time_ms) == 180  # 2^1 · 960 · 372 / 4 MHz + 11 etu


# ISO7816: t1-i t1-ifs
def test_select_and_read(t1: ByteCard) -> None:
    assert says(t1, "00 C1 01 FE 3E") == "00 E1 01 FE 1E"
    assert says(t1, sealed("00 00 07" + SELECT)) == "00 00 02 90 00 92"
    assert says(t1, sealed("00 40 05" + READ)) == sealed("00 40 06 01 02 03 04 90 00")


# ISO7816: t1-edc
def test_crc_instead_of_lrc(keys: Path) -> None:
    t1 = card(keys, "generic-t1-crc")
    assert crc(bytes.fromhex("00C101FE")) == b"\x54\x4e"  # captured [OsEID, doc/T1_CRC.txt]
    block = bytes.fromhex("00 00 07" + SELECT)
    answer = bytes.fromhex("00 00 02 90 00")
    assert says(t1, (block + crc(block)).hex()) == (answer + crc(answer)).hex(" ").upper()


# ISO7816: t1-chain
def test_chains_both_ways(t1: ByteCard) -> None:
    says(t1, sealed("00 00 07" + SELECT))
    assert says(t1, sealed("00 60 03 00 B0 00")) == sealed("00 80 00")  # M, N(S) 1: wants 0
    assert says(t1, sealed("00 00 02 00 04")) == sealed("00 40 06 01 02 03 04 90 00")
    says(t1, sealed("00 C1 01 04"))
    assert says(t1, sealed("00 40 05" + READ)) == sealed("00 20 04 01 02 03 04")
    assert says(t1, sealed("00 90 00")) == sealed("00 40 02 90 00")


# ISO7816: t1-r t1-edc
def test_damaged_blocks_and_repetition(t1: ByteCard) -> None:
    good = sealed("00 00 07" + SELECT)
    assert says(t1, good[:-2] + "00") == sealed("00 81 00")
    assert says(t1, good) == sealed("00 00 02 90 00")
    assert says(t1, sealed("00 80 00")) == sealed("00 00 02 90 00")  # lost: again, and not run again
    assert says(t1, good) == sealed("00 92 00")  # number out of turn


# ISO7816: t1-resynch t1-abort t1-ifs
def test_resynch_abort_and_ifs(t1: ByteCard) -> None:
    says(t1, sealed("00 00 07" + SELECT))
    assert says(t1, sealed("00 C0 00")) == sealed("00 E0 00")
    assert says(t1, sealed("00 00 07" + SELECT)) == sealed("00 00 02 90 00")
    assert says(t1, sealed("00 C2 00")) == sealed("00 E2 00")
    assert says(t1, sealed("00 C1 01 00")) == sealed("00 92 00")


# ISO7816: t1-wtx
def test_more_time(t1: ByteCard) -> None:
    t1.faults.arm(parse("wtx", count=1))
    assert says(t1, sealed("00 00 07" + SELECT)) == sealed("00 C3 01 01")
    assert says(t1, sealed("00 E3 01 01")) == sealed("00 00 02 90 00")


# ISO7816: act-select pps-echo
def test_pps_chooses_between_the_two(keys: Path) -> None:
    both = card(keys, "generic-t0t1")
    assert says(both, "00 A4 00 0C 02") == "A4"  # T=0 without a PPS
    both = card(keys, "generic-t0t1")
    assert says(both, "FF 11 13 FD") == "FF 11 13 FD"
    both.etu(372, 4)
    assert says(both, sealed("00 00 07" + SELECT)) == sealed("00 00 02 90 00")
    assert says(card(keys), "FF 10 13 FC") == ""  # T=0 was not offered


# ISO7816: apdu-channel
def test_logical_channels_have_each_their_file(t1: ByteCard) -> None:
    run = t1.tpdu.whole
    assert run(bytes.fromhex("01A4000C020102")).sw == 0x6881
    assert run(bytes.fromhex("0070000001")).data == b"\x01"
    assert run(bytes.fromhex("01A4000C020102")).sw == 0x9000
    assert run(bytes.fromhex("00B0000004")).sw == 0x6986
    assert run(bytes.fromhex("01B0000002")).data == b"\x01\x02"
    assert run(bytes.fromhex("00708001")).sw == 0x9000
    assert run(bytes.fromhex("01B0000002")).sw == 0x6881


# ISO7816: apdu-cases
@pytest.mark.parametrize(
    ("apdu", "data", "le"),
    [
        ("00A40000", b"", None),
        ("00B0000000", b"", 256),
        ("00A4000002AABB", b"\xaa\xbb", None),
        ("00A4000002AABB05", b"\xaa\xbb", 5),
        ("00B00000000000", b"", 65536),
        ("00D60000000002AABB", b"\xaa\xbb", None),
        ("00CB0000000002AABB0100", b"\xaa\xbb", 256),
    ],
)
def test_cases_of_a_command(apdu: str, data: bytes, le: int | None) -> None:
    command = parse_apdu(bytes.fromhex(apdu))
    assert command is not None and (command.data, command.le) == (data, le)


# ISO7816: apdu-cases
@pytest.mark.parametrize("apdu", ["", "00A400", "00A4000003AABB", "00A400000000", "00A4000000000000"])
def test_malformed_commands(apdu: str) -> None:
    assert parse_apdu(bytes.fromhex(apdu)) is None
