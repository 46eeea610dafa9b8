"""A PIO card UART and a bit-level card on one wire, for tests of the program itself: words in, words out, no HAL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.tools.rp2040.chip import Chip, Line
from tests.tools.rp2040.micropython import Firmware
from tournee_sim.cards.bitlevel import BitCard, Character


class ChipWire:
    """`bitlevel.Wire` on a line of the chip."""

    def __init__(self, chip: Chip, line: Line) -> None:
        self._chip, self._line = chip, line

    def now(self) -> int:
        return self._chip.now

    def at(self, ticks: float, what: Callable[[], None]) -> None:
        self._chip.at(ticks, what)

    def pull(self, low: bool) -> None:
        self._line.card(low)


def attach(chip: Chip, line: Line, etu_clocks: float, **options: Any) -> BitCard:
    """A card on `line`; its etu in system clocks."""
    card = BitCard(ChipWire(chip, line), etu_clocks, **options)
    line.watchers.append(card.level)
    return card


class Uart:
    """One state machine with the program `pio7816`, driven word by word."""

    def __init__(
        self,
        firmware: Firmware,
        machine: int = 0,
        pin: int = 2,
        *,
        clocks_per_etu: float = 13020,
        inverse: bool = False,
    ) -> None:
        self.chip = firmware.chip
        self.pio = firmware.load("tournee_fw.hal.pio7816")
        rp2, machine_module = firmware.load("rp2"), firmware.load("machine")
        self.machine = machine
        io = machine_module.Pin(pin)
        self.line = self.chip.connect(pin)
        self.sm = rp2.StateMachine(machine, self.pio.uart, in_base=io, out_base=io, set_base=io, jmp_pin=io)
        self.offset = self.pio.uart[1]
        self.etu = clocks_per_etu
        self.inverse = inverse
        self._base = self.pio.PIO0 + self.pio.SM + self.pio.SM_STRIDE * machine
        self.rate(clocks_per_etu)
        self.mode(signal=True)
        self.sm.active(0)
        self.sm.exec(self.offset + self.pio.RX)
        self.sm.active(1)

    def rate(self, clocks_per_etu: float) -> None:
        self.etu = clocks_per_etu
        self.chip.rp.write_uint32(self._base, int(clocks_per_etu * 16) << 8)

    def mode(self, *, signal: bool) -> None:
        word = self.pio.execctrl(self.offset, self.line.pin, self.inverse, signal)
        self.chip.rp.write_uint32(self._base + 4, word)

    def send(self, data: bytes, guard: int = 0) -> None:
        """As many as the FIFO takes at once; the rest while time passes."""
        words = [self.pio.tx_word(byte, self.inverse) | 2 * guard << 12 | self.pio.MORE for byte in data]
        words[-1] = self.pio.tx_word(data[-1], self.inverse)
        self._left = words
        self._feed()
        self.sm.exec(self.offset + self.pio.TX)

    def _feed(self) -> None:
        fifo = self.chip.pio.machines[self.machine].tx_fifo
        while self._left and not fifo.full:
            self.chip.rp.write_uint32(self.pio.PIO0 + 0x10 + 4 * self.machine, self._left.pop(0))
        if self._left:
            self.chip.at(self.chip.now + 6 * self.etu, self._feed)

    def collect(self, etu: float) -> list[int]:
        """Words received in the next `etu`."""
        found: list[int] = []
        fifo = self.chip.pio.machines[self.machine].rx_fifo
        for _ in range(max(1, round(etu / 8))):
            self.chip.run(8 * self.etu)
            while not fifo.empty:
                found.append(self.chip.rp.read_uint32(self.pio.PIO0 + 0x20 + 4 * self.machine) & 0x1FF)
        return found

    def bytes_of(self, words: list[int]) -> tuple[bytes, int]:
        """Good characters, as a direct-convention UART reads them, and how many were bad."""
        good = [w for w in words if self.pio.parity_good(w, self.inverse)]
        return bytes(self.pio.DATA[w >> 1] for w in good), len(words) - len(good)


def characters(data: bytes, **options: Any) -> list[Character]:
    return [Character(byte, **options) for byte in data]
