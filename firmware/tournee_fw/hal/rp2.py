"""Boards with an RP2040 or RP2350: two PIO card slots, keypad, display, battery, USB; Bluetooth where the image has it."""

import os
import time

import machine
from machine import Pin
from micropython import const

from tournee_fw.clock import wrap

from . import Board
from .pioport import PioPort
from .tda8035 import Tda8035

# System clock → clocks of it per clock of the card, 3.571 428 MHz: the dividers of PIO are exact then for the F/D of the tables.
CARD_CLOCKS = {125_000_000: 35, 150_000_000: 42, 200_000_000: 56}
_SLICE_MS = const(1)
_LONGEST_MS = const(5)  # of one wait: what has no event of its own (radio, battery) is looked at so often
_BATTERY_MS = const(10_000)


class Rp2Board(Board):
    """Built by `boards/<BOARD>/main.py` from its `pins`. `transports` come with it; `display` and `keypad` may be None."""

    slack_ms = 25  # a garbage collection while a card's last character waits in the ring

    def __init__(self, name, pins, transports, display=None, keypad=None, battery=None):
        self.name = name
        machine.freq(pins.HZ)
        card_hz = pins.HZ // CARD_CLOCKS[pins.HZ]
        self.clock_khz = card_hz // 1000
        self.transports = transports
        self._display = display
        self._keypad = keypad
        self._gauge = battery
        self._gauge_at = 0
        self.slots = [self._slot(i, slot, pins.HZ, card_hz) for i, slot in enumerate(pins.SLOTS)]
        self._streams = None
        self._watch()
        self._service()

    def now_ms(self):
        return wrap(time.ticks_ms())  # type: ignore[arg-type] (stubs hide that ticks are int)

    def wait(self, timeout_ms):
        for _ in range(min(timeout_ms, _LONGEST_MS)):
            if self._service():
                return
            self._nap()
        self._service()

    def key(self):
        return self._keypad.key() if self._keypad is not None else 0

    def show(self, line, text):
        if self._display is not None:
            self._display.show(line, text)

    def random(self, n):
        return os.urandom(n)

    def _slot(self, number, slot, hz, card_hz):
        power = Tda8035(slot["cmdvcc"], slot["off"], slot["en_5v"], slot["en_1v8"])
        port = PioPort(number, slot["io"], slot["clk"], slot["rst"], power, hz, card_hz)
        port.present = power.present()
        # Not only every ms: a card that is pulled and put back within a long turn of the loop is another card.
        power.off.irq(lambda pin: port.poll(), Pin.IRQ_FALLING | Pin.IRQ_RISING)
        return port

    def _service(self):
        """Look at everything once; True when there is something to do."""
        now = self.now_ms()
        busy = False
        for port in self.slots:
            was = port.present
            port.poll()
            if port.present != was or port.removed or port.waiting():
                busy = True
        if self._keypad is not None and self._keypad.poll(now):
            busy = True
        if self._gauge is not None and (self.battery < 0 or (now - self._gauge_at & 0x3FFFFFFF) >= _BATTERY_MS):
            self._gauge_at = now
            self.battery = self._gauge()
        return busy

    def _watch(self):
        """Streams that can end a nap."""
        import select

        streams = [t.stream for t in self.transports if t.stream is not None]
        if streams:
            self._streams = select.poll()
            for stream in streams:
                self._streams.register(stream, select.POLLIN)

    def _nap(self):
        if self._streams is not None:
            self._streams.poll(_SLICE_MS)
        else:
            time.sleep_ms(_SLICE_MS)


def lithium_percent(millivolt: int) -> int:
    """Charge of a LiPo cell at rest, 3.3 V to 4.2 V. [K: typical discharge curve at 0.2 C]"""
    curve = ((3300, 0), (3600, 8), (3700, 25), (3800, 50), (3900, 68), (4000, 82), (4100, 93), (4200, 100))
    if millivolt <= curve[0][0]:
        return 0
    for (low, low_percent), (high, high_percent) in zip(curve, curve[1:]):
        if millivolt <= high:
            return low_percent + (high_percent - low_percent) * (millivolt - low) // (high - low)
    return 100
