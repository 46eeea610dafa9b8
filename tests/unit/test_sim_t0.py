"""Byte level of T=0 on the card's side: ATR, PPS, procedure bytes, bit rates, conventions, faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sim_cards import PIN
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.t0 import ByteCard, Emission, State, Timing
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.faults import CardFault, parse
from tournee_sim.pki import Pki


def card(keys: Path, card_id: str) -> ByteCard:
    return ByteCard(TpduCard(make_card(card_id, pki=Pki(keys), pin=PIN)))


def power(byte_card: ByteCard) -> list[Emission]:
    byte_card.vcc(1)
    byte_card.etu(372, 1)
    list(byte_card.rst(0))
    return list(byte_card.rst(1))


def says(byte_card: ByteCard, data: str) -> str:
    """What the card sends for these bytes, given one at a time."""
    sent = b"".join(e.data for byte in bytes.fromhex(data) for e in byte_card.receive(bytes([byte])))
    return sent.hex(" ").upper()


@pytest.fixture
def cps(keys: Path) -> ByteCard:
    byte_card = card(keys, "cps-medecin")
    power(byte_card)
    return byte_card


@pytest.fixture
def vitale(keys: Path) -> ByteCard:
    byte_card = card(keys, "vitale-famille")
    power(byte_card)
    return byte_card


# ISO7816: act-order
def test_atr_only_when_powered_and_reset_goes_high(keys: Path) -> None:
    byte_card = card(keys, "cps-medecin")
    assert list(byte_card.rst(1)) == []
    (atr,) = power(byte_card)
    assert atr.data == byte_card.tpdu.card.atr
    assert atr.wait_ms * 4000 >= 400  # clocks: not before 400 [ISO 7816-3 §6.2.2]
    assert atr.wait_ms * 4000 <= 40_000
    assert list(byte_card.rst(1)) == []  # no edge, no ATR
    byte_card.vcc(0)
    assert says(byte_card, "00 A4 00 0C 02") == ""


def test_no_atr_without_a_clock(keys: Path) -> None:
    byte_card = card(keys, "cps-medecin")
    byte_card.clk(0)
    assert power(byte_card) == []


def test_timing_from_the_atr(cps: ByteCard, vitale: ByteCard) -> None:
    """CPS3: 372/1, WI 42 -> WT 3.75 s at 4 MHz; Vitale 2: TA1=13 -> 372/4, WT 0.893 s [facts §1.1, §2.1]."""
    assert cps.timing == Timing(372, 1, 0, 42, False)
    assert vitale.timing == Timing(372, 4, 0, 10, False)
    assert round(cps.waiting_time_ms) == 3750
    assert round(vitale.waiting_time_ms) == 893
    assert Timing.of(bytes.fromhex("3BDC18FF00001225006480000401009000")) == Timing(372, 12, 0, 10, False)
    assert Timing.of(bytes.fromhex("3F65250052096A9000")).inverse


# ISO7816: chr-etu
def test_wire_time_of_a_character_is_twelve_etu(cps: ByteCard) -> None:
    (emission,) = power(cps)
    assert emission.wire_ms == pytest.approx(17 * 12 * 372 / 4000)


# ISO7816: pps-echo
def test_pps_of_a_vitale_is_echoed_then_the_bit_rate_changes(vitale: ByteCard) -> None:
    assert says(vitale, "FF 10 13 FC") == "FF 10 13 FC"
    assert vitale.etu_ms == pytest.approx(93 / 4000)
    vitale.etu(372, 4)
    assert says(vitale, "00 A4 00 00 02") == "A4"
    assert says(vitale, "3F 00") == "61 22"


def test_a_reader_that_stays_at_the_old_bit_rate_is_not_understood(vitale: ByteCard) -> None:
    says(vitale, "FF 10 13 FC")
    assert says(vitale, "00 A4 00 00 02 3F 00") == ""
    assert vitale.state is State.DEAD


# ISO7816: pps-failed
@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("FF 00 FF", "FF 00 FF"),
        ("FF 10 11 FE", "FF 10 11 FE"),
        ("FF 10 94 7B", "FF 00 FF"),  # not what TA1 offers: the default stays
        ("FF 10 13 FD", ""),  # wrong PCK
        ("FF 11 13 FD", ""),  # T=1 is not offered
    ],
)
def test_pps_that_is_not_taken(vitale: ByteCard, request_: str, answer: str) -> None:
    assert says(vitale, request_) == answer
    assert vitale.etu_ms == pytest.approx(372 / 4000)


# ISO7816: pps-once
def test_pps_only_right_after_the_atr(vitale: ByteCard) -> None:
    says(vitale, "00 A4 00 00 02 3F 00")
    assert says(vitale, "FF 10 13 FC") == ""
    assert says(vitale, "00") == "6E 00"  # it was a header of class FF


# ISO7816: t0-header apdu-t0
def test_procedure_bytes_of_the_four_cases(cps: ByteCard) -> None:
    assert says(cps, "00 20 00 01 00") == "63 C3"  # case 1
    assert says(cps, "00 A4 09 04 04") == "A4"  # case 4: ACK, data, 61
    assert says(cps, "3F 00 D0 03") == "61 27"
    assert says(cps, "00 C0 00 00 02") == "C0 62 25 61 25"  # case 2: INS, data, SW
    assert says(cps, "00 B0 00 00 00") == "6C 0C"
    assert says(cps, "00 A4 09 0C 02") == "A4"  # case 3
    assert says(cps, "2F 00") == "90 00"


# ISO7816: t0-ack
def test_single_byte_acknowledge(cps: ByteCard) -> None:
    """~INS asks for, or brings, one byte [ISO 7816-3 §10.3.3]."""
    cps.faults.arm(parse("single-ack"))
    assert says(cps, "00 A4 09 0C 02") == "5B"
    assert says(cps, "2F") == "A4"
    assert says(cps, "00") == "90 00"
    assert says(cps, "00 B0 00 00 02") == "4F 61 4F 2F 90 00"


# ISO7816: t0-null
def test_null_during_long_work(cps: ByteCard) -> None:
    says(cps, "00 20 00 01 04" + PIN.encode().hex())
    says(cps, "00 22 41 AA 03 80 01 40")
    says(cps, "00 2A 90 A0 05 90 00 80 01 41")
    says(cps, "00 22 41 B6 06 80 01 42 84 01 81")
    emissions = list(cps.receive(bytes.fromhex("002A9E9A00")))
    assert [e.data for e in emissions[:-1]] == [b"\x60"]
    assert emissions[-1].data[0] == 0x2A
    assert sum(e.wait_ms for e in emissions) == pytest.approx(350)
    assert all(e.wait_ms < cps.waiting_time_ms for e in emissions)


def test_a_warm_reset_forgets_half_a_command_and_the_code(cps: ByteCard) -> None:
    says(cps, "00 20 00 01 04" + PIN.encode().hex())
    assert says(cps, "00 20 00 01 00") == "90 00"
    says(cps, "00 A4 09")
    list(cps.rst(0))
    (atr,) = cps.rst(1)
    assert atr.data == cps.tpdu.card.atr
    assert says(cps, "00 20 00 01 00") == "63 C3"


# ISO7816: chr-inverse
def test_inverse_convention_as_a_direct_uart_sees_it(keys: Path) -> None:
    """TS 3F reads 03 on a direct-convention UART [facts §3.2]."""
    byte_card = card(keys, "vitale-ancienne")
    (atr,) = power(byte_card)
    assert atr.data[0] == 0x03
    wire = bytes(int(f"{b ^ 0xFF:08b}"[::-1], 2) for b in bytes.fromhex("BCB0028803"))
    (answer,) = byte_card.receive(wire)
    assert bytes(int(f"{b ^ 0xFF:08b}"[::-1], 2) for b in answer.data) == b"\xb0SIM\x90\x00"


def test_faults(cps: ByteCard) -> None:
    wt = cps.waiting_time_ms
    cps.faults.arm(parse("mute", count=1))
    assert power(cps) == []
    assert len(power(cps)) == 1
    cps.faults.arm(parse("overrun", count=1))
    (late,) = cps.receive(bytes.fromhex("0020000100"))
    assert late.wait_ms > wt
    cps.faults.arm(parse("null-storm", count=3))
    assert says(cps, "00 20 00 01 00") == "60 60 60 63 C3"
    cps.faults.clear()
    cps.faults.arm(parse("sw-6f00", count=1))
    assert says(cps, "00 20 00 01 00") == "6F 00"
    cps.faults.arm(parse("bad-procedure", count=1))
    assert says(cps, "00 20 00 01 00") == "05"
    cps.faults.arm(parse("garbage-atr", count=1))
    assert power(cps)[0].data[0] not in (0x3B, 0x3F, 0x03)
    cps.faults.arm(parse("silent", count=1))
    power(cps)
    assert says(cps, "00 20 00 01 00") == ""


@pytest.mark.parametrize(
    ("fault", "answer"), [("pps-mute", ""), ("pps-refused", "FF 00 FF"), ("pps-garbage", "FF 10 95 7B")]
)
def test_faults_of_pps(vitale: ByteCard, fault: str, answer: str) -> None:
    vitale.faults.arm(parse(fault, count=1))
    assert says(vitale, "FF 10 13 FC") == answer
    assert CardFault(fault) not in vitale.faults.armed
