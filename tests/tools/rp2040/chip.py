"""PIO block 0, DMA and memory of an RP2040 (`rp2040py`), stepped in system clocks together with what hangs on its pins.

The processor is not emulated: the firmware's Python runs in the test, in no time at all unless the test lets some pass (`run`). What
`rp2040py` leaves out is added here: a state machine samples its pins at its own ticks and two clocks late (a WAIT of the package ends
on the edge itself), and an instruction forced on a waiting machine takes the place of the WAIT.
"""

from __future__ import annotations

import heapq
import itertools
import logging
from collections.abc import Callable

from rp2040py.peripherals.pio_registers import WaitType
from rp2040py.rp2040 import RP2040

NEVER = 1 << 61
SYNCHRONISER_CLOCKS = 2
RAM = 0x20000000


class Chip:
    """Time is in system clocks. `lines[pin]` are the wires whose level the PIO sees."""

    def __init__(self, hz: int = 125_000_000) -> None:
        logging.getLogger("rp2040py").setLevel(logging.CRITICAL)
        self.hz = hz
        self.rp = RP2040()
        self.pio = self.rp.pio[0]
        self.now = 0
        self.lines: dict[int, Line] = {}
        self.steps = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._top = 0x8000  # of the memory given out

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Call `what` at clock `when`."""
        heapq.heappush(self._events, (max(round(when), self.now), next(self._order), what))

    def allocate(self, size: int) -> int:
        """Address of `size` bytes of memory, as badly aligned as MicroPython's heap allows (16)."""
        self._top += 16 + (-self._top) % 16
        address, self._top = RAM + self._top, self._top + size
        return address

    def memory(self, address: int, size: int) -> memoryview:
        return memoryview(self.rp.sram)[address - RAM : address - RAM + size]

    def connect(self, pin: int) -> Line:
        """A wire with a pull-up on `pin`."""
        self.rp.gpio[pin].pad_value |= 0x40  # input enable, as `Pin()` does
        self.lines[pin] = line = Line(self, pin)
        return line

    def force(self, machine: int, instruction: int) -> None:
        """SMx_INSTR: executed at once; a jump ends a WAIT, anything else leaves it waiting."""
        m = self.pio.machines[machine]
        waiting, m.waiting = m.waiting, False
        m.write_uint32(0x10, instruction)
        if instruction >> 13 == 0:
            m.next_due_fp = self._tick(m, self.now << 8)
        else:
            m.waiting = waiting
        self.pio.recompute_due()
        self._outputs()

    def enable(self, machine: int, on: bool) -> None:
        m = self.pio.machines[machine]
        if on and not m.enabled:
            m.next_due_fp = self.now << 8
        m.enabled = on
        self.pio.recompute_due()

    def run(self, clocks: float) -> None:
        """Let time pass."""
        self.run_until(self.now + round(clocks))

    def run_until(self, when: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """To clock `when`, or until `stop()` after a step; True when it stopped."""
        while True:
            due = -(-self.pio.next_due_fp // 256) if self.pio.next_due_fp < NEVER else NEVER
            target = min(max(due, self.now), self._events[0][0] if self._events else NEVER, when)
            clocks, self.now = target - self.now, target
            self.pio.advance(clocks)
            self.rp.clock.tick(clocks * 1e9 / self.hz)
            self.steps += 1
            self._outputs()
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            if stop():
                return True
            if self.now >= when and due > when and not (self._events and self._events[0][0] <= when):
                return False

    def _outputs(self) -> None:
        directions = self.pio.pin_directions
        for pin, line in self.lines.items():
            line.reader(bool(directions >> pin & 1))

    def _tick(self, machine: object, when_fp: int) -> int:
        """The first tick of `machine` at or after `when_fp` (clocks/256)."""
        due, div = machine.next_due_fp, machine.div_fp  # type: ignore[attr-defined]
        return int(due + -(-(when_fp - due) // div) * div)

    def sample(self, pin: int, level: bool) -> None:
        """The synchronised level of `pin` is now `level`: seen at once by a machine that runs, at its next tick by one that waits."""
        latest = self.now << 8
        for m in self.pio.machines:
            if m.enabled and m.waiting and m.wait_type == WaitType.PIN and m.wait_index == pin:
                latest = max(latest, self._tick(m, self.now << 8))
        if latest == self.now << 8:
            self.rp.gpio[pin].set_input_value(level)
        else:
            self.at(-(-latest // 256), lambda: self.rp.gpio[pin].set_input_value(self.lines[pin].synchronised))


class Line:
    """A pulled-up wire: low when the reader's pin or a card pulls. Cards are told of every change of level."""

    def __init__(self, chip: Chip, pin: int) -> None:
        self._chip = chip
        self.pin = pin
        self.level = self.synchronised = True
        self.edges: list[tuple[int, bool]] = []
        self.watchers: list[Callable[[bool], None]] = []
        self._low: dict[str, bool] = {"reader": False, "card": False}
        chip.rp.gpio[pin].set_input_value(True)

    def reader(self, low: bool) -> None:
        self._pull("reader", low)

    def card(self, low: bool) -> None:
        self._pull("card", low)

    def _pull(self, who: str, low: bool) -> None:
        if self._low[who] == low:
            return
        self._low[who] = low
        level = not any(self._low.values())
        if level == self.level:
            return
        self.level = level
        self.edges.append((self._chip.now, level))
        self._chip.at(self._chip.now + SYNCHRONISER_CLOCKS, lambda: self._synchronise(level))
        for watcher in list(self.watchers):
            watcher(level)

    def _synchronise(self, level: bool) -> None:
        self.synchronised = level
        self._chip.sample(self.pin, level)
