"""Slots: activation, classes, reset, PPS, exchange, removal. One state machine per slot; the server asks, `poll` drives."""

from micropython import const

from ._link import (
    SLOT_ABSENT,
    SLOT_POWERED,
    SLOT_PRESENT,
    STATUS_BAD_ATR,
    STATUS_BUSY,
    STATUS_MUTE,
    STATUS_NO_CARD,
    STATUS_NOT_POWERED,
    STATUS_OK,
    STATUS_PARITY,
    STATUS_PPS_FAILED,
    STATUS_PROTOCOL,
    STATUS_REMOVED,
    STATUS_TIMEOUT,
    VOLT_A_5V,
    VOLT_AUTO,
    VOLT_C_1V8,
)
from .clock import NEVER, left, wrap
from .iso7816 import pps as _pps
from .iso7816.apdu import Apdu
from .iso7816.atr import Atr
from .iso7816.t0 import T0
from .iso7816.t1 import T1
from .iso7816.tables import DD_DEFAULT, DI, FD_DEFAULT, FI, FIDI_DEFAULT, FMAX_KHZ, INVERSE, ms_of_clocks

CARD_ABSENT = const(0)
CARD_OFF = const(1)
CARD_COOL = const(2)
CARD_RESET = const(3)
CARD_ATR = const(4)
CARD_PPS = const(5)
CARD_READY = const(6)
CARD_EXCHANGE = const(7)
STATES = ("ABSENT", "OFF", "COOL", "RESET", "ATR", "PPS", "READY", "EXCHANGE")
_COLD = const(0)  # without supply for 10 ms
_HOT = const(1)
_COOLING = const(2)
_LINK_STATES = bytes((SLOT_ABSENT,) + (SLOT_PRESENT,) * 5 + (SLOT_POWERED,) * 2)

_OFF_MS = const(10)  # VCC stays off so long before it comes back [ISO 7816-3 §6.2.4]
_CLOCK_IDLE_MS = const(1000)
"""A card that allows it has its clock stopped after so long without a command; 1860 clocks would be enough [§6.3.2]."""
_RESET_CLOCKS = const(400)
_RX_BYTES = const(64)
_TX_BYTES = const(261)
_CARD_FAULTS = (STATUS_REMOVED, STATUS_PROTOCOL, STATUS_PARITY, STATUS_TIMEOUT)


class Attempt:
    """What one `power_on` has tried so far."""

    def __init__(self):
        self.wanted = -1
        self.last_class = 0
        self.retried = self.renegotiated = self.without_pps = False
        self.found = STATUS_MUTE
        self.damaged = 0

    def begin(self, wanted, last_class):
        """`wanted`: protocol, -1 the card's first; `last_class`: of the supply, where it ends."""
        self.wanted = wanted
        self.last_class = last_class
        self.retried = self.renegotiated = self.without_pps = False
        self.found = STATUS_MUTE


class Slot:
    """One card. `busy` while an activation or exchange runs; then `status` is its result (`_link.STATUS_*`).

    Who keeps the loop calls `poll` when `awake`, or when the port says that the card has come or gone; else it has nothing to do.
    No properties here: in a class with one, every store costs ten times as much.
    """

    def __init__(self, number, port, board, log):
        self.number = number
        self.port = port
        self.pin_ok = False
        """A PIN was verified on the keypad since the last reset."""
        self.status = STATUS_OK
        self.fidi = FIDI_DEFAULT
        self.volt_class = 0
        self.protocol_number = 0
        self._board = board
        self._log = log
        self._rx = memoryview(bytearray(_RX_BYTES))
        self._tx = bytearray(_TX_BYTES)
        self._deadline = 0
        self._attempt = Attempt()
        self._supply = _COLD
        self._idle_at = 0
        self.clock = 3
        """0 the clock runs, 1 stopped low, 2 stopped high (as CCID counts), 3 there is none: the card is off."""
        self.atr_reader = Atr()
        self._pps = _pps.Pps(self._send)
        self._protocols = (T0(port.write), T1(port.write))
        self.apdu = Apdu(self._protocols[0])
        self.removals = 0
        """Cards that went, modulo 256: one that came back between two looks has gone too."""
        self.changed = False
        """Presence or power changed since the server last looked."""
        self._enter(CARD_OFF if port.present else CARD_ABSENT)

    def _enter(self, state):
        self.state = state
        self.busy = CARD_COOL <= state and state != CARD_READY
        self.link_state = _LINK_STATES[state]
        self.atr = self.atr_reader.atr if state >= CARD_READY else b""
        self.awake = True

    def power_on(self, voltage: int, warm: bool, now: int, protocol: int = -1) -> None:
        """Reset the card: warm, or cold through the classes (AUTO: 5 V, 3 V, 1.8 V, as stock readers do).

        `protocol`: 0 or 1 instead of the one that the card offers first, if it offers it.

        A card that still had supply less than 10 ms ago waits for it.
        """
        if self.busy:
            self.status = STATUS_BUSY
            return
        self._look()
        if self.state == CARD_ABSENT:
            self.status = STATUS_NO_CARD
            return
        self.pin_ok = False
        if warm:
            self._attempt.begin(protocol, self.volt_class)
            if self.state != CARD_READY:
                self.status = STATUS_NOT_POWERED
                return
            self._reset(True, now)
            return
        self._attempt.begin(protocol, VOLT_C_1V8 if voltage == VOLT_AUTO else voltage)
        self.volt_class = VOLT_A_5V if voltage == VOLT_AUTO else voltage
        if self.state >= CARD_READY:
            self.changed = True
            self._dark()
        if self._supply:
            self._cool(now)
        else:
            self._cold(now)

    def power_off(self) -> None:
        """RST low, clock stopped, I/O low, VCC off; an exchange that runs ends with NOT_POWERED."""
        if self.state != CARD_ABSENT:
            self._stop(STATUS_NOT_POWERED)

    def transmit(self, apdu, n: int, out, now: int) -> None:
        """Send a command APDU (a memoryview: a slice of a bytearray would be a copy, and a code may be in it).

        The answer comes into `out`, a memoryview: `apdu.length` bytes, no more than there is room for.
        """
        if self._ready():
            self.apdu.start(apdu, n, out, now)
            if not self.apdu.busy:
                self._exchanged(now)

    def transmit_raw(self, tpdu, n: int, out, now: int, factor: int) -> None:
        """Send on T=0 a TPDU, on T=1 one block that has `factor` block waiting times; `out` gets what the card answers, on T=1 its block."""
        if self._ready():
            self.apdu.start_tpdu(tpdu, n, out, now, factor)
            if not self.apdu.busy:
                self._exchanged(now)

    def stop_clock(self) -> bool:
        """Stop the clock of a powered, idle card as its ATR allows; False when it does not."""
        where = self.atr_reader.clock_stop
        if self.state != CARD_READY or not where:
            return False
        if not self.clock:
            self.clock = 2 if where == 2 else 1
            self.port.clk(0, self.clock - 1)
        return True

    def run_clock(self) -> None:
        """Let a stopped clock of a powered card run again."""
        if self.state == CARD_READY and self.clock:
            self.clock = 0
            self.port.clk(self._board.clock_khz)
            self.awake = True

    def wipe(self) -> None:
        """Forget the bytes of the last command (a PIN was among them). Not while an exchange runs."""
        self.apdu.wipe()
        for i in range(_TX_BYTES):
            self._tx[i] = 0

    def poll(self, now: int) -> None:
        """Presence, characters, time."""
        port = self.port
        if port.removed or port.present != (self.state != CARD_ABSENT):
            self._look()
        state = self.state
        if state == CARD_EXCHANGE:
            self._exchange(now)
        elif state == CARD_ATR or state == CARD_PPS:
            self._receive(now)
        elif state == CARD_RESET:
            if not left(now, self._deadline):
                self._release(now)
        elif state == CARD_READY:
            if self.clock or not self.atr_reader.clock_stop:
                self.awake = False
            elif not left(now, self._idle_at):
                self.stop_clock()
        elif self._supply:
            self._cool_down(now)
        else:
            self.awake = False

    def due_ms(self, now: int) -> int:
        """Ms until `poll` has something to do without any event."""
        state = self.state
        if state == CARD_READY:
            return left(now, self._idle_at) if self.atr_reader.clock_stop and not self.clock else NEVER
        if state < CARD_COOL:
            return NEVER
        if state == CARD_EXCHANGE:
            return self.apdu.protocol.due_ms(now)
        if state == CARD_ATR:
            return self.atr_reader.due_ms(now)
        if state == CARD_PPS:
            return self._pps.due_ms(now)
        return left(now, self._deadline)

    def _ready(self):
        """True, and the exchange may begin: nothing of an earlier command will answer this one. Else the status says why not."""
        if self.state != CARD_READY:
            if self.busy:
                self.status = STATUS_BUSY
            else:
                self.status = STATUS_NO_CARD if self.state == CARD_ABSENT else STATUS_NOT_POWERED
            return False
        if self.clock:
            self.run_clock()
        self.state = CARD_EXCHANGE
        self.busy = self.awake = True
        self.status = STATUS_OK
        self.port.clear(self._rx)
        return True

    def _look(self):
        """Which card is there now; one that was pulled in between is gone."""
        if self.port.removed:
            self.port.removed = False
            if self.state != CARD_ABSENT:
                self._gone()
        if self.port.present != (self.state != CARD_ABSENT):
            if self.port.present:
                self._enter(CARD_OFF)
                self.changed = True
            else:
                self._gone()

    def _gone(self):
        self.removals = self.removals + 1 & 0xFF
        self._stop(STATUS_REMOVED)
        self._enter(CARD_ABSENT)
        self.changed = True

    def _stop(self, status):
        """Deactivate in the order of ISO 7816-3 §6.4; whatever ran ends with `status`."""
        running = self.busy
        was_powered = self.state >= CARD_READY
        self._dark()
        self.pin_ok = False
        self._enter(CARD_OFF)
        if was_powered:
            self.changed = True
        if running:
            self.status = status
        self.apdu.protocol.abort(status)
        self.apdu.advance(0)

    def _dark(self):
        """The order of ISO 7816-3 §6.4, for a card that is not off already."""
        if self.clock == 3:
            return
        port = self.port
        port.rst(0)
        port.clk(0)
        port.io(0)
        port.vcc(0)
        self.clock = 3
        self._supply = _HOT

    def _cool(self, now):
        self._enter(CARD_COOL)
        self._cool_down(now)

    def _cool_down(self, now):
        """Count the 10 ms without supply; then the next activation, when one waits."""
        if self._supply == _HOT:
            self._supply = _COOLING
            self._deadline = wrap(now + _OFF_MS)
        elif not left(now, self._deadline):
            self._supply = _COLD
            if self.state == CARD_COOL:
                self._cold(now)

    def _cold(self, now):
        """The order of ISO 7816-3 §6.2.1."""
        port = self.port
        port.rst(0)
        port.vcc(self.volt_class)
        port.io(1)
        self._reset(False, now)

    def _reset(self, warm, now):
        port = self.port
        if warm:
            self.run_clock()
            port.rst(0)
        port.etu(FD_DEFAULT, DD_DEFAULT, 0, False)
        if not warm:
            self.clock = 0
            port.clk(self._board.clock_khz)
        self._deadline = wrap(now + ms_of_clocks(_RESET_CLOCKS, self._board.clock_khz) + 1)
        self.status = STATUS_OK
        if self.state >= CARD_READY:
            self.changed = True
        self._enter(CARD_RESET)

    def _release(self, now):
        while self.port.read_into(self._rx):
            pass
        self.port.damaged()
        self._attempt.damaged = 0
        self.atr_reader.start(self._board.clock_khz, self._board.slack_ms, now)
        self._enter(CARD_ATR)
        self.port.rst(1)

    def _send(self, buf, n):
        """To a card of the inverse convention too."""
        if self.atr_reader.inverse:
            for i in range(n):
                self._tx[i] = INVERSE[buf[i]]
            buf = self._tx
        self.port.write(buf, n)

    def _receive(self, now):
        """Answer to reset and PPS: characters, time."""
        port, view = self.port, self._rx
        while self.state == CARD_ATR or self.state == CARD_PPS:
            n = port.read_into(view)
            damaged = port.damaged() if n else 0
            if self.state == CARD_ATR:
                self._attempt.damaged += damaged
                if n:
                    self.atr_reader.feed(view, n, now)
                else:
                    self.atr_reader.tick(now)
                self._after_atr(now)
            else:
                if n:
                    self._direct(n)
                    self._pps.feed(view, n, now)
                else:
                    self._pps.tick(now)
                self._after_pps(now)
            if not n:
                return

    def _exchange(self, now):
        """A command: characters, what the UART could not send or take, time."""
        while self.busy:
            n = self.port.read_into(self._rx)
            damaged = self.port.damaged()
            if self.atr_reader.inverse:
                self._direct(n)
            protocol = self.apdu.protocol
            if not n:
                refused = self.port.refused()
                if refused or damaged:
                    protocol.parity(refused, damaged, now)
                protocol.tick(now)
            else:
                if damaged:
                    protocol.parity(0, damaged, now)
                protocol.feed(self._rx, n, now)
            if not protocol.state:
                self.apdu.advance(now)
                if not self.apdu.busy:
                    self._exchanged(now)
            if not n:
                return

    def _direct(self, n):
        """What an inverse card has sent, as it means it."""
        if self.atr_reader.inverse:
            for i in range(n):
                self._rx[i] = INVERSE[self._rx[i]]

    def _after_atr(self, now):
        atr = self.atr_reader
        if atr.busy:
            return
        status = STATUS_BAD_ATR if self._attempt.damaged else atr.status  # an ATR without TCK has only its parity
        if status == STATUS_OK and not atr.excludes(self.volt_class):
            self._negotiate(now)
        elif status == STATUS_BAD_ATR and not self._attempt.retried:
            self._attempt.retried = True
            self._reset(True, now)
        else:
            if status != STATUS_MUTE:
                self._attempt.found = status or STATUS_MUTE
            self._next_class(now)

    def _next_class(self, now):
        if self.volt_class < self._attempt.last_class:
            self._dark()
            self._attempt.retried = False
            self.volt_class += 1
            self._cool(now)
        else:
            self._fail(self._attempt.found)

    def _negotiate(self, now):
        atr = self.atr_reader
        self.fidi = FIDI_DEFAULT
        protocol = _protocol(atr, self._attempt.wanted)
        fi = atr.fidi >> 4
        known = FI[fi] and DI[atr.fidi & 15] and self._board.clock_khz <= FMAX_KHZ[fi]
        unfit = STATUS_PROTOCOL if protocol < 0 else STATUS_OK
        if atr.specific >= 0 and not (unfit or known or atr.implicit):
            unfit = STATUS_PPS_FAILED
        if unfit:
            if atr.specific >= 0 and not atr.fixed and not self._attempt.renegotiated:
                self._attempt.renegotiated = True  # a warm reset may bring the negotiable mode [§6.3.1]
                self._reset(True, now)
            else:
                self._fail(unfit)
            return
        self.protocol_number = protocol
        self.apdu.use(self._protocols[protocol])
        if atr.specific >= 0:
            if not atr.implicit:
                self.fidi = atr.fidi
            self._use(now)
        elif _pps.wanted(atr, protocol) and not self._attempt.without_pps:
            fidi = atr.fidi if known else FIDI_DEFAULT
            self._enter(CARD_PPS)
            self.port.etu(FD_DEFAULT, DD_DEFAULT, atr.guard_etu(0, FD_DEFAULT, DD_DEFAULT), False)
            self._pps.start(protocol, fidi, self._board.clock_khz, self._board.slack_ms, now)
        elif atr.first != protocol:
            self._fail(STATUS_PPS_FAILED)  # this protocol can only be had by PPS
        else:
            self._use(now)

    def _after_pps(self, now):
        if self._pps.busy:
            return
        if self._pps.status == STATUS_OK:
            self.fidi = self._pps.fidi
            self._use(now)
        else:
            self._log.note("pps", self.number, STATUS_PPS_FAILED)
            self._attempt.without_pps = True  # silent or damaged: off [§9.1], then once more, at 372/1
            self._dark()
            self._cool(now)

    def _use(self, now):
        atr = self.atr_reader
        f, d = FI[self.fidi >> 4], DI[self.fidi & 15]
        protocol = self.apdu.protocol
        self.port.etu(f, d, atr.guard_etu(protocol.number, f, d), protocol.number == 0)
        protocol.timing(atr, f, d, self._board.clock_khz, self._board.slack_ms)
        protocol.send = self._send if atr.inverse else self.port.write
        self._idle_at = wrap(now + _CLOCK_IDLE_MS)
        self.status = STATUS_OK
        self._enter(CARD_READY)
        self.changed = True
        self._log.note("on", self.number, self.fidi)

    def _fail(self, status):
        self._log.note("reset", self.number, status)
        self._stop(status)
        self.status = status

    def _exchanged(self, now):
        """The command is over."""
        self.state = CARD_READY
        self.busy = False
        self.status = status = self.apdu.status
        if self.atr_reader.clock_stop:
            self._idle_at = wrap(now + _CLOCK_IDLE_MS)
        else:
            self.awake = False
        if status in _CARD_FAULTS and not self.apdu.protocol.in_step:  # its state is unknown: it starts from a reset
            self._log.note("card", self.number, status)
            self._stop(status)


def _protocol(atr, wanted):
    """The one of the specific mode, `wanted`, the first offered, or another offered one; -1 when none is T=0 or T=1."""
    if atr.specific >= 0:
        return atr.specific if atr.specific < 2 else -1
    if wanted >= 0 and atr.offers(wanted):
        return wanted
    if atr.first < 2:
        return atr.first
    if atr.offers(0):
        return 0
    return 1 if atr.offers(1) else -1
