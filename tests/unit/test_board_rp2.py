"""`hal/rp2` and its card port on an RP2040 (`rp2040py`: PIO, DMA; no CPU) with the firmware's slots above and virtual cards on the pins."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.tools.recorded import Recorded
from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.micropython import Firmware, modules
from tests.tools.rp2040.pincard import PinSlot
from tests.tools.rp2040.rig import attach, characters
from tournee.cards import cps, vitale
from tournee.cards.driver import run
from tournee.cards.script import run_with
from tournee.terminal.model import Answer, StepAnswer
from tournee_sim.cards.bitlevel import BitCard, Character
from tournee_sim.cards.factory import make_card
from tournee_sim.cards.t0 import ByteCard
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.pki import Pki

ALL = bytes(range(256))


class Bench:
    """A Pico W of this test's own: board, slots, and what is wired to it."""

    def __init__(self, firmware: Firmware, board: str = "RPI_PICO_W") -> None:
        self.firmware, self.chip = firmware, firmware.chip
        self.pins = firmware.load(f"tournee_fw.boards.{board}.pins")
        self.wired = [PinSlot(self.chip, wires, self._presence(wires["off"])) for wires in self.pins.SLOTS]
        firmware.on_pin = lambda pin, level: [slot.pin(pin, level) for slot in self.wired]
        firmware.on_clock = lambda pin, hz: [slot.clock(pin, hz) for slot in self.wired]
        machine = firmware.load("machine")
        for wires in self.pins.SLOTS:
            machine.Pin(wires["off"]).level = 0  # no card
        rp2 = firmware.load("tournee_fw.hal.rp2")
        self.board = rp2.Rp2Board(board, self.pins, [])
        slots = firmware.load("tournee_fw.slots")
        log = SimpleNamespace(note=lambda *a: None)
        self.slots = [slots.Slot(i, port, self.board, log) for i, port in enumerate(self.board.slots)]

    def _presence(self, pin: int) -> Callable[[int], None]:
        return lambda level: self.firmware.pins[pin].set(level)

    def turn(self) -> None:
        now = self.board.now_ms()
        for slot in self.slots:
            slot.poll(now)
        self.board.wait(min(slot.due_ms(now) for slot in self.slots))

    def until(self, done: Callable[[], bool], ms: int = 20_000) -> None:
        end = self.chip.now + ms * self.chip.hz // 1000
        while not done():
            assert self.chip.now < end, [slot.state for slot in self.slots]
            self.turn()

    def on(self, number: int) -> str:
        """ATR in hex, or the status."""
        slot = self.slots[number]
        slot.poll(self.board.now_ms())
        slot.power_on(0, False, self.board.now_ms())
        self.until(lambda: not slot.busy)
        return bytes(slot.atr).hex() if slot.atr else f"status {slot.status}"

    def apdu(self, number: int, apdu: str) -> bytes:
        slot = self.slots[number]
        data, out = bytes.fromhex(apdu), bytearray(300)
        slot.transmit(bytearray(data), len(data), memoryview(out), self.board.now_ms())
        self.until(lambda: not slot.busy)
        assert slot.status == 0, slot.status
        return bytes(out[: slot.apdu.length])


class Wired(Recorded):
    """The host's programs on the bench's slots."""

    def __init__(self, bench: Bench) -> None:
        super().__init__({})
        self._bench = bench

    async def transmit(self, slot: int, apdu: bytes) -> Answer:
        return self._send(slot, apdu)

    async def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        return run_with(script, lambda apdu: self._send(slot, apdu))

    def _send(self, slot: int, apdu: bytes) -> Answer:
        raw = self._bench.apdu(slot, apdu.hex())
        return Answer(raw[:-2], int.from_bytes(raw[-2:], "big"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with modules(Chip()) as firmware:
        yield Bench(firmware)


def card(card_id: str, keys: Path) -> ByteCard:
    return ByteCard(TpduCard(make_card(card_id, pki=Pki(keys), pin="1234")))


def bits(bench: Bench, number: int = 0, etu: float = 13020, **options: Any) -> BitCard:
    return attach(bench.chip, bench.wired[number].line, etu, **options)


def receive(port: Any, most: int = 600) -> bytes:
    buffer = bytearray(most)
    return bytes(buffer[: port.read_into(memoryview(buffer))])


def test_atr_pps_and_the_identity_of_a_vitale(bench: Bench, keys: Path) -> None:
    """The firmware's own slots, ATR, PPS to 372/4 and T=0 above the port; character by character on the wire."""
    bench.wired[0].insert(card("vitale-famille", keys))
    atr = bench.on(0)
    assert atr.startswith("3b")
    assert bench.slots[0].fidi == 0x13
    found = asyncio.run(run(Wired(bench), {"vitale": 0}, vitale.read_public(bytes.fromhex(atr))))
    assert len(found.beneficiaires) == 5
    assert bench.wired[0].bits.faults == []


def test_a_cps_on_its_pins_signs_what_its_certificate_verifies(bench: Bench, keys: Path) -> None:
    """T=1 at the speed of its ATR; PIN, then PSO over a message, as the host asks."""
    bench.wired[1].insert(card("cps-medecin", keys))
    atr = bytes.fromhex(bench.on(1))
    reader = Wired(bench)
    found = asyncio.run(run(reader, {"cps": 1}, cps.read_public(atr)))
    assert bench.apdu(1, "002000010431323334")[-2:] == b"\x90\x00"
    message = b"SVSIM1F" + bytes(41)
    signature = asyncio.run(run(reader, {"cps": 1}, cps.sign(message)))
    key = x509.load_der_x509_certificate(found.certificat_signature).public_key()
    key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    assert bench.wired[1].bits.faults == []


def test_the_pico_2_at_its_own_clock(keys: Path) -> None:
    """150 MHz and 42 of them per clock of the card; the chip below is an RP2040's PIO all the same."""
    chip = Chip()
    with modules(chip) as firmware:
        bench = Bench(firmware, "RPI_PICO2_W")
        assert chip.hz == 150_000_000
        bench.wired[1].insert(card("vitale-famille", keys))
        assert bench.on(1).startswith("3b")
        assert bench.slots[1].fidi == 0x13
        assert bench.wired[1].bits.faults == []


def test_contacts_go_up_and_down_in_the_order_of_the_standard(bench: Bench, keys: Path) -> None:
    wired = bench.wired[0]
    wired.insert(card("vitale-famille", keys))
    wired.log.clear()
    bench.on(0)
    up = [entry for entry in wired.log if entry != "rst 0"]
    assert up[:3] == ["vcc on", "clk 3571428", "rst 1"]
    wired.log.clear()
    bench.slots[0].power_off()
    assert wired.log == ["rst 0", "clk 0", "vcc off"]
    assert bench.chip.pio.pin_directions >> bench.pins.SLOTS[0]["io"] & 1  # I/O is held low


def test_both_slots_at_once(bench: Bench, keys: Path) -> None:
    """A CPS on T=1 and a Vitale of inverse convention on T=0, activated in the same turns of the loop."""
    bench.wired[0].insert(card("generic-t1", keys))
    bench.wired[1].insert(card("vitale-ancienne", keys))
    now = bench.board.now_ms()
    for slot in bench.slots:
        slot.poll(now)
        slot.power_on(0, False, now)
    bench.until(lambda: not any(slot.busy for slot in bench.slots))
    assert [slot.status for slot in bench.slots] == [0, 0]
    assert bench.slots[1].atr_reader.inverse
    assert bench.slots[0].protocol_number == 1
    assert bench.apdu(0, "00A40000023F00")[-2:] == b"\x90\x00"
    for wired in bench.wired:
        assert wired.bits.faults == []


@pytest.mark.parametrize(("f", "d", "kbit"), [(372, 1, 9.6), (512, 32, 223)])
def test_a_garbage_collection_of_20_ms_in_a_reception_loses_nothing(bench: Bench, f: int, d: int, kbit: float) -> None:
    """The processor looks away for 20 ms, again and again, while the card sends 256 bytes back to back."""
    port = bench.board.slots[0]
    etu = f * 35 / d
    sender = bits(bench, etu=etu)
    port.rst(1)
    port.etu(f, d, 0, True)
    sender.send(characters(ALL), after_etu=5)
    got = b""
    for _ in range(round((256 * 12 + 20) * etu / (0.020 * bench.chip.hz)) + 2):
        bench.chip.run(0.020 * bench.chip.hz)
        got += receive(port)
    assert round(bench.chip.hz / etu / 1000, 1) == pytest.approx(kbit, rel=0.01)
    assert got == ALL
    assert port.damaged() == 0
    assert sender.faults == []


@pytest.mark.parametrize(("f", "d"), [(372, 1), (512, 32)])
def test_without_the_ring_the_fifo_alone_loses_characters(bench: Bench, f: int, d: int) -> None:
    """The control: the same 20 ms with DMA stopped keep what a FIFO of four holds; the port tells of the loss."""
    port = bench.board.slots[0]
    etu = f * 35 / d
    sender = bits(bench, etu=etu)
    port.rst(1)
    port.etu(f, d, 0, True)
    port._rx.active(0)
    sender.send(characters(ALL), after_etu=5)
    bench.chip.run(max(0.020 * bench.chip.hz, 80 * etu))
    assert bench.chip.pio.machines[0].rx_fifo.item_count == 4
    assert port.damaged() == 1


def test_more_than_the_ring_holds_is_told(bench: Bench) -> None:
    port = bench.board.slots[0]
    sender = bits(bench, etu=560)
    port.rst(1)
    port.etu(512, 32, 0, True)
    sender.send(characters(ALL * 3), after_etu=5)
    bench.chip.run(800 * 12 * 560)
    assert receive(port, 1000) == (ALL * 3)[-512:]
    assert port.damaged() == 256


@pytest.mark.parametrize("hz", [125_000_000, 150_000_000, 200_000_000])
@pytest.mark.parametrize(("f", "d"), [(372, 1), (372, 2), (372, 4), (372, 12), (512, 8), (512, 16), (512, 32)])
def test_dividers_are_exact(hz: int, f: int, d: int) -> None:
    chip = Chip(48_000_000)  # what the board was left at
    with modules(chip) as firmware:
        rp2 = firmware.load("tournee_fw.hal.rp2")
        pins = firmware.load("tournee_fw.boards.RPI_PICO_W.pins")
        own = SimpleNamespace(HZ=hz, SLOTS=pins.SLOTS)
        for wires in pins.SLOTS:
            chip.connect(wires["io"])
        board = rp2.Rp2Board("RPI_PICO_W", own, [])
        assert chip.hz == hz
        port = board.slots[0]
        port.clk(board.clock_khz)
        port.etu(f, d, 0, False)
        clocks = firmware.clocks[pins.SLOTS[0]["clk"]]  # system clocks per card clock: TOP + 1
        divider = chip.rp.read_uint32(0x502000C8)
        assert hz / clocks == pytest.approx(3_571_428.57)
        assert divider & 0xFF == 0
        assert (divider >> 8) * 16 * d == f * clocks * 256  # 16 cycles are one etu, to the last bit
        assert 0.4 <= port._pwm.high / clocks <= 0.6  # ISO 7816-3 §5.2.3


def test_the_rate_follows_the_card_clock(bench: Bench) -> None:
    port = bench.board.slots[0]
    port.etu(372, 1, 0, False)
    port.clk(2500)
    assert bench.firmware.clocks[bench.pins.SLOTS[0]["clk"]] == 50
    assert bench.chip.rp.read_uint32(0x502000C8) >> 8 == 372 * 50 * 16


def test_a_block_is_sent_without_the_processor(bench: Bench) -> None:
    port = bench.board.slots[0]
    hearer = bits(bench)
    port.rst(1)
    port.etu(372, 1, 0, True)
    port.write(ALL, 256)
    bench.chip.run((256 * 12 + 20) * 13020)
    assert (bytes(hearer.received), hearer.faults) == (ALL, [])
    assert receive(port) == b""  # no echo


# ISO7816: t0-turn t1-bgt
@pytest.mark.parametrize(("signal", "least"), [(True, 16), (False, 22)])
def test_turn_around_after_the_cards_last_character(bench: Bench, signal: bool, least: int) -> None:
    port = bench.board.slots[0]
    other = bits(bench, signal=signal)
    port.rst(1)
    port.etu(372, 1, 0, signal)
    other.send(characters(b"\x3b\x00"), after_etu=5)
    end = bench.chip.now + 200 * 13020
    assert bench.chip.run_until(end, lambda: port._came() == 2)
    port.write(b"\xff\x00", 2)  # at once: the port itself leaves the time
    bench.chip.run(80 * 13020)
    assert (bytes(other.received), other.faults) == (b"\xff\x00", [])


def test_a_character_refused_three_times_over_is_told_once(bench: Bench) -> None:
    port = bench.board.slots[1]
    other = bits(bench, 1)
    port.rst(1)
    port.etu(372, 1, 0, True)
    other.refuse.append(99)
    port.write(b"\x00\xa4\x00", 3)
    bench.chip.run(100 * 13020)
    assert port.refused() == -1
    assert port.refused() == 0
    other.refuse.clear()
    other.reset()
    port.write(b"\x00\xa4\x00", 3)  # and the port goes on
    bench.chip.run(80 * 13020)
    assert (bytes(other.received), other.faults) == (b"\x00\xa4\x00", [])


@pytest.mark.parametrize("times", [1, 3, 4])
def test_a_damaged_character_comes_again_or_is_counted(bench: Bench, times: int) -> None:
    port = bench.board.slots[0]
    other = bits(bench)
    port.rst(1)
    port.etu(372, 1, 0, True)
    other.send([Character(0xA5), Character(0x5B, spoilt=times), Character(0x90)], after_etu=5)
    bench.chip.run(140 * 13020)
    assert receive(port) == b"\xa5\x5b\x90"
    assert port.damaged() == (1 if times > 3 else 0)


def test_without_signal_a_damaged_character_is_delivered_and_counted(bench: Bench) -> None:
    port = bench.board.slots[0]
    other = bits(bench, signal=False)
    port.rst(1)
    port.etu(372, 1, 0, False)
    other.send([Character(0x3B), Character(0x5B, spoilt=1)], after_etu=5)
    bench.chip.run(60 * 13020)
    assert receive(port) == b"\x3b\x5b"
    assert port.damaged() == 1


@pytest.mark.parametrize("inverse", [False, True], ids=["direct", "inverse"])
def test_the_convention_is_that_of_the_first_character(bench: Bench, inverse: bool) -> None:
    port = bench.board.slots[0]
    other = bits(bench, inverse=inverse)
    port.rst(1)
    port.etu(372, 1, 0, False)
    other.send(characters(b"\x03" if inverse else b"\x3b") + characters(ALL), after_etu=400)
    bench.chip.run((400 + 13 * 257) * 13020)
    assert receive(port) == (b"\x03" if inverse else b"\x3b") + ALL
    assert port.damaged() == 0


def test_a_card_pulled_and_put_back_between_two_looks(bench: Bench, keys: Path) -> None:
    first = card("vitale-famille", keys)
    bench.wired[0].insert(first)
    bench.on(0)
    bench.wired[0].pull()
    bench.wired[0].insert(first)
    bench.slots[0].poll(bench.board.now_ms())
    assert bench.slots[0].atr == b""


@pytest.mark.parametrize("ms", [0.3, 5, 9.4, 12])
def test_removal_in_an_atr_frees_the_slot(bench: Bench, keys: Path, ms: float) -> None:
    wired = bench.wired[0]
    wired.insert(card("vitale-famille", keys))
    slot = bench.slots[0]
    slot.poll(bench.board.now_ms())
    slot.power_on(0, False, bench.board.now_ms())
    bench.until(lambda: slot.state == 4)  # the ATR is awaited
    bench.chip.at(bench.chip.now + ms * bench.chip.hz / 1000, wired.pull)
    bench.until(lambda: not slot.busy)
    assert slot.status
    assert wired.log[-1] == "vcc off"
    wired.insert(card("vitale-famille", keys))
    assert bench.on(0).startswith("3b")


def test_the_radio_keeps_its_pio_block(bench: Bench) -> None:
    """Both slots are in PIO 0; nothing of PIO 1, where the CYW43 driver is, is touched."""
    assert [m.enabled for m in bench.chip.pio.machines] == [True, True, False, False]
    other = bench.chip.rp.pio[1]
    assert not any(other.instructions)
    assert not any(m.enabled for m in other.machines)


def test_the_conformance_suite(bench: Bench, keys: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """What a hardware team runs on a board, on this one; its heap checks mean nothing in CPython."""
    bench.wired[0].insert(card("generic-t1", keys))
    bench.wired[1].insert(card("vitale-ancienne", keys))
    monkeypatch.setattr(gc, "mem_alloc", lambda: 0, raising=False)
    for port in bench.board.slots:
        port.removed = False
    suite: dict[str, Any] = {}
    exec(compile((root / "firmware/conformance/checks.py").read_text("utf-8"), "checks.py", "exec"), suite)
    said: list[str] = []
    assert suite["run"](bench.board, say=said.append) == 0, "\n".join(said)
    assert said[-1].startswith("CONFORMANCE 25 OK, 2 SKIPPED")  # the cards are not pulled
    assert not [fault for wired in bench.wired for fault in wired.bits.faults]
