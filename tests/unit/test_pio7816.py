"""The PIO card UART, assembled by MicroPython's own rp2.py and stepped in system clocks against a bit-level card of its own making."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.micropython import Firmware, modules
from tests.tools.rp2040.rig import Uart, attach, characters
from tournee_sim.cards.bitlevel import Character

ALL = bytes(range(256))
ETU_372_1 = 372 * 35
ETU_372_4 = 93 * 35
ETU_512_32 = 16 * 35
RATES = [ETU_372_1, ETU_372_4, ETU_512_32]
CONVENTIONS = pytest.mark.parametrize("inverse", [False, True], ids=["direct", "inverse"])


@pytest.fixture
def firmware() -> Iterator[Firmware]:
    with modules(Chip()) as found:
        yield found


def test_the_program_is_what_its_labels_say_and_leaves_two_words(firmware: Firmware) -> None:
    pio = firmware.load("tournee_fw.hal.pio7816")
    words = pio.uart[0]
    assert len(words) == pio.LENGTH == 30
    assert words[pio.TX] == 0x80A0  # pull(block)
    assert words[pio.GUARD] >> 8 == 0x07  # a jump with 7 cycles of delay
    assert words[pio.RX] == 0x20A0  # wait(1, pin, 0)
    assert words[pio.RX_PUSH] == 0x8000  # push(noblock)
    assert words[pio.RX_LAST] >> 5 == 0b101  # jmp(x_not_y, …)
    assert pio.uart[3] >> 7 & 31 == pio.RX
    assert pio.uart[3] >> 12 & 31 == pio.RX_LAST


@CONVENTIONS
@pytest.mark.parametrize("etu", RATES)
def test_all_byte_values_are_received(firmware: Firmware, etu: int, inverse: bool) -> None:
    uart = Uart(firmware, clocks_per_etu=etu, inverse=inverse)
    card = attach(firmware.chip, uart.line, etu, inverse=inverse)
    card.send(characters(ALL), after_etu=20)
    got, bad = uart.bytes_of(uart.collect(256 * 12 + 40))
    assert (got, bad, card.faults) == (ALL, 0, [])


@CONVENTIONS
@pytest.mark.parametrize("etu", RATES)
def test_all_byte_values_are_sent_12_etu_apart(firmware: Firmware, etu: int, inverse: bool) -> None:
    uart = Uart(firmware, clocks_per_etu=etu, inverse=inverse)
    card = attach(firmware.chip, uart.line, etu, inverse=inverse)
    uart.send(ALL)
    uart.collect(256 * 12 + 20)
    assert (bytes(card.received), card.faults) == (ALL, [])
    falls = [at for at, high in uart.line.edges if not high]
    first = falls[0]
    places = [(at - first) / etu / 12 for at in falls]
    assert {round(place) for place in places if abs(place - round(place)) < 1e-3} == set(range(256))
    assert max(abs(edge - first - round((edge - first) / etu) * etu) / etu for edge, _ in uart.line.edges) < 0.02


@pytest.mark.parametrize("guard", [0, 1, 5, 254])
def test_extra_guard_time_between_characters_and_none_after_the_last(firmware: Firmware, guard: int) -> None:
    uart = Uart(firmware)
    card = attach(firmware.chip, uart.line, uart.etu, extra_guard=guard)
    uart.send(b"\xff\xff\xff", guard)
    card.on_byte = lambda byte: card.send([Character(0x60)], after_etu=1.3) if len(card.received) == 3 else None
    words = uart.collect(3 * (12 + guard) + 60)
    falls = [at for at, high in uart.line.edges if not high]
    assert (falls[2] - falls[0]) / uart.etu == pytest.approx(
        12 + guard, abs=0.02
    )  # FF falls at its start and its parity
    assert card.faults == []
    assert uart.bytes_of(words) == (b"\x60", 0)  # the answer begins 12.3 etu after the last leading edge


@CONVENTIONS
@pytest.mark.parametrize("phase", range(8))
@pytest.mark.parametrize("spoilt", [1, 2, 3])
def test_a_bad_character_is_refused_until_it_is_good(
    firmware: Firmware, phase: int, spoilt: int, inverse: bool
) -> None:
    uart = Uart(firmware, inverse=inverse)
    card = attach(firmware.chip, uart.line, uart.etu, inverse=inverse)
    firmware.chip.run(phase * uart.etu / 128)
    card.send([Character(0xA5), Character(0x5B, spoilt=spoilt), Character(0x90)], after_etu=3)
    got, bad = uart.bytes_of(uart.collect(12 * 3 + 14 * spoilt + 20))
    assert (got, bad, card.faults) == (b"\xa5\x5b\x90", spoilt, [])
    assert card.signals == spoilt


@CONVENTIONS
@pytest.mark.parametrize("refused", [1, 2, 3])
def test_a_refused_character_goes_out_again(firmware: Firmware, refused: int, inverse: bool) -> None:
    uart = Uart(firmware, inverse=inverse)
    card = attach(firmware.chip, uart.line, uart.etu, inverse=inverse)
    card.refuse.extend([0, refused, 0])
    uart.send(b"\x00\xc0\x01")
    uart.collect(12 * 3 + 14 * refused + 20)
    assert (bytes(card.received), card.faults) == (b"\x00\xc0\x01", [])
    assert not firmware.chip.pio.irq


def test_a_character_refused_for_ever_raises_the_flag_and_leaves_the_line(firmware: Firmware) -> None:
    uart = Uart(firmware, machine=1)
    card = attach(firmware.chip, uart.line, uart.etu)
    card.refuse.append(99)
    uart.send(b"\x00\xc0")
    uart.collect(12 * 12)
    assert firmware.chip.pio.irq == 1 << 1
    assert uart.line.level
    assert bytes(card.received) == b""
    assert card.faults == []


def test_without_error_signal_nothing_is_refused(firmware: Firmware) -> None:
    """Answer to reset, PPS, T=1."""
    uart = Uart(firmware)
    uart.mode(signal=False)
    card = attach(firmware.chip, uart.line, uart.etu, signal=False)
    card.send([Character(0x5B, spoilt=1, guard_etu=11), Character(0x90, guard_etu=11), Character(0x00)], after_etu=3)
    got, bad = uart.bytes_of(uart.collect(60))
    assert (got, bad, card.faults) == (b"\x90\x00", 1, [])


@pytest.mark.parametrize("percent", [-3, 3])
@pytest.mark.parametrize("etu", RATES)
def test_a_card_3_percent_off(firmware: Firmware, etu: int, percent: int) -> None:
    uart = Uart(firmware, clocks_per_etu=etu)
    card = attach(firmware.chip, uart.line, etu * (1 + percent / 100))
    card.send(characters(ALL[::5]), after_etu=3)
    got, bad = uart.bytes_of(uart.collect(60 * 13 + 40))
    assert (got, bad, card.signals) == (ALL[::5], 0, 0)


@pytest.mark.parametrize("percent", [-8, 8])
def test_a_card_8_percent_off_is_not_understood(firmware: Firmware, percent: int) -> None:
    uart = Uart(firmware)
    uart.mode(signal=False)
    card = attach(firmware.chip, uart.line, uart.etu * (1 + percent / 100), signal=False)
    card.send(characters(ALL[::5]), after_etu=3)
    assert uart.bytes_of(uart.collect(60 * 14))[0] != ALL[::5]


@pytest.mark.parametrize("seed", range(4))
def test_edges_a_fifth_of_an_etu_off_their_place(firmware: Firmware, seed: int) -> None:
    """±0.2 etu each, the most that ISO 7816-3 §7.2 allows."""
    uart = Uart(firmware)
    card = attach(firmware.chip, uart.line, uart.etu)
    shift = [0.0] + [0.2 if (seed * 37 + n * 11) % 7 < 4 else -0.2 for n in range(1, 11)]
    card.send(characters(ALL[seed::7], shift=shift), after_etu=3)
    got, bad = uart.bytes_of(uart.collect(40 * 12 + 40))
    assert (got, bad) == (ALL[seed::7], 0)


@pytest.mark.parametrize("etu", RATES)
def test_minimum_guard_time_of_a_card(firmware: Firmware, etu: int) -> None:
    """12 etu in T=0, 11 in T=1; the shortest answer 12.2 etu after the reader's last leading edge."""
    for signal, guard in ((True, 12.0), (False, 11.0)):
        chip = Chip()
        with modules(chip) as own:
            uart = Uart(own, clocks_per_etu=etu)
            uart.mode(signal=signal)
            card = attach(chip, uart.line, etu, signal=signal)
            card.send(characters(ALL, guard_etu=guard), after_etu=3)
            assert uart.bytes_of(uart.collect(256 * 12 + 40)) == (ALL, 0)
            assert card.faults == []


@pytest.mark.parametrize("at_etu", [0.5, 2.5, 6.1, 9.5, 10.8, 11.5])
def test_removal_in_a_card_character_leaves_a_machine_that_receives_the_next_card(
    firmware: Firmware, at_etu: float
) -> None:
    uart = Uart(firmware)
    card = attach(firmware.chip, uart.line, uart.etu)
    firmware.chip.at(firmware.chip.now + (3 + at_etu) * uart.etu, card.remove)
    card.send([Character(0x52, spoilt=1)], after_etu=3)
    uart.collect(40)
    assert uart.line.level
    uart.line.watchers.clear()
    following = attach(firmware.chip, uart.line, uart.etu)
    following.send(characters(b"\x3b\x00"), after_etu=3)
    assert uart.bytes_of(uart.collect(40)) == (b"\x3b\x00", 0)
    assert following.faults == []


@pytest.mark.parametrize("at_etu", [0.5, 4.5, 10.8, 12.1])
def test_removal_in_a_reader_character(firmware: Firmware, at_etu: float) -> None:
    """Nobody refuses any more: what was to be sent goes out, then the machine receives."""
    uart = Uart(firmware)
    card = attach(firmware.chip, uart.line, uart.etu)
    card.refuse.append(1)
    firmware.chip.at(firmware.chip.now + at_etu * uart.etu, card.remove)
    uart.send(b"\xa5\x5a")
    uart.collect(60)
    assert uart.line.level
    uart.line.watchers.clear()
    following = attach(firmware.chip, uart.line, uart.etu)
    following.send(characters(b"\x3f"), after_etu=3)
    assert uart.bytes_of(uart.collect(30)) == (b"\x3f", 0)


def test_a_line_held_low_gives_nothing_and_ends_with_it(firmware: Firmware) -> None:
    uart = Uart(firmware)
    uart.mode(signal=False)
    uart.line.card(True)
    words = uart.collect(200)
    assert len(words) == 1  # one break, and no more until the line is high again
    uart.line.card(False)
    card = attach(firmware.chip, uart.line, uart.etu)
    card.send(characters(b"\x3b"), after_etu=12)
    assert uart.bytes_of(uart.collect(40)) == (b"\x3b", 0)


def test_a_glitch_of_half_a_microsecond_is_no_start(firmware: Firmware) -> None:
    uart = Uart(firmware)
    for n in range(5):
        firmware.chip.at(firmware.chip.now + 5000 * n + 137, lambda: uart.line.card(True))
        firmware.chip.at(firmware.chip.now + 5000 * n + 200, lambda: uart.line.card(False))
    assert uart.collect(60) == []


def test_both_slots_at_once_at_other_rates_and_conventions(firmware: Firmware) -> None:
    """Two machines of one block, one program: one receives all bytes with errors while the other sends with refusals."""
    one = Uart(firmware, machine=0, pin=2, clocks_per_etu=ETU_372_1, inverse=True)
    two = Uart(firmware, machine=1, pin=9, clocks_per_etu=ETU_372_4)
    vitale = attach(firmware.chip, one.line, one.etu, inverse=True)
    cps = attach(firmware.chip, two.line, two.etu)
    vitale.send([Character(byte, spoilt=byte % 5 == 0) for byte in ALL[:64]], after_etu=3)
    cps.refuse.extend([0, 1] * 128)
    two.send(ALL)
    words = one.collect(64 * 13 + 13 * 14)
    words += one.collect(300)
    assert one.bytes_of(words) == (ALL[:64], 13)
    assert (bytes(cps.received), cps.faults, vitale.faults) == (ALL, [], [])
