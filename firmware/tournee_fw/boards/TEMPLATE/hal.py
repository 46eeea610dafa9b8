"""The one file to write for a board whose card UART is new. It runs as it stands, with slots that never have a card.

A board with an RP2040, RP2350 or STM32WB needs none of this: take `hal/rp2` or `hal/stm32` and write only a pin map.
"""

from tournee_fw.hal import CardPort
from tournee_fw.hal.pinboard import PinBoard


class TemplatePort(CardPort):
    """A slot. What each call means stands in `tournee_fw/hal/__init__.py`."""

    def __init__(self, wires):
        self._wires = wires

    def vcc(self, volt_class):
        """Tell the card interface chip (see `hal/tda8035`)."""

    def io(self, level):
        """Hold I/O low, or let it go."""

    def rst(self, level):
        """Drive RST; at 1 forget what was received: an answer to reset comes."""

    def clk(self, khz, level=0):
        """Start or stop the card's clock."""

    def etu(self, f, d, guard, signal):
        """Set the UART: clocks per bit, guard time, error signal on or off."""

    def write(self, buf, n):
        """Hand the characters to the UART, 16 etu after the last received one, and keep their echo out of `read_into`."""

    def read_into(self, buf):
        """What DMA or an interrupt has put into your ring since the last call."""
        return 0

    def waiting(self):
        """Called every ms by `PinBoard.wait`: characters have come since the last call."""
        return False

    def poll(self):
        """Called every ms and by the presence pin's interrupt: set `present`, and `removed` when a card has gone."""


class TemplateBoard(PinBoard):
    """`PinBoard` has the loop, keypad, display, battery and randomness; give it the slots and their presence pins."""

    clock_khz = 3571

    def __init__(self, name, pins, transports):
        super().__init__(name, transports)
        self._start([TemplatePort(wires) for wires in pins.SLOTS], [_Absent() for _ in pins.SLOTS])


class _Absent:
    """Stands for a presence pin until yours is there: `machine.Pin(wires["off"], machine.Pin.IN, machine.Pin.PULL_UP)`."""

    def __call__(self):
        return 0

    def irq(self, handler, trigger):
        pass
