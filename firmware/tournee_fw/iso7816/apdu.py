"""APDU over TPDU: cases 1-4, short and extended, automatic GET RESPONSE and 6Cxx [ISO 7816-3 §12.2, 7816-4 §5; facts cards-and-readers §3.7]."""

from micropython import const

from tournee_fw._link import STATUS_BAD_MESSAGE, STATUS_FORBIDDEN, STATUS_OK, STATUS_PROTOCOL, STATUS_TOO_LONG

APDU_IDLE = const(0)
APDU_COMMAND = const(1)
APDU_RESEND = const(2)
APDU_GET_RESPONSE = const(3)
APDU_ENVELOPE = const(4)
STATES = ("IDLE", "COMMAND", "RESEND", "GET_RESPONSE", "ENVELOPE")

MAX_APDU = const(1024)  # a request of the link is no longer
_HEADER = const(5)

_GET_RESPONSE = const(0xC0)
_ENVELOPE = const(0xC2)
_TURNS = const(64)
"""6Cxx and 61xx answers followed for one command: above 8192 / 256, so only a card that mocks us reaches it."""
_PIN_INS = (0x20, 0x24, 0x2C)
"""VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER; bit 1 of INS only says BER-TLV."""


def check(apdu, n: int) -> int:
    """STATUS_OK, or why this command is not sent: malformed, too long, or carrying a PIN (FORBIDDEN).

    Class and chaining bits are not looked at: no class hides a PIN. ENVELOPE could wrap one.
    """
    if n < 4 or apdu[0] == 0xFF or apdu[1] & 0xF0 in (0x60, 0x90):
        return STATUS_BAD_MESSAGE
    if n > MAX_APDU:
        return STATUS_TOO_LONG
    if n > 5:
        ins = apdu[1] & 0xFE
        if ins in _PIN_INS or ins == _ENVELOPE:
            return STATUS_FORBIDDEN
        if apdu[4]:
            good = n in (5 + apdu[4], 6 + apdu[4])
        elif n <= 7:
            good = n == 7  # case 2E
        else:
            lc = extended_lc(apdu, n)
            good = lc and n in (7 + lc, 9 + lc)
        if not good:
            return STATUS_BAD_MESSAGE
    return STATUS_OK


def check_block(block, n: int) -> int:
    """The same for a T=1 block: an I-block has to hold one whole command, since a chain could hide a PIN."""
    if n < 4 or n < 4 + block[2]:
        return STATUS_BAD_MESSAGE
    if block[1] & 0x80:
        return STATUS_OK
    return STATUS_FORBIDDEN if block[1] & 0x20 else check(block[3:], block[2])


def extended_lc(apdu, n: int) -> int:
    """Lc of an extended command with data, else 0."""
    return apdu[5] << 8 | apdu[6] if n > 7 and not apdu[4] else 0


def expected(apdu, n: int) -> int:
    """Ne of a command that `check` has passed: the bytes that its Le asks for; 0 when it has none, or asks for all there are."""
    if n <= 5:
        return apdu[4] if n == 5 else 0
    if apdu[4]:
        return apdu[n - 1] if n == 6 + apdu[4] else 0
    if n == 7:
        return apdu[5] << 8 | apdu[6]
    return apdu[n - 2] << 8 | apdu[n - 1] if n == 9 + extended_lc(apdu, n) else 0


def get_response_cla(cla: int) -> int:
    """CLA of GET RESPONSE: the command's, without chaining and secure messaging, on its logical channel."""
    if cla & 0xE0 == 0:
        return cla & 0x03
    if cla & 0xC0 == 0x40:
        return cla & 0xCF
    return cla


class Apdu:
    """Runs one command over `protocol`; `status` and `length` as there. Command chaining passes through.

    T=1 takes a command as it is. On T=0 a case 4 leaves its Le to GET RESPONSE, an extended command that fits is made
    short, and a longer one goes out in ENVELOPEs [ISO 7816-3 §12.2].
    """

    def __init__(self, protocol):
        self.protocol = protocol
        self._tpdu = bytearray(MAX_APDU + _HEADER)  # room for the header of the first ENVELOPE before the command
        self._view = memoryview(self._tpdu)
        self._next = bytearray(_HEADER)
        self._cla = 0
        self._out = self._view
        self._n = self._at = self._limit = self._turns = self._ne = 0
        self._follow = self._data = False
        self.length = 0
        self.status = STATUS_OK
        self.sw = 0
        """SW1 SW2 of the answer in `out`, when `status` is OK."""
        self.state = APDU_IDLE
        self.busy = False

    def use(self, protocol) -> None:
        """Speak `protocol` from the next command on."""
        self.protocol = protocol

    def start(self, apdu, n: int, out, now: int) -> None:
        """Send `apdu[:n]`, already passed by `check` (or made here, by the keypad); the answer goes to `out`, a memoryview."""
        view = self._view
        self._begin(out)
        self._cla = apdu[0]
        self._ne = expected(apdu, n)
        self._follow = True
        self._data = n > _HEADER and not (n == 7 and not apdu[4])
        self.state = APDU_COMMAND
        if self.protocol.number or n <= _HEADER:
            view[:n][:] = apdu[:n]
        elif n >= 7 and not apdu[4]:
            n = self._short(apdu, n)
            if not n:
                view = view[self._envelope() :]
                n = _HEADER + view[4]
        else:
            if n == 6 + apdu[4]:
                n -= 1  # case 4: Le goes into GET RESPONSE
            view[:n][:] = apdu[:n]
        self.protocol.start(view, n, out, self._limit, now)
        if not self.protocol.busy:
            self.advance(now)

    def _short(self, apdu, n):
        """An extended command for T=0: the length of the short one made of it, or 0 when it goes out in ENVELOPEs."""
        view = self._view
        lc = extended_lc(apdu, n)
        if lc > 255:
            view[_HEADER : _HEADER + n] = apdu[:n]
            self._at, self._n = _HEADER, _HEADER + n
            self.state = APDU_ENVELOPE
            return 0
        view[:4] = apdu[:4]
        if lc:  # case 3E or 4E that fits
            view[4] = lc
            view[5 : 5 + lc] = apdu[7 : 7 + lc]
            return 5 + lc
        view[4] = 0 if apdu[5] else apdu[6]  # case 2E: up to 256, else all that 61xx gives
        return 5

    def start_tpdu(self, tpdu, n: int, out, now: int, factor: int) -> None:
        """Send as it is, follow nothing: on T=0 a TPDU, on T=1 one block, which has `factor` block waiting times."""
        self._begin(out)
        self._follow = False
        self.state = APDU_COMMAND
        self._view[:n] = tpdu[:n]
        self.protocol.start_raw(self._view, n, out, self._limit, now, factor)
        self.advance(now)

    def advance(self, now: int) -> None:
        """Take up what the protocol has done; call after every `feed`, `tick`, `parity` or `abort` of it."""
        protocol = self.protocol
        while self.busy and not protocol.busy:
            if protocol.status != STATUS_OK:
                self._finish(protocol.status)
                return
            self.length += protocol.length
            if not self._follow:
                self._finish(STATUS_OK)
                return
            sw1 = self._out[self.length - 2]
            if sw1 == 0x61 or sw1 == 0x6C:
                self._follow_up(sw1, now)
            elif self.state == APDU_ENVELOPE and self._at < self._n and sw1 == 0x90 and not self._out[self.length - 1]:
                self.length = 0
                self._next_envelope(now)
            else:
                self._finish(STATUS_OK)

    def _next_envelope(self, now):
        at = self._envelope()
        self.protocol.start(self._view[at:], _HEADER + self._view[at + 4], self._out, self._limit, now)

    def _follow_up(self, sw1, now):
        """61xx and 6Cxx."""
        self._turns += 1
        if self._turns > _TURNS:
            self._finish(STATUS_PROTOCOL)
            return
        sw2 = self._out[self.length - 1]
        self.length -= 2
        if sw1 == 0x6C and self.protocol.length == 2:
            self._resend(sw2, now)
        elif sw1 == 0x61 and not 0 < self._ne <= self.length:
            self._get_response(sw2, now)
        else:
            self.length += 2  # all that was asked for is there; 6Cxx after data makes no sense: the host shall see it
            self._finish(STATUS_OK)

    def wipe(self) -> None:
        """Forget the bytes of the last command, here and in the protocol."""
        for i in range(len(self._tpdu)):
            self._tpdu[i] = 0
        self.protocol.wipe()

    def _begin(self, out):
        self._out = out
        self._limit = len(out)
        self._n = self._at = 0
        self.length = self._turns = 0
        self.status = STATUS_OK
        self.busy = True

    def _envelope(self):
        """The next piece of the command as ENVELOPE: where it stands; its header overwrites bytes that are out already."""
        size = min(self._n - self._at, 255)
        at = self._at - _HEADER
        view = self._view
        view[at] = get_response_cla(self._cla)
        view[at + 1] = _ENVELOPE
        view[at + 2] = view[at + 3] = 0
        view[at + 4] = size
        self._at += size
        return at

    def _finish(self, status):
        if status != STATUS_OK:
            self.length = 0
        else:
            self.sw = self._out[self.length - 2] << 8 | self._out[self.length - 1]
        self.status = status
        self.state = APDU_IDLE
        self.busy = False

    def _resend(self, le, now):
        header = self._next
        if self.state != APDU_GET_RESPONSE:
            if self._data:  # the host shall send a command with data again itself
                self.length += 2
                self._finish(STATUS_OK)
                return
            header[:4] = self._view[:4]
            self.state = APDU_RESEND
        header[4] = le
        self._send(now)

    def _get_response(self, le, now):
        """As much as the card has and the command still asks for [§12.2.4]."""
        header = self._next
        left = self._ne - self.length
        if 0 < left < (le or 256):
            le = left
        header[0] = get_response_cla(self._cla)
        header[1] = _GET_RESPONSE
        header[2] = header[3] = 0
        header[4] = le
        self.state = APDU_GET_RESPONSE
        self._send(now)

    def _send(self, now):
        room = self._limit - self.length
        if (self._next[4] or 256) + 2 > room:
            self._finish(STATUS_TOO_LONG)
            return
        self.protocol.start(self._next, 5, self._out[self.length :], room, now)
