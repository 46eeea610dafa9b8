"""Card slots that share one USART: the interface chip whose chip select is high has the lines.

One exchange at a time: the slot that last began one has the USART, and what another card says meanwhile is lost. The link has one
request in flight, so that nothing is.
"""

import time

from machine import Pin

from . import CardPort

_RING = 1024
_BACK_CLOCKS_US = 200


class Shared:
    """The USART, and which port has it."""

    def __init__(self, usart):
        self.usart = usart
        self.owner = None
        self.clocked = []

    def take(self, port):
        if self.owner is port:
            return
        if self.owner is not None:
            self.owner.leave()
        self.owner = port
        port.enter()

    def aside(self, port, action, value):
        """`action(value)` with the chip of `port` selected for that moment: what the other slot does goes on."""
        owner = self.owner
        if owner is port or owner is None:
            port.select(1)
            action(value)
            port.select(owner is port)
            return
        owner.select(0)
        port.select(1)
        action(value)
        port.select(0)
        owner.select(1)


class UsartPort(CardPort):
    """`power`: the slot's interface chip; `select`: pin of its chip select, `rst`: of RSTIN (shared, latched by the chip)."""

    def __init__(self, shared, select, rst, power):
        self._shared = shared
        self._usart = shared.usart
        self.select = Pin(select, Pin.OUT, value=0)
        self._rst = rst
        self._power = power
        self._f, self._d, self._guard, self._signal = 372, 1, 0, False
        self._first = True
        self._inverse = False
        self._at = 0
        self._block = bytearray(261)
        self._damaged = 0
        self._nothing_sent()
        self._gave_up = False

    def vcc(self, volt_class):
        if volt_class:
            self._shared.take(self)
            self._power.vcc(volt_class)
        else:
            self._shared.aside(self, self._power.vcc, 0)

    def rst(self, level):
        if level:
            self._shared.take(self)
            self._first = True
            self._inverse = False
            self._set_up()
            self._rst(1)
        else:
            self._shared.aside(self, self._rst, 0)

    def clk(self, khz, level=0):
        """Both chips have the clock of one timer: it runs while a card of either wants it, at the last rate asked for."""
        wanted = self._shared.clocked
        if not khz:
            if self in wanted:
                wanted.remove(self)
            if not wanted:
                self._usart.clock(0)
            return
        stopped = not wanted
        if self not in wanted:
            wanted.append(self)
        self._usart.clock(khz)
        if stopped:
            time.sleep_us(_BACK_CLOCKS_US)

    def etu(self, f, d, guard, signal):
        self._f, self._d, self._guard, self._signal = f, d, max(guard, 0), signal
        if self._shared.owner is self:
            self._set_up()

    def write(self, buf, n):
        self._shared.take(self)
        self._block[:n] = buf[:n]
        self._nothing_sent()
        self._out = n
        self._gave_up = False
        time.sleep_us(self._pause_us())
        self.poll()

    def read_into(self, buf):
        self.poll()
        if self._shared.owner is not self:
            return 0
        ring = self._usart.ring
        end = self._usart.place()
        n = 0
        while self._at != end and n < len(buf):
            byte = ring[self._at]
            self._at = (self._at + 1) % _RING
            self._heard += 1
            if self._is_echo(byte):
                continue
            if self._first:
                self._first = False
                if byte == 0x03:  # TS of an inverse card: parity is odd for this UART from now on
                    buf[n] = byte
                    self._inverse = True
                    self._set_up()
                    return n + 1
            buf[n] = byte
            n += 1
        return n

    def waiting(self) -> bool:
        return self._shared.owner is self and (self._usart.place() != self._at or self._sent < self._out)

    def refused(self):
        if not self._gave_up:
            return 0
        self._gave_up = False
        return -1

    def damaged(self):
        self._errors()
        n, self._damaged = self._damaged, 0
        return n

    def poll(self):
        """Presence; the next characters of a block."""
        present = self._power.present()
        if present != self.present:
            self.present = present
            if not present:
                self.removed = True
        if self._shared.owner is not self:
            return
        self._errors()
        while self._sent < self._out and self._usart.room(self._guard if self._sent else 0):
            self._usart.put(self._block[self._sent])
            self._sent += 1
        if self._end < 0 and self._out and self._sent == self._out and self._usart.done():
            self._end = self._heard + (self._usart.place() - self._at) % _RING

    def enter(self):
        """Called by `Shared`: the lines are this slot's."""
        self.select(1)
        self._set_up()

    def leave(self):
        self.select(0)
        self._nothing_sent()

    def _set_up(self):
        self._usart.set_up(self._f, self._d, self._guard, self._signal, self._inverse)
        self._at = self._usart.place()
        self._nothing_sent()

    def _nothing_sent(self):
        self._out = self._sent = self._echo = self._heard = 0
        self._end = -1

    def _errors(self):
        found = self._usart.errors()
        if found & 5:
            self._damaged += 1
        if found & 2 and self._out:
            self._usart.flush()
            self._nothing_sent()
            self._gave_up = True

    def _is_echo(self, byte):
        """The USART hears what it sends, a repetition again; of the last character as long as it had not been seen to be out."""
        at = self._echo
        if at < self._sent and byte == self._block[at]:
            self._echo += 1
            return True
        again = at and byte == self._block[at - 1]
        return bool(again and (at < self._sent or self._heard <= self._end))

    def _pause_us(self):
        """A character is delivered 10.5 etu after its start: 6 etu more make T=0's 16, 12 make T=1's 22."""
        return (6 if self._signal else 12) * self._f * 280 // (self._d * 1000) + 1
