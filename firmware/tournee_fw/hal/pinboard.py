"""A board of pins: what boards with real contacts, a keypad and a display share; a board family adds its slots."""

import os
import select
import time

from machine import Pin
from micropython import const

from tournee_fw.clock import wrap

from . import Board

_SLICE_MS = const(1)
_LONGEST_MS = const(5)  # of one wait: what has no event of its own (radio, battery) is looked at so often
_BATTERY_MS = const(10_000)


class PinBoard(Board):
    """`slots` come by `_start`, `transports` with it; `display`, `keypad` and `buzzer` may be None, `battery` is a function that gives percent."""

    slack_ms = 25  # a garbage collection while a card's last character waits in the ring

    def __init__(self, name, transports, display=None, keypad=None, battery=None, buzzer=None):
        self.name = name
        self.transports = transports
        self._display = display
        self._keypad = keypad
        self._gauge = battery
        self._buzzer = buzzer
        self._gauge_at = 0
        self._streams = None
        self._watch()

    def _start(self, ports, off_pins):
        """Ports, and the pins that tell of their cards: looked at every ms and at each change.

        A card that is pulled and put back within a long turn of the loop is another card.
        """
        self.slots = ports
        for port, pin in zip(ports, off_pins):
            port.present = bool(pin())
            pin.irq(_poller(port), Pin.IRQ_FALLING | Pin.IRQ_RISING)
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
        key = self._keypad.key() if self._keypad is not None else 0
        if key and self._buzzer is not None:
            self._buzzer.click(self.now_ms())
        return key

    def show(self, line, text):
        if self._display is not None:
            self._display.show(line, text)

    def random(self, n):
        return os.urandom(n)

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
        if self._buzzer is not None:
            self._buzzer.poll(now)
        if self._gauge is not None and (self.battery < 0 or (now - self._gauge_at & 0x3FFFFFFF) >= _BATTERY_MS):
            self._gauge_at = now
            self.battery = self._gauge()
        return busy

    def _watch(self):
        """Streams that can end a nap."""
        streams = [t.stream for t in self.transports if t.stream is not None]
        if streams:
            self._streams = select.poll()
            for stream in streams:
                self._streams.register(stream, select.POLLIN)

    def _nap(self):
        if self._streams is not None:
            for _ in self._streams.ipoll(_SLICE_MS):
                return
        else:
            time.sleep_ms(_SLICE_MS)


def _poller(port):
    return lambda pin: port.poll()


def lithium_percent(millivolt: int) -> int:
    """Charge of a LiPo cell at rest, 3.3 V to 4.2 V. [K: typical discharge curve at 0.2 C]"""
    curve = ((3300, 0), (3600, 8), (3700, 25), (3800, 50), (3900, 68), (4000, 82), (4100, 93), (4200, 100))
    if millivolt <= curve[0][0]:
        return 0
    for (low, low_percent), (high, high_percent) in zip(curve, curve[1:]):
        if millivolt <= high:
            return low_percent + (high_percent - low_percent) * (millivolt - low) // (high - low)
    return 100
