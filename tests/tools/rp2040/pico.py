"""A Raspberry Pi Pico with MicroPython's image for it, wired as `boards/RPI_PICO_W/pins.py` says: slots, keypad, display, USB.

Everything above the registers is the image's; what hangs on the pins is the bench's: a card by levels (`pincard`), keys that join a row
and a column, the display's controller on the I2C bus. USB is a byte stream: `said` and `type`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rp2040py.boards import BoardSpec
from rp2040py.device.mp_device import MicroPythonDevice
from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.usb import SIE_CTRL_PULLUP_EN
from rp2040py.utils.firmware_retrieve import MICROPYTHON, flash_layout

from tests.tools.rp2040.image import ImageChip
from tests.tools.rp2040.lcd import Lcd
from tests.tools.rp2040.pincard import PinSlot
from tournee.flash.adapters import images
from tournee_sim.cards.core import Card
from tournee_sim.cards.t0 import ByteCard
from tournee_sim.cards.tpdu import TpduCard

SLOTS = ({"io": 2, "clk": 3, "rst": 4, "cmdvcc": 5, "off": 6}, {"io": 9, "clk": 10, "rst": 11, "cmdvcc": 12, "off": 13})
"""GPIO numbers, as in hardware/pins/RPI_PICO_W.toml; so are the keypad's."""
ROWS, COLUMNS = (18, 19, 20, 21), (22, 26, 27)
_KEYS = "123456789\b0\r"
_FLASH = 0x10000000
_HELD_MS, _PAUSE_MS = 40, 40
_REPL_ENDPOINT, _OWN_INTERFACE = 2, 2


class Pico:
    """`uf2` with `files` (name -> content) in its file system; `run` lets emulated time pass."""

    def __init__(self, uf2: Path, files: Mapping[str, bytes]) -> None:
        layout = flash_layout(MICROPYTHON, "pico")
        self.device = MicroPythonDevice(board=BoardSpec(image=uf2))
        rp = self.device.mcu
        self.disk_at: int = layout["fs_start"]
        disk = images.littlefs(files, layout["fs_blocksize"], layout["fs_blockcount"])
        rp.flash[self.disk_at : self.disk_at + len(disk)] = disk
        self.chip = ImageChip(self.device.simulator)
        self.said = bytearray()
        self.typed_until = 0
        self._host = _Usb(self.device, self.said)
        self.display = Lcd(rp.i2c[0])
        self.slots = [PinSlot(self.chip, wires, self._level(wires["off"])) for wires in SLOTS]
        for slot, wires in zip(self.slots, SLOTS, strict=True):
            self._level(wires["off"])(0)
            for name in ("rst", "cmdvcc"):
                rp.gpio[wires[name]].add_listener(partial(self._told, slot, wires, name))
        self.connected = False
        self.device.cdc.on_device_connected = lambda: setattr(self, "connected", True)
        self._down = ""
        for pin in COLUMNS:
            self._level(pin)(1)
        for pin in ROWS:
            rp.gpio[pin].add_listener(lambda *_: self._columns())
        rp.core.pc = _FLASH
        self.device.simulator.stopped = False

    def insert(self, slot: int, card: Card) -> None:
        self.slots[slot].insert(ByteCard(TpduCard(card)))

    @property
    def ms(self) -> float:
        """Emulated time since power-on."""
        return self.chip.now * 1000 / self.chip.hz

    @property
    def busy_cycles(self) -> int:
        """Clocks in which the processor executed; it sleeps in the others."""
        return int(self.device.mcu.core.cycles)

    def run(self, ms: float) -> None:
        self.chip.run(ms * self.chip.hz / 1000)

    def until(self, done: Callable[[], bool], within_ms: float) -> None:
        """Let time pass until `done()`, looked at every emulated ms."""
        end = self.ms + within_ms
        while not done():
            assert self.ms < end, (bytes(self.said[-500:]), self.display.lines)
            self.run(1)

    def type(self, data: bytes) -> None:
        """Bytes from the host."""
        self._host.send(data)

    def press(self, keys: str) -> None:
        """Keys of the keypad one after the other, from now on: digits, `\\r` (OK), `\\b` (correct)."""
        at = max(self.chip.now, self.typed_until)
        per_ms = self.chip.hz // 1000
        for key in keys:
            assert key in _KEYS
            self.chip.at(at, partial(self._hold, key))
            self.chip.at(at + _HELD_MS * per_ms, partial(self._hold, ""))
            at += (_HELD_MS + _PAUSE_MS) * per_ms
        self.typed_until = at

    def _hold(self, key: str) -> None:
        self._down = key
        self._columns()

    def _columns(self) -> None:
        """A column is low while a key joins it to a row that is driven low."""
        row, column = divmod(_KEYS.index(self._down), len(COLUMNS)) if self._down else (-1, -1)
        for i, pin in enumerate(COLUMNS):
            low = i == column and self.device.mcu.gpio[ROWS[row]].value == GPIOPinState.LOW
            self._level(pin)(int(not low))

    def _level(self, pin: int) -> Callable[[int], None]:
        return lambda level: self.device.mcu.gpio[pin].set_input_value(bool(level))

    def _told(self, slot: PinSlot, wires: Mapping[str, int], name: str, state: Any, before: Any) -> None:
        if state in (GPIOPinState.LOW, GPIOPinState.HIGH):
            slot.clock(wires["clk"], self.chip.pwm_hz(wires["clk"]))
            slot.pin(wires[name], int(state == GPIOPinState.HIGH))


class _Usb:
    """The host's end of the last serial port: the REPL's, or the firmware's own once the board has come back with it.

    `rp2040py` answers a read with nothing when there is nothing; a host keeps the chip waiting instead. It enumerates a board once and opens
    its first port; here a board that leaves the bus and comes back is enumerated again, and its second port is opened too.
    """

    def __init__(self, device: MicroPythonDevice, said: bytearray) -> None:
        self._cdc, self._usb = device.cdc, device.mcu.usb_ctrl
        self._waiting: list[int] = []
        self._typed = bytearray()
        device.cdc.on_serial_data = said.extend
        self._control = self._usb.on_endpoint_read
        self._usb.on_endpoint_read = self._read
        self._written, self._usb.on_endpoint_write = self._usb.on_endpoint_write, self._write
        self._sie, self._usb._handle_sie_ctrl_write = self._usb._handle_sie_ctrl_write, self._pulled
        self._present = self._left = self._opened = False
        self._gone, self._usb.on_reset = self._usb.on_reset, self._reset

    def send(self, data: bytes) -> None:
        self._typed += data
        if self._waiting:
            self._give(self._waiting.pop())

    def _reset(self) -> None:
        """The board has left the bus: what was on its way to it is lost."""
        self._waiting.clear()
        self._typed.clear()
        self._present = self._left = self._opened = False
        self._gone()

    def _read(self, endpoint: int, size: int) -> None:
        if endpoint == 0 or endpoint != self._cdc._out_endpoint:
            self._control(endpoint, size)
        elif self._typed:
            self._give(size)
        else:
            self._waiting.append(size)

    def _pulled(self, value: int) -> None:
        """The pull-up tells the host that a board is there."""
        present = bool(value & SIE_CTRL_PULLUP_EN)
        self._left |= self._present and not present
        came, self._present = present and not self._present, present
        self._sie(value)
        if came and self._left:
            self._left = self._opened = False
            self._waiting.clear()
            self._cdc._on_controller_reset()
            self._usb.reset_device()

    def _write(self, endpoint: int, buffer: bytes) -> None:
        opened = self._cdc._initialized
        self._written(endpoint, buffer)
        if endpoint == 0 and not buffer and opened and not self._opened:
            self._opened = True
            if self._cdc._out_endpoint != _REPL_ENDPOINT:
                self._cdc._cdc_set_control_line_state(interface_number=_OWN_INTERFACE)

    def _give(self, size: int) -> None:
        data = bytes(self._typed[:size])
        del self._typed[:size]
        self._usb.endpoint_read_done(self._cdc._out_endpoint, data)
