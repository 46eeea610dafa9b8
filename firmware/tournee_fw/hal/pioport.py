"""A card slot of RP2040 and RP2350: the PIO card UART (`pio7816`), a DMA ring behind it, a DMA block before it, the clock by PWM.

Characters reach the ring without the processor, so that a garbage collection of 20 ms loses none: 512 words hold 27 ms at 512/32 back
to back, more than any card sends for one command. Sending costs it nothing either: a whole block is handed to the DMA.
"""

import time
from struct import pack_into

import micropython
from machine import PWM, Pin, mem32
from micropython import const
from rp2 import DMA, StateMachine
from uctypes import addressof, bytearray_at

from . import CardPort, pio7816

_RING_BITS = const(10)
_RING_BYTES = const(1024)
_COUNT = const(0x0FFFFFFF)  # transfers until the ring is armed again; the top four bits are a mode on RP2350
_BLOCK = const(261)
_TRIES = const(4)  # a character, and its three repetitions
_TREQ_TX = const(0)
_TREQ_RX = const(4)
_HALFWORD = const(1)
_WORD = const(2)
# Half etu before the first sent character: with the 10.4 etu after which a character is delivered, 16 etu in T=0, 22 in T=1.
_PAUSE_T0 = const(11)
_PAUSE_T1 = const(23)
_BACK_CLOCKS_US = const(200)  # 700 clocks at 3.57 MHz


class PioPort(CardPort):
    """`power`: the slot's card interface chip (`tda8035`). One state machine of PIO 0 per slot: 0 and 1."""

    def __init__(self, number, io, clk, rst, power, hz, card_hz):
        self._number = number
        self._hz = hz
        self._power = power
        self._clk = clk
        self._rst = Pin(rst, Pin.OUT, value=0)
        Pin(clk, Pin.OUT, value=0)
        self._pwm = None
        self._cycles = (hz + card_hz // 2) // card_hz
        self._f, self._d, self._pause = 372, 1, _PAUSE_T1
        self._guard = 0
        self._signal = False
        self._io = io
        self._held = False
        # Addresses above 2**30 are no small integers: sums are made once.
        self._divider = pio7816.PIO0 + pio7816.SM + pio7816.SM_STRIDE * number + pio7816.CLKDIV
        self._mode = pio7816.PIO0 + pio7816.SM + pio7816.SM_STRIDE * number + pio7816.EXECCTRL
        self._flags = pio7816.PIO0 + pio7816.IRQ
        self._debug = pio7816.PIO0 + pio7816.FDEBUG
        self._tx_fifo = pio7816.PIO0 + pio7816.TXF + 4 * number
        self._rx_fifo = pio7816.PIO0 + pio7816.RXF + 4 * number
        self._ring_memory = bytearray(2 * _RING_BYTES)
        self._ring_at = (addressof(self._ring_memory) + _RING_BYTES - 1) & -_RING_BYTES
        self._ring = bytearray_at(self._ring_at, _RING_BYTES)
        self._block_memory = bytearray(4 * _BLOCK)
        self._block_at = addressof(self._block_memory)
        self._block = bytearray_at(self._block_at, 4 * _BLOCK)
        self._rx = DMA()
        self._tx = DMA()
        self._rx_ctrl = self._rx.pack_ctrl(
            size=_HALFWORD, inc_read=0, inc_write=1, ring_size=_RING_BITS, ring_sel=1, treq_sel=_TREQ_RX + number
        )
        self._tx_ctrl = self._tx.pack_ctrl(size=_WORD, inc_read=1, inc_write=0, treq_sel=_TREQ_TX + number)
        self._taken = self._told = 0
        self._first = True
        self._inverse = False
        self._run = self._damaged = 0
        pin = Pin(io, Pin.IN, Pin.PULL_UP)
        self._sm = StateMachine(number, pio7816.uart, in_base=pin, out_base=pin, set_base=pin, jmp_pin=pin)
        self._offset = pio7816.uart[1]
        self._rate()
        self._set_mode()
        self._arm()

    def vcc(self, volt_class):
        self._power.vcc(volt_class)

    def io(self, level):
        self._held = not level
        self._arm()

    def rst(self, level):
        self._quiet()
        if level:
            self._first = True
            self._inverse = False
            self._set_mode()
            self._arm()
        self._rst(level)

    def clk(self, khz, level=0):
        if not khz:
            if self._pwm is not None:
                self._pwm.deinit()
                self._pwm = None
            Pin(self._clk, Pin.OUT, value=level)
            return
        stopped = self._pwm is None
        khz_now = self._hz // 1000
        self._cycles = max(1, (khz_now + khz // 2) // khz)
        self._rate()
        self._pwm = PWM(Pin(self._clk), freq=self._hz // self._cycles, duty_u16=32768)
        if stopped:
            time.sleep_us(_BACK_CLOCKS_US)

    def etu(self, f, d, guard, signal):
        self._f, self._d = f, d
        self._guard = max(guard, 0)  # -1, T=1's 11 etu, is a least: 12 are as good
        self._signal = signal
        self._pause = _PAUSE_T0 if signal else _PAUSE_T1
        self._rate()
        self._set_mode()

    def write(self, buf, n):
        if self._tx.active():
            self._quiet()
        more = pio7816.MORE | 2 * self._guard << 12
        for i in range(n):
            pack_into("<I", self._block, 4 * i, pio7816.tx_word(buf[i], self._inverse) | (more if i < n - 1 else 0))
        self._tx.config(read=self._block_at, write=self._tx_fifo, count=n, ctrl=self._tx_ctrl, trigger=True)
        sm = self._sm
        sm.exec(pio7816.LET_GO)
        sm.exec(pio7816.SET_X | self._pause)
        sm.exec(pio7816.JMP | self._offset + pio7816.GUARD)

    @micropython.native
    def read_into(self, buf):
        came = self._came()
        room = len(buf)
        ring = self._ring
        good = pio7816.ODD
        data = pio7816.DATA
        n = 0
        while self._taken != came and n < room:
            at = 2 * self._taken & _RING_BYTES - 1
            word = (ring[at] | ring[at + 1] << 8) & 0x1FF
            self._taken += 1
            if self._first:
                self._ts(word)
            if good[word >> 1] ^ (word & 1) == self._inverse:
                self._run = 0
            elif self._signal:
                self._run += 1
                if self._run == _TRIES:
                    self._run = 0
                    self._damaged += 1
                continue
            else:
                self._damaged += 1
            buf[n] = data[word >> 1]
            n += 1
        return n

    def waiting(self) -> bool:
        """Characters have come since the last call and were not read: what nobody wants now wakes nobody again and again."""
        came = self._came()
        new = came != self._told and came != self._taken
        self._told = came
        return new

    def refused(self):
        mine = 1 << self._number
        if not mem32[self._flags] & mine:
            return 0
        self._quiet()
        return -1

    def damaged(self):
        if mem32[self._debug] & 1 << self._number:  # the FIFO was full: a character is gone
            mem32[self._debug] = 1 << self._number
            self._damaged += 1
        n, self._damaged = self._damaged, 0
        return n

    def poll(self):
        """Whether a card is there; called every ms, besides the pin's interrupt."""
        present = self._power.present()
        if present != self.present:
            self.present = present
            if not present:
                self.removed = True

    def _ts(self, word):
        """The first character says which convention its parity is of."""
        self._first = False
        if word == pio7816.TS_INVERSE:
            self._inverse = True
            self._set_mode()

    def _came(self):
        """Characters since the ring was armed. What it could not hold is counted as damaged."""
        came = _COUNT - self._rx.count
        if came - self._taken > _RING_BYTES // 2:
            self._damaged += came - self._taken - _RING_BYTES // 2
            self._taken = came - _RING_BYTES // 2
        return came

    def _rate(self):
        # 16.8 fixed point: clocks per etu / 16 x 256. Exact for every F/D of the tables that divides; else less than 0.1 %.
        scaled = (self._f * self._cycles * 16 + self._d // 2) // self._d
        mem32[self._divider] = scaled << 8

    def _set_mode(self):
        mem32[self._mode] = pio7816.execctrl(self._offset, self._io, self._inverse, self._signal)

    def _arm(self):
        """Forget what came, receive from now on, unless I/O is held low."""
        self._sm.active(0)
        self._rx.active(0)
        self._rx.config(read=self._rx_fifo, write=self._ring_at, count=_COUNT, ctrl=self._rx_ctrl, trigger=True)
        self._taken = self._told = 0
        self._run = self._damaged = 0
        self._quiet()
        if not self._held:
            self._sm.active(1)

    def _quiet(self):
        """Stop sending, let the line go, receive; the flag of a refusal is cleared last, because it holds the machine."""
        self._tx.active(0)
        sm = self._sm
        for _ in range(4):
            sm.exec(pio7816.FORGET)
        sm.exec(pio7816.PULL_LOW if self._held else pio7816.LET_GO)
        sm.exec(pio7816.JMP | self._offset + pio7816.RX)
        mem32[self._flags] = 1 << self._number
