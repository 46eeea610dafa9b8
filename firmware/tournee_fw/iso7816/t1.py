"""T=1 block exchange, reader side [ISO 7816-3 §11; facts cards-and-readers §3.6].

Three tries of a block, then S(RESYNCH) three times, then the exchange ends with the card out of step (`in_step` False: it
wants a reset). A command whose last block went out is not begun again after a resynchronisation: the card may have run it.
"""

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

from .edc import crc, lrc
from .tables import ms_of_clocks, ms_of_etu

T1_IDLE = const(0)
T1_IFS = const(1)
T1_SENDING = const(2)
T1_RECEIVING = const(3)
T1_RESYNCH = const(4)
T1_ABORTING = const(5)
T1_ABORTED = const(6)
T1_RAW = const(7)
STATES = ("IDLE", "IFS", "SENDING", "RECEIVING", "RESYNCH", "ABORTING", "ABORTED", "RAW")

IFSD = const(254)
_INITIAL_IFSD = const(32)
_BLOCK = const(259)  # NAD PCB LEN, 254 bytes, CRC
_TRIES = const(3)
_GATHER = const(32)  # a UART may hand over as many characters at once: so much later may the last one be seen
_EXCHANGE_MS = const(60_000)
"""A card that only asks for time is given up after this."""

_MORE = const(0x20)
_R = const(0x80)
_R_EDC = const(1)
_R_OTHER = const(2)
_S = const(0xC0)
_RESPONSE = const(0x20)
_S_RESYNCH = const(0)
_S_IFS = const(1)
_S_ABORT = const(2)
_S_WTX = const(3)


class T1:
    """One exchange at a time; `send(buf, n)` puts a block on the line. The caller keeps `tpdu` unchanged while `busy`."""

    number = 1

    def __init__(self, send):
        self.send = send
        self._tx = bytearray(_BLOCK)
        self._tx_view = memoryview(self._tx)
        self._rx = bytearray(_BLOCK)
        self._rx_view = memoryview(self._rx)
        self._tpdu = self._out = self._tx_view
        self._crc = False
        self._char_us = 1116  # a character sent, with its guard time
        self.cwt_ms = self.bwt_ms = self.bgt_ms = 1
        """Character and block waiting time with the board's slack; silence kept between a card's block and ours."""
        self._slack_ms = 0
        self._first_ifsc = 32
        self.ifsc = 32
        self.ifsd = _INITIAL_IFSD
        self._offer_ifs = True
        self._ns = self._nr = 0
        self._n = self._at = self._size = self._limit = 0
        self._have = self._want = 0
        self._pending = 0
        self._wtx = 1
        self._tries = self._repeats = self._resyncs = 0
        self._silent = self._damaged = self._foreign = False
        self._last_out = self._restarted = False
        self._why = STATUS_OK
        self._free = -1
        self._deadline = self._end = 0
        self.length = 0
        """Bytes in `out` when the exchange ended well: data, SW1, SW2."""
        self.status = STATUS_OK
        self.in_step = False
        """Both sides know the next block's number; False after an exchange that ended otherwise: the card wants a reset."""
        self.state = T1_IDLE

    @property
    def busy(self):
        return self.state != T1_IDLE

    def timing(self, atr, fi: int, di: int, khz: int, slack_ms: int) -> None:
        """After a reset: CWT = 11 + 2^CWI etu, BWT = 11 etu + 2^BWI x 960 x 372 / f, 22 etu between blocks; numbers at 0."""
        self._crc = atr.crc
        self._slack_ms = slack_ms
        self._char_us = (12 + atr.guard_etu(1, fi, di)) * ((1000 * fi + di * khz - 1) // (di * khz))
        self.cwt_ms = ms_of_etu(11 + (1 << atr.cwi) + 12 * _GATHER, fi, di, khz) + slack_ms
        self.bwt_ms = ms_of_etu(11, fi, di, khz) + ms_of_clocks(960 * 372 << min(atr.bwi, 9), khz) + slack_ms
        self.bgt_ms = ms_of_etu(11, fi, di, khz) + 1  # 22 etu from a character's start are 11 from its end
        self._first_ifsc = atr.ifsc if 0 < atr.ifsc < 255 else 32
        self._offer_ifs = True
        self._free = -1
        self._foreign = False
        self._reset_numbers()
        self.in_step = True

    def start(self, tpdu, n: int, out, limit: int, now: int) -> None:
        """Send the APDU `tpdu[:n]`, in a chain if need be; the answer goes to `out[:limit]`."""
        self._tpdu, self._n = tpdu, n
        self._out, self._limit = out, limit
        self.length = self._at = self._tries = self._repeats = self._resyncs = 0
        self._last_out = self._restarted = False
        self.status = self._why = STATUS_OK
        self._end = wrap(now + _EXCHANGE_MS)
        self._have = 0
        if self._foreign:  # somebody else has counted blocks meanwhile
            self._foreign = False
            self._resync(now)
        elif self._offer_ifs:
            self.state = T1_IFS
            self._offer_ifs = False
            self._s(_S_IFS, IFSD, now)
        else:
            self._piece(now)

    def start_raw(self, tpdu, n: int, out, limit: int, now: int, factor: int) -> None:
        """Send the block `tpdu[:n]` as it stands; the card's next block, whatever its check says, goes to `out[:limit]`.

        Numbers, repetition and chains are the caller's. Ends with TIMEOUT when the card is silent for `factor` block waiting
        times, with PARITY when its block breaks off; the card stays powered, since the caller may ask again.
        """
        self.length = self._have = 0
        self.status = STATUS_OK
        if n < 4 or n != 3 + tpdu[2] + (2 if self._crc else 1) or tpdu[2] == 255:
            self._finish(STATUS_BAD_MESSAGE)
            return
        self._out, self._limit = out, limit
        self._end = wrap(now + _EXCHANGE_MS)
        self._foreign, self._offer_ifs = True, False
        self._tx_view[:n] = tpdu[:n]
        self._wtx = factor or 1
        self._pending = n
        self.state = T1_RAW
        self._flush(now)

    def feed(self, buf, n: int, now: int) -> None:
        """Characters of the card; what comes after a block and before our next one is dropped."""
        if not n:
            return
        self._free = wrap(now + self.bgt_ms)
        i = 0
        while i < n and self.state != T1_IDLE and not self._pending:
            have = self._have
            if have < 3:
                self._rx[have] = buf[i]
                i += 1
                self._have = have = have + 1
                if have == 3:
                    self._want = 3 + self._rx[2] + (2 if self._crc else 1)
                continue
            k = min(n - i, self._want - have)
            if self._want <= _BLOCK:
                self._rx_view[have : have + k] = buf[i : i + k]
            self._have = have + k
            i += k
            if self._have == self._want:
                self._silent = False
                self._block(now)
        if self._have:
            self._deadline = wrap(now + self.cwt_ms)

    def parity(self, refused: int, damaged: int, now: int) -> None:
        """T=1 has no error signal: a damaged character is a damaged block, also when the check is right."""
        if damaged:
            self._damaged = True

    def tick(self, now: int) -> None:
        if self.state == T1_IDLE:
            return
        if not left(now, self._end):
            self._lost(STATUS_TIMEOUT)
        elif self._pending:
            self._flush(now)
        elif self.state == T1_RAW:
            if not left(now, self._deadline):
                self._finish(STATUS_PARITY if self._have else STATUS_TIMEOUT)
        elif not left(now, self._deadline):
            self._silent = not self._have
            self._invalid(_R_OTHER, now)

    def due_ms(self, now: int) -> int:
        if self._pending:
            return min(left(now, self._free), left(now, self._end))
        return min(left(now, self._deadline), left(now, self._end))

    def abort(self, status: int) -> None:
        """End the exchange from outside (card removed, session ended)."""
        if self.state != T1_IDLE:
            self._lost(status)

    def wipe(self) -> None:
        """Forget the bytes of the last command."""
        for i in range(_BLOCK):
            self._tx[i] = self._rx[i] = 0

    def _reset_numbers(self):
        self._ns = self._nr = 0
        self.ifsc = self._first_ifsc
        self.ifsd = _INITIAL_IFSD

    # Sending

    def _piece(self, now):
        """The next I-block of the command, or the same one again."""
        self._size = size = min(self._n - self._at, self.ifsc)
        more = self._at + size < self._n
        self._last_out = self._last_out or not more
        self.state = T1_SENDING
        self._tx_view[3 : 3 + size] = self._tpdu[self._at : self._at + size]
        self._compose(self._ns << 6 | (_MORE if more else 0), size, now)

    def _r(self, error, now):
        self._compose(_R | self._nr << 4 | error, 0, now)

    def _s(self, kind, value, now):
        """S-block; `value` below 0: without information field."""
        self._tx[3] = value & 0xFF
        self._compose(_S | kind, 0 if value < 0 else 1, now)

    def _compose(self, pcb, size, now):
        tx = self._tx
        tx[0] = 0
        tx[1] = pcb
        tx[2] = size
        n = 3 + size
        if self._crc:
            c = crc(tx, n)
            tx[n] = c >> 8
            tx[n + 1] = c & 0xFF
            n += 2
        else:
            tx[n] = lrc(tx, n)
            n += 1
        self._have = 0
        self._pending = n
        self._flush(now)

    def _flush(self, now):
        """Send what waits, once the line was silent for the block guard time."""
        if self._free >= 0 and left(now, self._free):
            return
        n, self._pending = self._pending, 0
        wire_ms = (n * self._char_us + 999) // 1000
        self._deadline = wrap(now + self._wtx * (self.bwt_ms - self._slack_ms) + self._slack_ms + wire_ms)
        self._wtx = 1
        self._damaged = False  # what was damaged belongs to the block before
        self.send(self._tx_view, n)

    # Receiving

    def _block(self, now):
        rx, size = self._rx, self._rx[2]
        if self.state == T1_RAW:
            self._raw_block()
            return
        if self._want > _BLOCK:
            self._invalid(_R_OTHER, now)
            return
        if not self._sound():
            self._invalid(_R_EDC, now)
            return
        self._have = 0
        pcb = rx[1]
        if rx[0] & 0x77:  # bits 4 and 8 were VPP's once and are not looked at [§11.3.2.1]
            self._invalid(_R_OTHER, now)
        elif not pcb & 0x80:
            self._i_block(pcb, size, now)
        elif not pcb & 0x40:
            self._r_block(pcb, size, now)
        else:
            self._s_block(pcb & 0x3F, size, now)

    def _raw_block(self):
        n = self._want
        if self._damaged:
            self._finish(STATUS_PARITY)
        elif n > min(_BLOCK, self._limit):
            self._finish(STATUS_TOO_LONG)
        else:
            self._out[:n] = self._rx_view[:n]
            self.length = n
            self._finish(STATUS_OK)

    def _sound(self):
        n = self._want
        if self._damaged:
            return False
        if not self._crc:
            return not lrc(self._rx, n)
        return crc(self._rx, n - 2) == self._rx[n - 2] << 8 | self._rx[n - 1]

    def _i_block(self, pcb, size, now):
        more = bool(pcb & _MORE)
        expected = self.state == T1_RECEIVING or (self.state == T1_SENDING and self._at + self._size == self._n)
        if pcb & 0x1F or not expected or pcb >> 6 & 1 != self._nr or size > self.ifsd:
            self._invalid(_R_OTHER, now)
            return
        if self.state == T1_SENDING:
            self._ns ^= 1
        self._tries = self._repeats = 0
        self._nr ^= 1
        if self.length + size > self._limit:
            self.length = 0
            self._why = STATUS_TOO_LONG
            if more:
                self.state = T1_ABORTING
                self._s(_S_ABORT, -1, now)
            else:
                self._finish(STATUS_TOO_LONG)
            return
        self._out[self.length : self.length + size] = self._rx_view[3 : 3 + size]
        self.length += size
        if more:
            self.state = T1_RECEIVING
            self._r(0, now)
        elif self.length < 2:
            self._finish(STATUS_PROTOCOL)
        else:
            self._finish(STATUS_OK)

    def _r_block(self, pcb, size, now):
        nr = pcb >> 4 & 1
        if pcb & 0x0C or size:
            self._invalid(_R_OTHER, now)
        elif self.state == T1_ABORTED:
            self._ns = nr
            self._finish(STATUS_PROTOCOL)
        elif self.state == T1_SENDING:
            if nr == self._ns:
                if self._repeat(now):
                    self._piece(now)
            elif self._at + self._size < self._n:
                self._tries = self._repeats = 0
                self._ns ^= 1
                self._at += self._size
                self._piece(now)
            else:
                self._invalid(_R_OTHER, now)
        elif self.state == T1_RECEIVING and nr == self._ns:
            if self._repeat(now):
                self._r(0, now)
        else:
            self._invalid(_R_OTHER, now)

    def _s_block(self, kind, size, now):
        response = kind & _RESPONSE
        kind &= ~_RESPONSE
        value = self._rx[3] if size else -1
        if size != (1 if kind in (_S_IFS, _S_WTX) else 0) or kind > _S_WTX:
            self._invalid(_R_OTHER, now)
        elif response:
            self._s_response(kind, value, now)
        elif kind == _S_IFS and 0 < value < 255:
            self.ifsc = value
            self._answer(kind, value, now)
        elif kind == _S_WTX and self.state != T1_RESYNCH:
            self._wtx = value or 1
            self._answer(kind, value, now)
        elif kind == _S_ABORT and self.state in (T1_SENDING, T1_RECEIVING):
            self.state = T1_ABORTED  # the command's chain or the answer's: the card gives the turn back by an R-block
            self.length = 0
            self._answer(kind, value, now)
        else:
            self._invalid(_R_OTHER, now)  # only the reader may ask for RESYNCH

    def _answer(self, kind, value, now):
        self._tries = 0
        self._s(kind | _RESPONSE, value, now)

    def _s_response(self, kind, value, now):
        if self.state == T1_IFS and kind == _S_IFS and value == IFSD:
            self.ifsd = IFSD
            self._tries = 0
            self._piece(now)
        elif self.state == T1_ABORTING and kind == _S_ABORT:
            self._finish(self._why)
        elif self.state == T1_RESYNCH and kind == _S_RESYNCH:
            self._reset_numbers()
            if self._last_out or self._restarted:
                self._finish(self._why)
            else:
                self._restarted = True
                self._tries = self._repeats = self._at = self.length = 0
                self._piece(now)
        else:
            self._invalid(_R_OTHER, now)

    # Errors

    def _invalid(self, error, now):
        """A damaged, unfitting or missing block: the last request again, or an R-block that asks for the card's again."""
        self._have = 0
        if not self._count(now):
            return
        if self.state == T1_IFS:
            self._s(_S_IFS, IFSD, now)
        elif self.state == T1_ABORTING:
            self._s(_S_ABORT, -1, now)
        else:
            self._r(error, now)

    def _repeat(self, now):
        """The card, heard well, asks for our last block again: whether it gets it; not more than three times in all."""
        self._tries = self._repeats
        self._repeats += 1
        return self._count(now)

    def _count(self, now):
        """Whether another try is left; else the resynchronisation begins, goes on, or fails."""
        if self.state == T1_RESYNCH:
            self._resync(now)
            return False
        self._tries += 1
        if self._tries < _TRIES:
            return True
        if self._why == STATUS_OK:
            self._why = STATUS_TIMEOUT if self._silent else STATUS_PROTOCOL
        self._resync(now)
        return False

    def _resync(self, now):
        self._resyncs += 1
        if self._resyncs > _TRIES:
            self._lost(self._why or (STATUS_TIMEOUT if self._silent else STATUS_PROTOCOL))
            return
        self.state = T1_RESYNCH
        self._wtx = 1
        self._s(_S_RESYNCH, -1, now)

    def _lost(self, status):
        self.in_step = False
        self._finish(status)

    def _finish(self, status):
        if status != STATUS_OK:
            self.length = 0
        self._have = self._pending = 0
        self._wtx = 1
        self.status = status
        self.state = T1_IDLE
