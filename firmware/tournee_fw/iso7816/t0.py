"""T=0 TPDU exchange, reader side [ISO 7816-3 §10; facts cards-and-readers §3.5]."""

from micropython import const

from tournee_fw._link import (
    STATUS_BAD_MESSAGE,
    STATUS_OK,
    STATUS_PARITY,
    STATUS_PROTOCOL,
    STATUS_TIMEOUT,
    STATUS_TOO_LONG,
)
from tournee_fw.clock import left, wrap

from .tables import FI

T0_IDLE = const(0)
T0_PROCEDURE = const(1)
T0_RECEIVE_ALL = const(2)
T0_RECEIVE_ONE = const(3)
T0_SW2 = const(4)
STATES = ("IDLE", "PROCEDURE", "RECEIVE_ALL", "RECEIVE_ONE", "SW2")

MAX_TPDU = const(260)  # header and 255 bytes of data
_HEADER = const(5)
_NULL = const(0x60)
_PARITY_TRIES = const(3)
_EXCHANGE_MS = const(60_000)
"""A card that only says NULL is given up after this, however often it restarts the waiting time."""


class T0:
    """One exchange at a time; `send(buf, n)` puts characters on the line. The caller keeps `tpdu` unchanged while `busy`."""

    number = 0
    in_step = False
    """After an exchange that failed the card's state is unknown: it wants a reset."""

    def __init__(self, send):
        self.send = send
        self._tpdu = self._out = memoryview(bytearray(0))
        self._n = 0
        self._sent = 0
        self._want = 0
        self._outgoing = False
        self._sw1 = 0
        self._parity = self._refused = 0
        self._deadline = self._end = 0
        self.wt_ms = 1000
        """Waiting time in ms, with the board's slack: from the edge of the last character, ours or the card's [§10.2]."""
        self._char_us = 1116  # a character sent, with its guard time
        self._wire_ms = 0  # for what this feed has sent
        self.length = 0
        """Bytes in `out` when the exchange ended well: data, SW1, SW2."""
        self.status = STATUS_OK
        self.nulls = 0
        self.state = T0_IDLE
        self.busy = False
        """`state` is not IDLE. No property: in a class with one, every store costs ten times as much."""

    def timing(self, atr, fi: int, di: int, khz: int, slack_ms: int) -> None:
        """WT = WI x 960 x Fi / f: D takes no part; Fi is that of TA1 also when D was not negotiated."""
        f = FI[atr.fidi >> 4] or fi
        self.wt_ms = (atr.wi * 960 * f + khz - 1) // khz + slack_ms
        self._char_us = (12 + atr.guard_etu(0, fi, di)) * ((1000 * fi + di * khz - 1) // (di * khz))

    def start(self, tpdu, n: int, out, limit: int, now: int) -> None:
        """Send `tpdu[:n]`: a 4-byte header (case 1), a header with P3 = Le (0: 256), or header, Lc and Lc bytes.

        A memoryview; behind a 4-byte header there is room for its P3, which is written there. A refused TPDU ends at once with
        BAD_MESSAGE or TOO_LONG and nothing is sent.
        """
        self.length = self.nulls = self._refused = self._want = 0
        self.status = STATUS_OK
        if n == _HEADER:
            self._outgoing = True
            self._want = tpdu[4] or 256
        else:
            self._outgoing = False
            if n == 4:
                tpdu[4] = 0
                n = _HEADER
            elif n > MAX_TPDU:
                self._finish(STATUS_TOO_LONG)
                return
            elif n < 4 or tpdu[4] != n - _HEADER:
                self._finish(STATUS_BAD_MESSAGE)
                return
        ins = tpdu[1] & 0xF0
        if ins == 0x60 or ins == 0x90 or tpdu[0] == 0xFF:
            self._finish(STATUS_BAD_MESSAGE)
            return
        if self._want + 2 > limit:
            self._finish(STATUS_TOO_LONG)
            return
        self._tpdu = tpdu
        self._out = out
        self._n = n
        self._sent = _HEADER
        self._end = wrap(now + _EXCHANGE_MS)
        self._deadline = wrap(now + self.wt_ms + self._wire(_HEADER))
        self.state = T0_PROCEDURE
        self.busy = True
        self.send(tpdu, _HEADER)

    def start_raw(self, tpdu, n: int, out, limit: int, now: int, factor: int) -> None:
        """T=0 knows nothing rawer than its TPDU, and no factor."""
        self.start(tpdu, n, out, limit, now)

    def feed(self, buf, n: int, now: int) -> None:
        """Characters of the card; what comes after SW2 is dropped."""
        i = self._refused = self._wire_ms = 0
        while i < n and self.busy:
            c = buf[i]
            if self.state == T0_PROCEDURE:
                unlike = c ^ self._tpdu[1]
                if c == _NULL:
                    self.nulls += 1
                elif 0x60 <= c < 0x70 or 0x90 <= c < 0xA0:
                    self._sw1 = c
                    self.state = T0_SW2
                elif unlike <= 0x01:  # 01: the same with VPP, from before 1997
                    self._transfer(True)
                elif unlike >= 0xFE:
                    self._transfer(False)
                else:
                    self._finish(STATUS_PROTOCOL)
            elif self.state == T0_RECEIVE_ONE:
                self._out[self.length] = c
                self.length += 1
                self.state = T0_PROCEDURE
            elif self.state == T0_RECEIVE_ALL:
                i = self._block(buf, i, n)
                continue
            else:
                self._out[self.length] = self._sw1
                self._out[self.length + 1] = c
                self.length += 2
                self._finish(STATUS_OK)
            i += 1
        if n:
            self._deadline = wrap(now + self.wt_ms + self._wire_ms)

    def _wire(self, n):
        """ms until n characters that are being written have left."""
        return (n * self._char_us + 999) // 1000

    def _block(self, buf, i, n):
        """Data of the answer from `buf[i:n]`; the index after it."""
        at = self.length
        k = self._want - at
        if k > n - i:
            k = n - i
        self._out[at : at + k][:] = buf[i : i + k]
        self.length = at + k
        if at + k == self._want:
            self.state = T0_PROCEDURE
        return i + k

    def parity(self, refused: int, damaged: int, now: int) -> None:
        """What the card refused goes out once more, each character at most three times; what stays damaged ends it."""
        if self.state == T0_IDLE or not (refused or damaged):
            return
        if refused != self._refused:
            self._refused = refused
            self._parity = 0
        self._parity += 1
        if damaged or not 0 < refused <= self._sent or self._parity > _PARITY_TRIES:
            self._finish(STATUS_PARITY)
            return
        self._deadline = wrap(now + self.wt_ms + self._wire(refused))
        self.send(self._tpdu[self._sent - refused : self._sent], refused)

    def tick(self, now: int) -> None:
        if self.state != T0_IDLE and not (left(now, self._deadline) and left(now, self._end)):
            self._finish(STATUS_TIMEOUT)

    def due_ms(self, now: int) -> int:
        ms = left(now, self._deadline)
        end_ms = left(now, self._end)
        return ms if ms < end_ms else end_ms

    def abort(self, status: int) -> None:
        """End the exchange from outside (card removed, session ended)."""
        if self.state != T0_IDLE:
            self._finish(status)

    def wipe(self) -> None:
        """Forget the bytes of the last command: they are the caller's."""

    def _finish(self, status):
        if status != STATUS_OK:
            self.length = 0
        self.status = status
        self.state = T0_IDLE
        self.busy = False

    def _transfer(self, whole):
        """Data goes on: all of it, or one byte; to the card when the command has some."""
        if self._outgoing:
            if self.length == self._want:
                self._finish(STATUS_PROTOCOL)
            else:
                self.state = T0_RECEIVE_ALL if whole else T0_RECEIVE_ONE
            return
        if self._sent == self._n:
            self._finish(STATUS_PROTOCOL)
            return
        k = self._n - self._sent if whole else 1
        at = self._sent
        self._sent += k
        self._wire_ms = self._wire(k)
        self.send(self._tpdu[at : at + k], k)
