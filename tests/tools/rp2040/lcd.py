"""A display of 4 x 20 characters behind a PCF8574 on an I2C bus of the emulated chip: what a person reads on it.

[SPEC HD44780U data sheet: 4-bit interface, instructions "set DDRAM address" and "clear display"; PCF8574 data sheet: one byte, eight pins]
"""

from __future__ import annotations

from typing import Any

ADDRESS = 0x27
_RS, _ENABLE = 0x01, 0x04
_LINES = (0x00, 0x40, 0x14, 0x54)


class Lcd:
    """`lines` of the display on `bus` (`rp2040py`'s I2C)."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self._memory = bytearray(b" " * 0x68)
        self._at = 0
        self._pins = 0
        self._four_bits = False
        self._high: int | None = None
        self._mine = False
        bus.on_connect = self._connect
        bus.on_write_byte = self._write

    @property
    def lines(self) -> list[str]:
        return [self._memory[at : at + 20].decode("latin-1").rstrip() for at in _LINES]

    def _connect(self, address: int, mode: Any) -> None:
        self._mine = address == ADDRESS and int(mode) == 0
        self._bus.complete_connect(self._mine)

    def _write(self, pins: int) -> None:
        if self._pins & _ENABLE and not pins & _ENABLE:
            self._latch(self._pins >> 4, self._pins & _RS)
        self._pins = pins
        self._bus.complete_write(True)

    def _latch(self, nibble: int, data: int) -> None:
        if not self._four_bits:  # it starts with eight, the lower four open, until it is told
            self._four_bits = nibble == 2
        elif self._high is None:
            self._high = nibble
        else:
            byte, self._high = self._high << 4 | nibble, None
            self._byte(byte, data)

    def _byte(self, byte: int, data: int) -> None:
        if data:
            self._memory[self._at] = byte
            self._at = (self._at + 1) % len(self._memory)
        elif byte & 0x80:
            self._at = byte & 0x7F
        elif byte == 1:
            self._memory[:] = b" " * len(self._memory)
            self._at = 0
