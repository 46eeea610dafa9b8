"""MicroPython's modules for firmware that runs in CPython on a `Chip`: its own `rp2.py` as it stands, the C parts under it stood in for."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import importlib.util
import os
import struct
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.tools.rp2040.chip import Chip
from tournee_sim.pytest_plugin import need

FIRMWARE = Path(__file__).resolve().parents[3] / "firmware"
_ASSEMBLER = Path("ports", "rp2", "modules", "rp2.py")
_PREFIXES = ("tournee_fw", "machine", "micropython", "rp2", "_rp2", "uctypes", "bluetooth")


@cache
def assembler() -> Path:
    """MicroPython's `rp2.py`; fetched like the rest of its source when this machine has none."""
    if str(FIRMWARE) not in sys.path:
        sys.path.append(str(FIRMWARE))
    from building import TOOLS, BuildError, sources

    there = TOOLS / f"micropython-{sources.VERSION}" / _ASSEMBLER
    if there.is_file() and not os.environ.get(sources.VARIABLE):  # nothing to fetch, so no build to wait for
        return there
    try:
        TOOLS.mkdir(exist_ok=True)
        with (TOOLS / "build.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return sources.micropython(None) / _ASSEMBLER
    except BuildError as error:
        need("micropython_source", False, f"{error} → {error.remedy}")
        raise


class Firmware:
    """`load(name)` imports a module of the firmware against this chip; valid inside `modules`."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.pins: dict[int, Pin] = {}
        self.clocks: dict[int, int] = {}
        self.on_pin: Callable[[int, int], None] = lambda pin, level: None
        self.on_clock: Callable[[int, int], None] = lambda pin, hz: None
        self.slept: Callable[[], None] = lambda: None
        self.dma_free = list(range(12))

    def load(self, name: str) -> Any:
        module = importlib.import_module(name)
        for loaded in list(sys.modules.values()):
            if getattr(loaded, "__name__", "").startswith("tournee_fw") and hasattr(loaded, "time"):
                loaded.time = self.time  # type: ignore[attr-defined]
        return module

    @property
    def time(self) -> Any:
        chip = self.chip

        def sleep_us(us: int) -> None:
            chip.run(us * chip.hz / 1_000_000)
            self.slept()

        return SimpleNamespace(
            ticks_ms=lambda: chip.now * 1000 // chip.hz & 0x3FFFFFFF,
            ticks_us=lambda: chip.now * 1_000_000 // chip.hz & 0x3FFFFFFF,
            ticks_diff=lambda a, b: ((a - b + 0x20000000) & 0x3FFFFFFF) - 0x20000000,
            sleep_us=sleep_us,
            sleep_ms=lambda ms: sleep_us(ms * 1000),
        )


class Pin:
    """`machine.Pin`: what the firmware drives is told to `on_pin`; inputs are set by the test with `set`."""

    IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN, IRQ_FALLING, IRQ_RISING = 0, 1, 2, 1, 2, 4, 8
    _firmware: Firmware

    def __new__(cls, number: int, *args: Any, **kw: Any) -> Pin:
        return cls._firmware.pins.setdefault(number, super().__new__(cls))

    def __init__(self, number: int, mode: int = -1, pull: int = -1, *, value: int | None = None, alt: int = -1) -> None:
        if not hasattr(self, "number"):
            self.number, self.mode, self.pull, self.level = number, -1, -1, 1
            self.handler: Callable[[Pin], None] | None = None
        if mode >= 0:
            self.mode = mode
            if self._firmware.clocks.pop(number, None):
                self._firmware.on_clock(number, 0)
        if pull >= 0:
            self.pull = pull
        if value is not None:
            self.value(value)

    def value(self, level: int | None = None) -> int:
        if level is not None:
            self.level = int(level)
            self._firmware.on_pin(self.number, self.level)
        return self.level

    __call__ = value

    def irq(self, handler: Callable[[Pin], None], trigger: int, hard: bool = False) -> None:
        self.handler = handler

    def set(self, level: int) -> None:
        """From outside."""
        if level != self.level:
            self.level = level
            if self.handler:
                self.handler(self)


@contextlib.contextmanager
def modules(chip: Chip) -> Iterator[Firmware]:
    """Names of MicroPython's modules mean this chip's inside the block."""
    firmware = Firmware(chip)
    kept = {name: m for name, m in sys.modules.items() if name.partition(".")[0] in _PREFIXES}
    for name in kept:
        del sys.modules[name]
    sys.path.insert(0, str(FIRMWARE))
    try:
        sys.modules.update(_stand_ins(firmware))
        sys.modules["rp2"] = _module_from("rp2", assembler())
        yield firmware
    finally:
        sys.path.remove(str(FIRMWARE))
        for name in [name for name in sys.modules if name.partition(".")[0] in _PREFIXES]:
            del sys.modules[name]
        sys.modules.update(kept)


def _module_from(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stand_ins(firmware: Firmware) -> dict[str, ModuleType]:
    chip = firmware.chip

    class Mem32:
        def __getitem__(self, address: int) -> int:
            return int(chip.rp.read_uint32(address))

        def __setitem__(self, address: int, value: int) -> None:
            chip.rp.write_uint32(address, value & 0xFFFFFFFF)
            chip.pio.recompute_due()

    def freq(hz: int | None = None) -> int:
        if hz is not None:
            chip.hz = hz
        return chip.hz

    class ThisPin(Pin):
        _firmware = firmware

    class PWM:
        """ports/rp2/machine_pwm.c: TOP from the frequency, divider 1; a pin driven again as GPIO ends it."""

        def __init__(self, pin: Pin, *, freq: int, duty_u16: int) -> None:
            top = (chip.hz + freq // 2) // freq - 1
            self.pin, self.clocks, self.high = pin, top + 1, (top + 1) * duty_u16 // 65535
            firmware.clocks[pin.number] = top + 1
            firmware.on_clock(pin.number, chip.hz // (top + 1))

        def deinit(self) -> None:
            if firmware.clocks.pop(self.pin.number, None):
                firmware.on_clock(self.pin.number, 0)

    micropython = ModuleType("micropython")
    identity = lambda x: x  # noqa: E731
    micropython.__dict__.update(const=identity, native=identity, viper=identity, schedule=lambda f, a: f(a))
    machine = ModuleType("machine")
    machine.__dict__.update(mem32=Mem32(), Pin=ThisPin, PWM=PWM, freq=freq)
    uctypes = ModuleType("uctypes")
    uctypes.__dict__.update(addressof=lambda buffer: chip.allocate(len(buffer)), bytearray_at=chip.memory)
    low = ModuleType("_rp2")
    low.__dict__.update(PIO=_Pio, StateMachine=_machine(chip), DMA=_dma(firmware))
    return {"micropython": micropython, "machine": machine, "uctypes": uctypes, "_rp2": low}


class _Pio:
    IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3
    SHIFT_LEFT, SHIFT_RIGHT = 0, 1
    JOIN_NONE, JOIN_TX, JOIN_RX = 0, 1, 2


def _machine(chip: Chip) -> type:
    class StateMachine:
        """ports/rp2/rp2_pio.c for PIO 0; a program is put where `pio_add_program` of the SDK puts it: as high as it fits."""

        def __init__(
            self, number: int, program: list[Any], *, in_base: Pin, out_base: Pin, set_base: Pin, jmp_pin: Pin
        ) -> None:
            self.number = number
            words, offset = program[0], program[1]
            if offset < 0:
                offset = program[1] = 32 - len(words)
                for i, word in enumerate(words):
                    jump = word >> 13 == 0
                    chip.rp.write_uint32(0x50200048 + 4 * (offset + i), word + offset if jump else word)
            base = 0x502000C8 + 0x18 * number
            executes = program[3] + (offset << 12) + (offset << 7) | jmp_pin.number << 24
            pins = in_base.number << 15 | 1 << 26 | set_base.number << 5 | 1 << 20 | out_base.number
            for at, value in ((0, 1 << 16), (4, executes), (8, program[4]), (0x14, pins)):
                chip.rp.write_uint32(base + at, value)
            chip.force(number, offset)

        def active(self, value: int) -> None:
            chip.enable(self.number, bool(value))

        def exec(self, instruction: int) -> None:
            chip.force(self.number, instruction)

    return StateMachine


def _dma(firmware: Firmware) -> type:
    chip = firmware.chip
    fields = {
        "enable": (0, 1), "high_pri": (1, 1), "size": (2, 2), "inc_read": (4, 1), "inc_write": (5, 1), "ring_size": (6, 4),
        "ring_sel": (10, 1), "chain_to": (11, 4), "treq_sel": (15, 6), "irq_quiet": (21, 1), "bswap": (22, 1),
    }  # fmt: skip

    class DMA:
        """ports/rp2/rp2_dma.c."""

        def __init__(self) -> None:
            self.channel = firmware.dma_free.pop(0)
            self._base = 0x50000000 + 0x40 * self.channel

        def pack_ctrl(self, **values: int) -> int:
            word = 1 << 21 | 0x3F << 15 | 3 << 4 | 2 << 2 | 1 | self.channel << 11
            for name, value in values.items():
                shift, bits = fields[name]
                word = word & ~((1 << bits) - 1 << shift) | int(value) << shift
            return word

        def config(self, *, read: int, write: int, count: int, ctrl: int, trigger: bool = False) -> None:
            for at, value in ((0, read), (4, write), (8, count), (0x0C if trigger else 0x10, ctrl)):
                chip.rp.write_uint32(self._base + at, value)

        def active(self, value: int | None = None) -> bool:
            if value == 0:
                chip.rp.write_uint32(0x50000444, 1 << self.channel)
            return bool(chip.rp.read_uint32(self._base + 0x10) >> 24 & 1)

        @property
        def write(self) -> int:
            return int(chip.rp.read_uint32(self._base + 4))

        @property
        def count(self) -> int:
            return int(chip.rp.read_uint32(self._base + 8))

    return DMA


def words(buffer: bytes) -> tuple[int, ...]:
    """16-bit words of a ring."""
    return struct.unpack(f"<{len(buffer) // 2}H", buffer)
