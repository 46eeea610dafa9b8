"""Boards with an RP2040 or RP2350: two PIO card slots; Bluetooth where the image has it."""

import machine

from .pinboard import PinBoard
from .pioport import PioPort
from .tda8035 import Tda8035

# System clock → clocks of it per clock of the card, 3.571 428 MHz: the dividers of PIO are exact then for the F/D of the tables.
CARD_CLOCKS = {125_000_000: 35, 150_000_000: 42, 200_000_000: 56}


class Rp2Board(PinBoard):
    """Built by `picoboard` from a board's `pins`; sets the system clock that they name."""

    def __init__(self, name, pins, transports, display=None, keypad=None, battery=None, buzzer=None):
        super().__init__(name, transports, display, keypad, battery, buzzer)
        machine.freq(pins.HZ)
        card_hz = pins.HZ // CARD_CLOCKS[pins.HZ]
        self.clock_khz = card_hz // 1000
        ports = []
        offs = []
        for i, slot in enumerate(pins.SLOTS):
            power = Tda8035(slot["cmdvcc"], slot["off"], slot["en_5v"], slot["en_1v8"])
            ports.append(PioPort(i, slot["io"], slot["clk"], slot["rst"], power, pins.HZ, card_hz))
            offs.append(power.off)
        self._start(ports, offs)
