"""`hal/stm32`: the register sequence of one USART in smartcard mode, and two slots that share it by chip select."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.micropython import Firmware, modules
from tests.tools.stm32.registers import BRR, CR1, CR3, NACK, PS, USART, Forbidden, Registers

ALL = bytes(range(256))


class Bench:
    def __init__(self, firmware: Firmware) -> None:
        self.registers = Registers()
        machine: Any = sys.modules["machine"]
        machine.mem32 = self.registers
        machine.Pin.ALT, machine.Pin.ALT_OPEN_DRAIN = 2, 3
        machine.__dict__.update(I2C=object)
        pyb = ModuleType("pyb")
        self.repl: list[object] = []
        pyb.__dict__.update(repl_uart=self.repl.append)
        sys.modules["pyb"] = pyb
        memory = self.registers.memory

        def addressof(buffer: bytearray) -> int:
            memory[0x20000000 + len(memory) * 0x1000] = buffer
            return next(at for at, known in memory.items() if known is buffer)

        sys.modules["uctypes"].addressof = addressof  # type: ignore[attr-defined]
        self.levels: dict[object, int] = {}
        self._firmware = firmware
        firmware.on_pin = lambda pin, level: self.levels.__setitem__(pin, level)
        self.pins = firmware.load("tournee_fw.boards.NUCLEO_WB55.pins")
        for wires in self.pins.SLOTS:
            machine.Pin(wires["off"]).level = 0
        self.board = firmware.load("tournee_fw.hal.stm32").Stm32Board("NUCLEO_WB55", self.pins, [])
        self.port = self.board.slots[0]

    def on_pin(self, told: Any) -> None:
        self._firmware.on_pin = told

    def up(self, number: int = 0, f: int = 372, d: int = 1, guard: int = 0, signal: bool = False) -> Any:
        port = self.board.slots[number]
        port.vcc(1)
        port.io(1)
        port.etu(f, d, guard, signal)
        port.clk(self.board.clock_khz)
        port.rst(1)
        return port


@pytest.fixture
def bench() -> Iterator[Bench]:
    with modules(Chip()) as firmware:
        try:
            yield Bench(firmware)
        finally:
            sys.modules.pop("pyb", None)


def receive(port: Any) -> bytes:
    buffer, got = bytearray(600), b""
    while n := port.read_into(memoryview(buffer)):
        got += bytes(buffer[:n])
    return got


@pytest.mark.parametrize(("f", "d"), [(372, 1), (372, 2), (372, 4), (372, 12), (512, 8), (512, 16), (512, 32)])
def test_rate_is_exact_and_the_clock_is_the_timers(bench: Bench, f: int, d: int) -> None:
    bench.up(f=f, d=d)
    assert bench.registers.card_hz == pytest.approx(64e6 / 18)
    assert bench.registers.etu_clocks == pytest.approx(f / d)
    assert bench.registers.value[USART + BRR] * d == f * 18


def test_the_order_of_the_registers(bench: Bench) -> None:
    """Off, rate and mode, DMA, frame, on, receiver and sender last: what the model forbids, it forbids loudly."""
    port = bench.up()
    bench.registers.log.clear()
    port.etu(372, 4, 0, True)
    names = [name for name, _ in bench.registers.log]
    assert names[0] == "usart+00"
    assert bench.registers.log[0][1] == 0
    assert names.index("usart+0C") < names.index("dma+80") or names.index("usart+0C") < len(names) - 1
    assert names[-1] == "usart+00"
    assert bench.registers.log[-1][1] & 0b1101 == 0b1101
    assert bench.registers.value[USART + CR3] & NACK


@pytest.mark.parametrize(
    "change",
    [lambda r: r.__setitem__(USART + BRR, 1000), lambda r: r.__setitem__(USART + CR3, 0), lambda r: r.__setitem__(USART + CR1, r[USART + CR1] ^ PS)],
)  # fmt: skip
def test_the_model_refuses_what_the_manual_refuses(bench: Bench, change: Any) -> None:
    bench.up()
    with pytest.raises(Forbidden):
        change(bench.registers)


def test_the_clock_runs_on_while_the_usart_is_set_anew(bench: Bench) -> None:
    port = bench.up()
    bench.registers.log.clear()
    port.etu(372, 4, 0, True)
    assert not [name for name, _ in bench.registers.log if name.startswith("tim")]
    assert bench.registers.card_hz


def test_all_bytes_out_without_their_echo_and_in(bench: Bench) -> None:
    port = bench.up(signal=True)
    port.write(ALL, 256)
    while port.waiting():
        port.poll()
        assert receive(port) == b""
    assert bytes(bench.registers.sent) == ALL
    for byte in ALL:
        bench.registers.card_sends(byte)
    assert receive(port) == ALL
    assert (port.refused(), port.damaged()) == (0, 0)


def test_the_ring_holds_what_comes_in_a_garbage_collection(bench: Bench) -> None:
    """20 ms at 512/32 are 372 characters: nobody looks meanwhile."""
    port = bench.up(f=512, d=32, signal=True)
    for n in range(372):
        bench.registers.card_sends(n & 0xFF)
    assert receive(port) == bytes(n & 0xFF for n in range(372))


def test_a_refused_character_goes_out_again_and_is_told_when_it_never_goes(bench: Bench) -> None:
    port = bench.up(signal=True)
    refusals = iter([0, 2, 0])
    bench.registers.on_sent = lambda byte: next(refusals)
    port.write(b"\x00\xa4\x00", 3)
    assert bytes(bench.registers.sent) == b"\x00\xa4\x00"
    assert receive(port) == b""
    assert port.refused() == 0
    bench.registers.on_sent = lambda byte: 9
    port.write(b"\x01\x02", 2)
    assert port.damaged() == 0
    assert port.refused() == -1
    assert port.refused() == 0


def test_damaged_characters(bench: Bench) -> None:
    port = bench.up(signal=False)
    bench.registers.card_sends(0x3B)
    bench.registers.card_sends(0x5B, damaged=True)
    assert receive(port) == b"\x3b\x5b"  # without signal as they came
    assert port.damaged() == 1
    port.etu(372, 1, 0, True)
    bench.registers.card_sends(0x5B, damaged=True)
    bench.registers.card_sends(0x90)
    assert receive(port) == b"\x90"
    assert port.damaged() == 1


def test_an_inverse_card_turns_the_parity_at_its_first_character(bench: Bench) -> None:
    port = bench.up()
    bench.registers.card_sends(0x03, odd=True)
    assert receive(port) == b"\x03"
    port.damaged()
    assert bench.registers.value[USART + CR1] & PS
    bench.registers.card_sends(0xA5, odd=True)
    assert receive(port) == b"\xa5"
    assert port.damaged() == 0
    assert bench.registers.card_hz


def test_extra_guard_time_waits_for_the_last_character(bench: Bench) -> None:
    port = bench.up(guard=5, signal=True)
    assert bench.registers.value[USART + 0x10] >> 8 == 5
    port.write(b"\x01\x02\x03", 3)
    assert bytes(bench.registers.sent) == b"\x01\x02\x03"


def test_both_slots_share_the_usart_by_chip_select(bench: Bench) -> None:
    one, two = bench.pins.SLOTS
    first = bench.up(0, 372, 4, 0, True)
    assert (bench.levels[one["select"]], bench.levels[two["select"]]) == (1, 0)
    second = bench.up(1, 372, 1, 0, True)
    assert (bench.levels[one["select"]], bench.levels[two["select"]]) == (0, 1)
    bench.registers.card_sends(0x3B)
    assert receive(first) == b""
    assert receive(second) == b"\x3b"
    first.write(b"\x00", 1)  # its own rate comes back with the chip
    assert (bench.levels[one["select"]], bench.levels[two["select"]]) == (1, 0)
    assert bench.registers.etu_clocks == pytest.approx(93)


def test_a_card_pulled_in_one_slot_does_not_disturb_the_other(bench: Bench) -> None:
    one, two = bench.pins.SLOTS
    bench.up(1)
    first = bench.up(0, 372, 4, 0, True)
    bench.registers.card_sends(0x90)
    bench.registers.log.clear()
    moved: list[tuple[object, int]] = []
    pins = bench.board.slots[0].select
    bench.on_pin(lambda pin, level: moved.append((pin, level)))
    for call in (bench.board.slots[1].rst, bench.board.slots[1].clk, bench.board.slots[1].io, bench.board.slots[1].vcc):
        call(0)
    assert (pins.level, bench.board.slots[1].select.level) == (1, 0)
    assert not [name for name, _ in bench.registers.log if name.startswith(("usart", "dma"))]
    around = [(one["select"], 0), (two["select"], 1), (bench.pins.RST, 0), (two["select"], 0), (one["select"], 1)]
    assert moved[:5] == around
    assert receive(first) == b"\x90"


def test_the_clock_stops_when_neither_card_wants_it(bench: Bench) -> None:
    first, second = bench.up(0), bench.up(1)
    first.clk(0)
    assert bench.registers.card_hz
    second.clk(0)
    assert bench.registers.card_hz == 0


def test_presence_and_removal(bench: Bench) -> None:
    machine: Any = sys.modules["machine"]
    pin = machine.Pin(bench.pins.SLOTS[0]["off"])
    pin.set(1)
    assert bench.port.present
    pin.set(0)
    pin.set(1)
    assert bench.port.removed


def test_the_repl_leaves_usart1(bench: Bench) -> None:
    bench.pins.repl_off()
    assert bench.repl == [None]
