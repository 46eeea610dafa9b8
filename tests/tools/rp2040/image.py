"""An RP2040 with its processor (`rp2040py`) under the same wires and cards as `Chip`: for a real MicroPython image, or any program.

Time is the emulator's clock. What the package lacks for PIO beside a sleeping processor is added: a sleep is cut at each instruction that a
state machine has due, an edge reaches a waiting machine at its own tick, a forced instruction ends a WAIT, a fast PWM is not stepped, and the
divider of SIO costs no clocks besides those of the code that waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from rp2040py.execute_batch import execute_batch
from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.pio_registers import WaitType
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.sio import RPSIO

from tests.tools.rp2040.chip import Chip, Line

_NS = 8.0  # of a system clock: the emulator knows 125 MHz only
_PIO_PAGE = 0x50200
_SM, _STRIDE, _INSTR = 0xC8, 0x18, 0x10
_DIVIDEND, _DIVISOR, _QUOTIENT, _REMAINDER = 0x60, 0x64, 0x70, 0x74
PWM_FUNCTION, PIO_FUNCTION = 4, 6


class ImageChip(Chip):
    """`simulator`: one that already has its program; else `program` (halfwords) is put into RAM and started."""

    def __init__(self, simulator: Simulator | None = None, program: Sequence[int] = ()) -> None:
        logging.getLogger("rp2040py").setLevel(logging.CRITICAL)
        self.simulator = simulator or Simulator(rp2040=RP2040())
        self.rp = self.simulator.rp2040
        self.hz = 125_000_000
        self.pio = self.rp.pio[0]
        self.lines: dict[int, Line] = {}
        self.steps = 0
        self._top = 0x8000
        self._pump = self.rp.clock.create_alarm(self._pumped)
        self._pump_due = 0
        self.rp.peripherals[_PIO_PAGE] = _Pio(self, self.pio)
        self.rp.sio.__class__ = _Sio
        for channel in self.rp.pwm.channels:
            for alarm in (channel.alarm_a, channel.alarm_b, channel.alarm_bottom):
                alarm.enable = False
        if program:
            for i, halfword in enumerate(program):
                self.rp.write_uint16(0x20000000 + 2 * i, halfword)
            self.rp.core.pc = 0x20000000
            self.simulator.stopped = False

    @property
    def now(self) -> int:
        return round(self.rp.clock.nanos / _NS)

    def at(self, when: float, what: Callable[[], None]) -> None:
        self.rp.clock.create_alarm(what).schedule(max(0.0, when * _NS - self.rp.clock.nanos))

    def connect(self, pin: int) -> Line:
        gpio = self.rp.gpio[pin]
        gpio.pad_value |= 0x40
        gpio.ctrl = PIO_FUNCTION  # what `StateMachine` does; a real image does it itself
        self.lines[pin] = line = Line(self, pin)
        gpio.add_listener(lambda state, before: line.reader(state == GPIOPinState.LOW))
        return line

    def pwm_hz(self, pin: int) -> int:
        """Frequency on `pin`, 0 when it is no PWM."""
        if self.rp.gpio[pin].function_select != PWM_FUNCTION:
            return 0
        return self.hz // (self.rp.pwm.channels[pin >> 1 & 7].top + 1)

    def run_until(self, when: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Batches of the package's own loop, ended by an alarm."""
        ended = [False]
        alarm = self.rp.clock.create_alarm(
            lambda: (ended.__setitem__(0, True), setattr(self.simulator, "stopped", True))
        )
        alarm.schedule(max(0.0, when * _NS - self.rp.clock.nanos))
        while not ended[0] and not stop():
            self.simulator.stopped = False
            execute_batch(self.simulator, 1)
        alarm.cancel()
        self.simulator.stopped = False
        return not ended[0]

    def enable(self, machine: int, on: bool) -> None:
        super().enable(machine, on)
        self.pio.stopped = False
        self.arm()

    def force(self, machine: int, instruction: int) -> None:
        m = self.pio.machines[machine]
        waiting, m.waiting = m.waiting, False
        m.write_uint32(_INSTR, instruction)
        if instruction >> 13 == 0:
            m.next_due_fp = self._tick(m, self.pio.cycle_fp)
        else:
            m.waiting = waiting
        self.pio.recompute_due()
        self.pio.check_changed_pins()
        self.arm()

    def sample(self, pin: int, level: bool) -> None:
        now_fp = self.pio.cycle_fp + (2 << 8)
        for m in self.pio.machines:
            if m.enabled and m.waiting and m.wait_type == WaitType.PIN and m.wait_index == pin:
                tick = self.now + (self._tick(m, now_fp) - now_fp) / 256
                self.at(tick - 1, lambda: None)  # so that the machine's time stands right before it
                self.at(tick, lambda: self._see(pin))
                return
        self._see(pin)

    def _see(self, pin: int) -> None:
        self.rp.gpio[pin].set_input_value(self.lines[pin].synchronised)
        self.arm()

    def arm(self) -> None:
        """A state machine may have something due while the processor sleeps."""
        if self._pump_due != 1:
            self._pump_due = 1
            self._pump.schedule(_NS)

    def _pumped(self) -> None:
        """An alarm comes before the machines are told of the time that passed until it: so first one clock, then to what is due."""
        far, self._pump_due = self._pump_due > 1, 0
        if any(m.enabled and not m.waiting for m in self.pio.machines):
            due = (self.pio.next_due_fp - self.pio.cycle_fp >> 8) - 1
            self._pump_due = 1 if far else max(1, due)
            self._pump.schedule(self._pump_due * _NS)

    def _outputs(self) -> None:
        """The pins' own listeners tell."""


class _Sio(RPSIO):
    """The divider first: MicroPython uses it at every look into a dictionary. Its eight clocks are those of the code that waits for it."""

    def update_hardware_divider(self, signed: bool) -> None:
        before = self.rp2040.core.cycles
        super().update_hardware_divider(signed)
        self.rp2040.core.cycles = before

    def read_uint32(self, offset: int) -> int | float:
        if offset == _QUOTIENT:
            self.div_csr &= ~2
            return self.div_quotient
        if offset == _REMAINDER:
            return self.div_remainder
        return super().read_uint32(offset)

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == _DIVIDEND:
            self.div_dividend = value
        elif offset == _DIVISOR:
            self.div_divisor = value
        else:
            super().write_uint32(offset, value)
            return
        dividend, divisor = self.div_dividend & 0xFFFFFFFF, self.div_divisor & 0xFFFFFFFF
        if divisor:
            self.div_quotient, self.div_remainder = divmod(dividend, divisor)
            self.div_csr = 3
        else:
            self.update_hardware_divider(False)


class _Pio:
    """PIO 0 on the bus: a write may wake a machine, and SMx_INSTR takes the place of a WAIT."""

    def __init__(self, chip: ImageChip, pio: Any) -> None:
        self._chip, self._pio = chip, pio

    def read_uint32(self, offset: int) -> int:
        return int(self._pio.read_uint32(offset))

    def write_uint32(self, offset: int, value: int) -> None:
        self.write_uint32_atomic(offset, value, 0)

    def write_uint32_atomic(self, offset: int, value: int, atomic_type: int) -> None:
        machine, register = divmod(offset - _SM, _STRIDE)
        if 0 <= machine < 4 and register == _INSTR:
            self._chip.force(machine, value & 0xFFFF)
            return
        self._pio.write_uint32_atomic(offset, value, atomic_type)
        self._chip.arm()

    def reset(self) -> None:
        self._pio.reset()
