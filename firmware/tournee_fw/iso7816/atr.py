"""Answer to reset: read character by character, every legal form [ISO 7816-3 §8; facts cards-and-readers §3.3]."""

from micropython import const

from tournee_fw._link import STATUS_BAD_ATR, STATUS_MUTE, STATUS_OK
from tournee_fw.clock import left, wrap

from .tables import DI, FI, FIDI_DEFAULT, INVERSE, ms_of_clocks, ms_of_etu

ATR_START = const(0)
ATR_WAIT_TS = const(1)
ATR_WAIT_T0 = const(2)
ATR_WAIT_INTERFACE = const(3)
ATR_WAIT_HISTORICAL = const(4)
ATR_WAIT_TCK = const(5)
ATR_DONE = const(6)
ATR_FAILED = const(7)
STATES = ("START", "WAIT_TS", "WAIT_T0", "WAIT_INTERFACE", "WAIT_HISTORICAL", "WAIT_TCK", "DONE", "FAILED")

MAX_ATR = const(33)
_TS_DIRECT = const(0x3B)
_TS_INVERSE_RAW = const(0x03)  # 3F as a direct-convention UART reads it
_TS_INVERSE = const(0x3F)
_FIRST_CLOCKS = const(40_000)
_BETWEEN_ETU = const(9600)


class Atr:
    """The reader of one answer to reset, and what it said. Reused for every reset of a slot: `start`, `feed`, `tick`."""

    def __init__(self):
        self._raw = bytearray(MAX_ATR)
        self._view = memoryview(self._raw)
        self.state = ATR_START
        self._clear()

    @property
    def atr(self):
        """The characters received, direct convention (TS 3F of an inverse card), as a memoryview."""
        return self._view[: self.length]

    @property
    def busy(self):
        return ATR_START < self.state < ATR_DONE

    def start(self, khz: int, slack_ms: int, now: int) -> None:
        """RST went high at `now`, the card is clocked at `khz`."""
        self._clear()
        self._between_ms = ms_of_etu(_BETWEEN_ETU, 372, 1, khz) + slack_ms
        self._deadline = wrap(now + ms_of_clocks(_FIRST_CLOCKS, khz) + slack_ms)
        self.state = ATR_WAIT_TS

    def feed(self, buf, n: int, now: int) -> int:
        """Take raw characters until the ATR is complete; returns how many were taken."""
        for i in range(n):
            if not self.busy:
                return i
            self._take(buf[i])
        if n:
            self._deadline = wrap(now + self._between_ms)
        return n

    def tick(self, now: int) -> None:
        if self.busy and not left(now, self._deadline):
            self._fail(STATUS_MUTE if self.state == ATR_WAIT_TS else STATUS_BAD_ATR)

    def due_ms(self, now: int) -> int:
        return left(now, self._deadline)

    def offers(self, protocol: int) -> bool:
        """The card offers this protocol (T=0 when it names none)."""
        return bool(self.protocols >> protocol & 1)

    def excludes(self, volt_class: int) -> bool:
        """The ATR has a class indicator (first TA after T=15) without class 1 A, 2 B or 3 C."""
        return self.classes != 0 and not self.classes >> (volt_class - 1) & 1

    def _clear(self):
        self.length = 0
        self.status = STATUS_OK
        self.inverse = False
        self.fidi = FIDI_DEFAULT
        """TA1, 0x11 when absent."""
        self.guard = 0
        """TC1 = N, 0-255; 255 is 12 etu in T=0 and 11 etu in T=1."""
        self.first = 0
        """First offered protocol."""
        self.protocols = 0
        """Bit set of offered protocols; T=15 is none."""
        self.specific = -1
        """TA2: protocol of the specific mode, or -1 (negotiable)."""
        self.fixed = True
        """TA2 bit 8: a warm reset does not bring the negotiable mode back."""
        self.implicit = False
        """TA2 bit 5: F and D are not those of TA1."""
        self.wi = 10
        self.ifsc = 32
        self.cwi = 13
        self.bwi = 4
        self.crc = False
        """T=1: CRC instead of LRC."""
        self.clock_stop = 0
        """0 the clock may not stop, 1 at low, 2 at high, 3 at either."""
        self.classes = 0
        """Bits A=1 B=2 C=4, 0 when not said."""
        self._y = 0
        self._level = 1  # i of TAi
        self._which = 0  # next of A B C D
        self._protocol = 0  # T of the last TD
        self._tck = False
        self._historical = 0
        self._seen_t1 = self._seen_t15 = self._t15 = False

    def guard_etu(self, protocol: int, f: int, d: int) -> int:
        """Etu of f/d beyond 12 between characters sent: N, counted in Fi/Di when T=15 is indicated; 255 is 0, and -1 in T=1 [§8.3]."""
        n = self.guard
        if n == 255:
            return -1 if protocol == 1 else 0
        if self._t15 and n:
            fi, di = FI[self.fidi >> 4], DI[self.fidi & 15]
            if fi and di:
                return (n * fi * d + di * f - 1) // (di * f)
        return n

    def _fail(self, status):
        self.status = status
        self.state = ATR_FAILED

    def _take(self, raw):
        if self.state == ATR_WAIT_TS:
            if raw == _TS_DIRECT:
                self._put(raw)
            elif raw == _TS_INVERSE_RAW:
                self.inverse = True
                self._put(_TS_INVERSE)
            else:
                self._fail(STATUS_BAD_ATR)
                return
            self.state = ATR_WAIT_T0
            return
        c = INVERSE[raw] if self.inverse else raw
        if self.length == MAX_ATR:
            self._fail(STATUS_BAD_ATR)
            return
        self._put(c)
        if self.state == ATR_WAIT_T0:
            self._historical = c & 15
            self._y = c & 0xF0
            self._which = 0
            self._next_interface()
        elif self.state == ATR_WAIT_INTERFACE:
            self._interface(c)
        elif self.state == ATR_WAIT_HISTORICAL:
            self._historical -= 1
            self._after_historical()
        elif self.state == ATR_WAIT_TCK:
            x = 0
            for i in range(1, self.length):
                x ^= self._raw[i]
            if x:
                self._fail(STATUS_BAD_ATR)
            else:
                self._finish()

    def _put(self, c):
        self._raw[self.length] = c
        self.length += 1

    def _next_interface(self):
        while self._which < 4 and not self._y >> (4 + self._which) & 1:
            self._which += 1
        if self._which < 4:
            self.state = ATR_WAIT_INTERFACE
        else:
            self._after_historical()

    def _after_historical(self):
        if self._historical:
            self.state = ATR_WAIT_HISTORICAL
        elif self._tck:
            self.state = ATR_WAIT_TCK
        else:
            self._finish()

    def _interface(self, c):
        which = self._which
        if which == 0:
            self._ta(c)
        elif which == 1:
            self._tb(c)
        elif which == 2:
            self._tc(c)
        else:
            self._td(c)
            if self.state == ATR_FAILED:
                return
        if which == 3:
            self._which = 0
        else:
            self._which += 1
        self._next_interface()

    def _ta(self, c):
        if self._level == 1:
            self.fidi = c
        elif self._level == 2:
            self.specific = c & 15
            self.implicit = bool(c & 0x10)
            self.fixed = bool(c & 0x80)
        elif self._protocol == 1 and not self._seen_t1:
            self.ifsc = c
        elif self._protocol == 15 and not self._seen_t15:
            self.clock_stop = c >> 6
            self.classes = c & 7

    def _tb(self, c):
        # TB1 and TB2 are about VPP, which is not connected any more.
        if self._level > 2 and self._protocol == 1 and not self._seen_t1:
            self.bwi = c >> 4
            self.cwi = c & 15

    def _tc(self, c):
        if self._level == 1:
            self.guard = c
        elif self._level == 2:
            if c:  # 0 is reserved
                self.wi = c
        elif self._protocol == 1 and not self._seen_t1:
            self.crc = bool(c & 1)

    def _td(self, c):
        protocol = c & 15
        if self._level == 1:
            self.first = protocol
            if protocol == 15:  # "T=15 is invalid in TD1"
                self._fail(STATUS_BAD_ATR)
                return
        elif self._level > 2:
            self._seen_t1 = self._seen_t1 or self._protocol == 1
            self._seen_t15 = self._seen_t15 or self._protocol == 15
        if protocol:
            self._tck = True
        if protocol == 15:
            self._t15 = True
        else:
            self.protocols |= 1 << protocol
        self._protocol = protocol
        self._level += 1
        self._y = c & 0xF0

    def _finish(self):
        if not self.protocols:
            self.protocols = 1
        self.state = ATR_DONE
