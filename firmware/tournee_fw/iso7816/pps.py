"""Protocol and parameters selection, once, right after the ATR [ISO 7816-3 §9; facts cards-and-readers §3.4]."""

from micropython import const

from tournee_fw._link import STATUS_OK, STATUS_PPS_FAILED
from tournee_fw.clock import left, wrap

from .tables import DI, FI, FIDI_DEFAULT, ms_of_etu

PPS_START = const(0)
PPS_WAIT_PPSS = const(1)
PPS_WAIT_PPS0 = const(2)
PPS_WAIT_REST = const(3)
PPS_DONE = const(4)
PPS_FAILED = const(5)
STATES = ("START", "WAIT_PPSS", "WAIT_PPS0", "WAIT_REST", "DONE", "FAILED")

_WAIT_ETU = const(9600)
_MAX_BYTES = const(6)


def wanted(atr, protocol: int) -> bool:
    """A PPS is due: the card is negotiable and either not already in `protocol` or offers another F/D than 372/1 that there is."""
    if atr.specific >= 0:
        return False
    faster = atr.fidi != FIDI_DEFAULT and FI[atr.fidi >> 4] and DI[atr.fidi & 15]
    return bool(faster) or atr.first != protocol


class Pps:
    """One PPS exchange: `start` sends it by `send(buf, n)`; `fidi` is what holds afterwards."""

    def __init__(self, send):
        self._send = send
        self._request = bytearray(4)
        self._got = bytearray(_MAX_BYTES)
        self._n = self._want = 0
        self._deadline = 0
        self.fidi = FIDI_DEFAULT
        self.status = STATUS_OK
        self.state = PPS_START

    @property
    def busy(self):
        return PPS_START < self.state < PPS_DONE

    def start(self, protocol: int, fidi: int, khz: int, slack_ms: int, now: int) -> None:
        """Propose `protocol` at `fidi` (PPS1)."""
        r = self._request
        r[0], r[1], r[2] = 0xFF, 0x10 | protocol, fidi
        r[3] = r[0] ^ r[1] ^ r[2]
        self._n = 0
        self.fidi = FIDI_DEFAULT
        self.status = STATUS_OK
        self._wait_ms = ms_of_etu(_WAIT_ETU, 372, 1, khz) + slack_ms
        self._deadline = wrap(now + self._wait_ms)
        self.state = PPS_WAIT_PPSS
        self._send(r, 4)

    def feed(self, buf, n: int, now: int) -> int:
        """Take direct-convention characters until the answer is complete; returns how many were taken."""
        for i in range(n):
            if not self.busy:
                return i
            self._take(buf[i])
        if n:
            self._deadline = wrap(now + self._wait_ms)
        return n

    def tick(self, now: int) -> None:
        if self.busy and not left(now, self._deadline):
            self._fail()

    def due_ms(self, now: int) -> int:
        return left(now, self._deadline)

    def _fail(self):
        self.status = STATUS_PPS_FAILED
        self.state = PPS_FAILED

    def _take(self, c):
        got = self._got
        got[self._n] = c
        self._n += 1
        if self.state == PPS_WAIT_PPSS:
            if c != 0xFF:
                self._fail()
            else:
                self.state = PPS_WAIT_PPS0
        elif self.state == PPS_WAIT_PPS0:
            # PPS1 echoed or absent; PPS2 and PPS3 were not proposed and may not appear
            if c != self._request[1] and c != self._request[1] & 0x0F:
                self._fail()
                return
            self._want = 4 if c & 0x10 else 3
            self.state = PPS_WAIT_REST
        elif self._n == self._want:
            x = 0
            for i in range(self._n):
                x ^= got[i]
            if x or (self._want == 4 and got[2] != self._request[2]):
                self._fail()
                return
            if self._want == 4:
                self.fidi = got[2]
            self.state = PPS_DONE
