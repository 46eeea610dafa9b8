"""Second personality: a serial CCID reader for stock `pcscd` + `libccidtwin` [USB CCID 1.1 §6; facts cards-and-readers §4.1, §4.2].

TPDU level: on T=0 TPDUs, on T=1 blocks, whose numbers and repetition are the host's. The slot manager has negotiated with the card at
power-on; PPS and SetParameters are answered with what holds.
A slot that this powered is `lent`: the link's requests on it are BUSY until it is powered off, and a slot of the link is E0 here.
"""

import gc

from micropython import const

from . import _link
from .ccid_block import BlockSlot
from .ccid_frames import GOT_BAD, GOT_MESSAGE, GOT_NAK, HEAD, MAX_DATA, Inbox, Outbox
from .ccid_pin import MODIFY, VERIFY, VERIFY_PCB, CcidError, Change, verify_body
from .clock import left, wrap
from .desk import Desk
from .errors import Refused
from .iso7816.tables import DI, FI, FIDI_DEFAULT
from .pin_change import PinChange

READERS = {"SEC1210": (2, False), "GemPCTwin": (1, True), "GemPCPinPad": (1, True)}
"""Name that libccid reads behind the device's: slots, echo."""

_POWER_ON = const(0x62)
_POWER_OFF = const(0x63)
_SLOT_STATUS = const(0x65)
_XFR = const(0x6F)
_GET_PARAMETERS = const(0x6C)
_RESET_PARAMETERS = const(0x6D)
_SET_PARAMETERS = const(0x61)
_ESCAPE = const(0x6B)
_SECURE = const(0x69)
_RATE = const(0x73)
_CLOCK = const(0x6E)
_ABORT = const(0x72)

_SLOT_REPLY = const(0x81)
_ANSWERS = {
    _POWER_ON: 0x80,
    _XFR: 0x80,
    _SECURE: 0x80,
    _GET_PARAMETERS: 0x82,
    _RESET_PARAMETERS: 0x82,
    _SET_PARAMETERS: 0x82,
    _ESCAPE: 0x83,
    _RATE: 0x84,
}

_UNSUPPORTED = const(0x00)
_BAD_LENGTH = const(0x01)
_BAD_SLOT = const(0x05)
_BAD_7 = const(0x07)
_BAD_DATA = const(0x0A)
_BUSY = const(0xE0)
_CANCELLED = const(0xEF)
_PIN_TIMEOUT = const(0xF0)
_PROCEDURE = const(0xF4)
_PROTOCOL = const(0xF6)
_BAD_TCK = const(0xF7)
_BAD_TS = const(0xF8)
_HARDWARE = const(0xFB)
_PARITY = const(0xFD)
_MUTE = const(0xFE)
_ABORTED = const(0xFF)

_ERRORS = {
    _link.STATUS_BUSY: _BUSY,
    _link.STATUS_CANCELLED: _CANCELLED,
    _link.STATUS_LAST_TRY_REFUSED: _CANCELLED,
    _link.STATUS_KEYPAD_TIMEOUT: _PIN_TIMEOUT,
    _link.STATUS_PARITY: _PARITY,
    _link.STATUS_PROTOCOL: _PROCEDURE,
    _link.STATUS_PPS_FAILED: _PROTOCOL,
    _link.STATUS_BAD_MESSAGE: _BAD_DATA,
    _link.STATUS_TOO_LONG: _BAD_LENGTH,
}
"""The rest (mute, time-out, removed, not powered) is FE, and bmICCStatus says which."""

_FAILED = const(0x40)
_TIME_EXTENSION = const(0x80)
_TIME_MS = const(1000)
_TIME_REQUEST = b"\x80"
_SILENT_HOST_MS = const(30_000)  # pcscd asks for the slots every 400 ms
_ABSENCE_MS = const(2000)
"""A card that went stays away for so long here: pcscd looks every 400 ms, and one that comes back unseen stays absent for it."""
_ESCAPE_ECHO = const(8)
_CHUNK = const(64)
_NEEDED_ROOM = const(600)  # two frames, echo and answer, and what is unsolicited
_PIN_INS = (0x20, 0x24, 0x2C)
_I_BLOCK_HEAD = const(3)
_SW_BLOCKED = b"\x69\x83"


class Ccid(Desk):
    """One reader on one transport; `poll(now)` after the server's, which polls the slots."""

    def __init__(self, transport, server, version: str):
        """`transport.ccid` is a name of READERS."""
        super().__init__(server.board, server.display)
        count, self._echo = READERS[transport.ccid]
        self.transport = transport
        self._server = server
        self._lent = server.lent
        self._slots = server.slots[:count]
        self._log = server.log
        self._version = ("Tournee-V" + version).encode()
        self._in = Inbox()
        self._out = Outbox()
        self._chunk = memoryview(bytearray(_CHUNK))
        self._at = self._n = 0
        self._head = bytearray(HEAD)
        self._data = memoryview(bytearray(MAX_DATA))
        self._pin = PinChange()
        self._blocks = None
        """In the place of a T=1 card while a PIN is typed."""
        self.answer = memoryview(bytearray(8))
        self.answer_at = 0
        self._connected = False
        self._notify = not self._echo  # a GemPC Twin is told to by an Escape
        self._present = [False] * count
        self._removals = [slot.removals for slot in self._slots]
        self._back_at = [-1] * count
        """When a card that went may be seen again, -1: now."""
        self._told = False
        self._job = None
        self._job_kind = self._job_slot = self._job_seq = 0
        self._result = self._nine = 0
        self._aborted = self._chain_of_pin = False
        self._time_at = self._heard = 0

    # --- the loop ----------------------------------------------------------------------------------------------------

    def poll(self, now: int) -> None:
        self.now = now
        transport = self.transport
        transport.poll(now)
        if transport.connected != self._connected:
            self._connected = transport.connected
            self._restart()
        self._in.tick(now)
        self._absences(now)
        if self._connected:
            self._read()
            self._step()
            self._movements()
            self._out.push(transport)
        for slot in self._slots:
            if self._lent[slot.number] and not slot.busy and slot.link_state != _link.SLOT_POWERED:
                self._lent[slot.number] = False
        if self._job is None and self._lends() and not left(now, wrap(self._heard + _SILENT_HOST_MS)):
            self._log.note("ccid: silent host")
            self._give_back()

    def due_ms(self, now: int) -> int:
        due = min(self.transport.due_ms(now), self._in.due_ms(now))
        for at in self._back_at:
            if at >= 0:
                due = min(due, left(now, at))
        if self._connected and self._out.waiting:
            due = min(due, 5)
        if self._job is not None:
            due = min(due, left(now, self._time_at))
            if self.deadline >= 0:
                due = min(due, left(now, self.deadline))
        elif self._lends():
            due = min(due, left(now, wrap(self._heard + _SILENT_HOST_MS)))
        return due if self._at == self._n else 0 if self._out.room >= _NEEDED_ROOM else due

    def _restart(self):
        """The line came or went: nothing of before counts."""
        self._in.restart()
        self._out.restart()
        self._at = self._n = 0
        self._told = False
        self._notify = not self._echo
        if self._job is not None:
            self._job.close()
            self._job = None
        self._give_back()

    def _lends(self):
        return any(self._lent)

    def _give_back(self):
        for slot in self._slots:
            if self._lent[slot.number]:
                slot.power_off()
                self._lent[slot.number] = False

    def _read(self):
        while self._out.room >= _NEEDED_ROOM:
            if self._at == self._n:
                self._at = 0
                self._n = self.transport.read_into(self._chunk)
                if not self._n:
                    return
                self._heard = self.now
            got = self._in.take(self._chunk[self._at], self.now)
            self._at += 1
            if got == GOT_MESSAGE:
                self._message(self._in.message, self._in.length - HEAD)
            elif got == GOT_BAD or (got == GOT_NAK and not self._out.again()):
                self._out.nak()

    def _absences(self, now):
        for i, slot in enumerate(self._slots):
            if slot.removals != self._removals[i]:
                self._removals[i] = slot.removals
                self._back_at[i] = wrap(now + _ABSENCE_MS)
            elif self._back_at[i] >= 0 and not left(now, self._back_at[i]):
                self._back_at[i] = -1

    def _absent(self, slot):
        return slot.link_state == _link.SLOT_ABSENT or self._back_at[slot.number] >= 0

    def _movements(self):
        """50 and two bits per slot, present and changed [CCID 6.3.1]; 02 and 03 are what libccid knows."""
        bits = 0
        for i, slot in enumerate(self._slots):
            present = not self._absent(slot)
            if present != self._present[i]:
                bits |= (3 if present else 2) << 2 * i
            elif present:
                bits |= 1 << 2 * i
            self._present[i] = present
        if bits & 0xAA and self._told and self._notify and self._out.room > 2:
            self._out.bare(bytes((0x50, bits)))

    # --- commands ----------------------------------------------------------------------------------------------------

    def _message(self, message, n):
        kind, number, seq = message[0], message[5], message[6]
        self._told = True  # a host is there
        if self._echo:
            self._echo_of(message, n)
        if number >= len(self._slots):
            self._reply(_ANSWERS.get(kind, _SLOT_REPLY), number, seq, _BAD_SLOT)
            return
        slot = self._slots[number]
        if kind == _SLOT_STATUS:
            self._reply(_SLOT_REPLY, number, seq, -1, self._clock_status(slot))
        elif kind == _ABORT:
            self._abort(number)
            self._reply(_SLOT_REPLY, number, seq, -1)
        elif self._job is not None:
            self._reply(_ANSWERS.get(kind, _SLOT_REPLY), number, seq, _BUSY)
        else:
            self._job_kind, self._job_slot, self._job_seq = _ANSWERS.get(kind, _SLOT_REPLY), number, seq
            self._result = self._nine = 0
            self._aborted = self.cancelled = False
            self._time_at = wrap(self.now + _TIME_MS)
            self._job = self._command(kind, slot, message, n)
            self._step()

    def _echo_of(self, message, n):
        """libccid takes the first frame for the echo, unread, but into a buffer as long as an Escape's answer: a long one goes short."""
        if message[0] == _ESCAPE and n > _ESCAPE_ECHO:
            self._head[:] = message[:HEAD]
            self._out.frame(self._head, message, 0)
        else:
            self._out.echo(message, HEAD + n)

    def _step(self):
        """Let the running command go on until it waits again."""
        if self._job is None:
            return
        error = -1
        try:
            next(self._job)
        except StopIteration:
            pass
        except CcidError as wrong:
            error = wrong.args[0]
        except Refused as refused:
            error = _ABORTED if self._aborted else _ERRORS.get(refused.status, _MUTE)
        except Exception as fault:  # every command is answered, whatever went wrong here
            self._log.note("internal " + type(fault).__name__, self._job_kind)
            error = _HARDWARE
            gc.collect()
        else:
            if not left(self.now, self._time_at) and self._out.room > MAX_DATA + HEAD + 4:
                self._time_at = wrap(self.now + _TIME_MS)
                self._ask_for_time()
            return
        self._job = None
        self._reply(self._job_kind, self._job_slot, self._job_seq, error, self._nine, self._result)

    def _ask_for_time(self):
        """One byte while a T=0 card works, an empty answer with the command status 2 for T=1 [libccid ccid_serial.c, CCID 6.2-1]."""
        if self._slots[self._job_slot].protocol_number == 0:
            self._out.bare(_TIME_REQUEST)
        else:
            self._reply(self._job_kind, self._job_slot, self._job_seq, -1, more_time=True)

    def _command(self, kind, slot, message, n):
        """Generator of one command: writes `_data[:_result]`; ends, or raises CcidError or Refused."""
        if kind == _POWER_ON:
            yield from self._power_on(slot, message[7])
        elif kind == _POWER_OFF:
            self._mine(slot)
            slot.power_off()
            self._lent[slot.number] = False
            self._nine = 1
        elif kind == _XFR:
            yield from self._xfr(slot, message, n)
        elif kind in (_GET_PARAMETERS, _RESET_PARAMETERS):
            self._parameters(slot)
        elif kind == _SET_PARAMETERS:
            yield from self._set_parameters(slot, message, n)
        elif kind == _ESCAPE:
            self._escape(message, n)
        elif kind == _SECURE:
            yield from self._secure(slot, message, n)
        elif kind == _RATE:
            self._rate(slot)
        elif kind == _CLOCK:
            self._clock(slot, message[7])
        else:
            raise CcidError(_UNSUPPORTED)

    def _power_on(self, slot, select):
        if select > _link.VOLT_C_1V8:
            raise CcidError(_BAD_7)
        self._mine(slot)
        if self._absent(slot):
            raise Refused(_link.STATUS_NO_CARD)
        powered = slot.link_state == _link.SLOT_POWERED
        self._lent[slot.number] = True
        slot.power_on(select, powered and select in (0, slot.volt_class), self.now)
        while slot.busy:
            yield
        if slot.status == _link.STATUS_BAD_ATR:
            raise CcidError(_BAD_TCK if slot.atr_reader.length else _BAD_TS)
        if slot.status == _link.STATUS_PROTOCOL:
            raise CcidError(_PROTOCOL)
        if slot.status != _link.STATUS_OK:
            raise Refused(slot.status)
        atr = slot.atr
        self._result = len(atr)
        self._data[: self._result] = atr

    def _xfr(self, slot, message, n):
        self._powered(slot)
        if message[8] or message[9]:
            raise CcidError(8)  # chaining is for readers of the APDU level
        if not n:
            raise CcidError(_BAD_LENGTH)
        tpdu = message[HEAD : HEAD + n]
        if tpdu[0] == 0xFF:
            yield from self._pps(slot, tpdu, n)
            return
        if slot.protocol_number == 0:
            if n > 5 and n == 6 + tpdu[4]:
                n -= 1  # T=0 has no Le behind data; some programs send it
            secret = n > 5 and tpdu[1] & 0xFE in _PIN_INS
        else:
            secret = self._is_secret(tpdu, n)
        slot.transmit_raw(tpdu, n, self._data, self.now, message[7])
        if secret:
            self._in.wipe()
        try:
            yield from self.until_idle(slot)
        finally:
            if secret:
                slot.wipe()
        self._result = slot.apdu.length

    def _is_secret(self, block, n):
        """Whether a block of T=1 carries a PIN: the command begins with it, or goes on."""
        if block[1] & 0x80:
            return self._chain_of_pin
        secret = self._chain_of_pin or (n > _I_BLOCK_HEAD + 5 and block[_I_BLOCK_HEAD + 1] & 0xFE in _PIN_INS)
        self._chain_of_pin = secret and bool(block[1] & 0x20)
        return secret

    def _pps(self, slot, request, n):
        """Answered for the card: it has agreed to `slot.fidi`, or to nothing and stands at 372/1 (no PPS1 in the answer)."""
        x = 0
        for i in range(n):
            x ^= request[i]
        if n < 3 or x or n != 3 + (request[1] >> 4 & 1) + (request[1] >> 5 & 1) + (request[1] >> 6 & 1):
            raise CcidError(_BAD_DATA)
        protocol = request[1] & 15
        yield from self._speak(slot, protocol)
        wanted = request[2] if request[1] & 0x10 else FIDI_DEFAULT
        if protocol != slot.protocol_number or slot.fidi not in (wanted, FIDI_DEFAULT):
            raise CcidError(_PROTOCOL)
        data = self._data
        data[0] = 0xFF
        if wanted == slot.fidi and request[1] & 0x10:
            data[1], data[2] = 0x10 | protocol, wanted
            data[3] = data[0] ^ data[1] ^ wanted
            self._result = 4
        else:
            data[1] = protocol
            data[2] = 0xFF ^ protocol
            self._result = 3

    def _speak(self, slot, protocol):
        """The other protocol that the card offers begins with a reset; F6 when it does not."""
        if protocol == slot.protocol_number:
            return
        atr = slot.atr_reader
        if protocol > 1 or atr.specific >= 0 or not atr.offers(protocol):
            raise CcidError(_PROTOCOL)
        slot.power_on(slot.volt_class, True, self.now, protocol)
        yield from self.until_idle(slot)
        if protocol != slot.protocol_number:
            raise CcidError(_PROTOCOL)

    def _parameters(self, slot):
        """CCID 6.2.3: FiDi, convention and checksum, guard time, waiting integers, clock stop [, IFSC, NAD]."""
        self._powered(slot)
        atr, data = slot.atr_reader, self._data
        self._nine = slot.protocol_number
        data[0] = slot.fidi
        data[1] = 2 if atr.inverse else 0
        data[2] = atr.guard
        data[4] = atr.clock_stop
        if slot.protocol_number:
            data[1] |= 0x11 if atr.crc else 0x10
            data[3] = atr.bwi << 4 | atr.cwi
            data[5], data[6] = atr.ifsc, 0
            self._result = 7
        else:
            data[3] = atr.wi
            self._result = 5

    def _set_parameters(self, slot, message, n):
        self._powered(slot)
        if message[7] != slot.protocol_number:
            try:
                yield from self._speak(slot, message[7])
            except CcidError:
                raise CcidError(_BAD_7)
        if n != (7 if slot.protocol_number else 5):
            raise CcidError(_BAD_LENGTH)
        if not (FI[message[HEAD] >> 4] and DI[message[HEAD] & 15]):
            raise CcidError(_BAD_DATA)
        self._parameters(slot)

    def _rate(self, slot):
        """The clock in kHz and the bit/s that hold: both are chosen here."""
        fidi = slot.fidi if self._lent[slot.number] else FIDI_DEFAULT
        khz = self.board.clock_khz
        rate = khz * 1000 * DI[fidi & 15] // FI[fidi >> 4]
        for i in range(4):
            self._data[i] = khz >> 8 * i & 0xFF
            self._data[4 + i] = rate >> 8 * i & 0xFF
        self._result = 8

    def _clock(self, slot, wanted):
        """IccClock: 0 lets it run, 1 stops it as the ATR allows."""
        self._powered(slot)
        if wanted > 1 or (wanted and not slot.stop_clock()):
            raise CcidError(_BAD_7)
        if not wanted:
            slot.run_clock()
        self._nine = self._clock_status(slot)

    def _escape(self, message, n):
        data = message[HEAD : HEAD + n]
        if n == 1 and data[0] in (0x02, 0x06):  # versions: Gemalto, SEC1210
            self._result = len(self._version)
            self._data[: self._result] = self._version
        elif n == 3 and data[0] == 1 and data[1] == 1:  # Gemalto: card movement notification
            self._notify = data[2] != 0
        elif not (n > 4 and data[0] == 0xB2 and data[1] == 0xA0):  # Gemalto: texts of a PIN pad; ours are in `texts`
            raise CcidError(_BAD_DATA)

    def _secure(self, slot, message, n):
        """VERIFY or CHANGE REFERENCE DATA with codes of the keypad [CCID 6.1.11, 6.1.12]."""
        self._powered(slot)
        if not n or message[HEAD] not in (VERIFY, MODIFY):
            raise CcidError(HEAD if n else _BAD_LENGTH)
        body = change = None
        if message[HEAD] == VERIFY:
            body = verify_body(message, n, slot.number)
            pcb = message[HEAD + VERIFY_PCB]
        else:
            change = Change(message, n, self._echo)
            pcb = change.pcb
        self._server.claim_keypad(self)
        blocks = self._blocks = BlockSlot(slot, pcb) if slot.protocol_number else None
        data = self._data
        self._result = 2
        try:
            self.answer_at = 0
            if body is not None:
                yield from self._pin.verify(self, body, len(body))
            else:
                yield from self._pin.change(self, blocks or slot, change)
            data[:2] = self.answer[:2]
            if blocks and blocks.length:  # the host has numbered this block: it gets the card's
                self._result = blocks.length
                data[: self._result] = blocks.answer[: self._result]
        except Refused as refused:
            if refused.status != _link.STATUS_PIN_BLOCKED:
                raise
            data[:2] = _SW_BLOCKED
        finally:
            self._blocks = None
            self._server.free_keypad(self)

    def _abort(self, number):
        """A PIN entry is cancelled; a card in the middle of a TPDU can only be powered off."""
        if self._job is None or self._job_slot != number:
            return
        self._aborted = self.cancelled = True
        if self.deadline < 0:
            self._slots[number].power_off()
        self._step()

    # --- what PinEntry asks of its desk ------------------------------------------------------------------------------

    def slot(self, number):
        return self._blocks or self._slots[number]

    def until_idle(self, slot):
        if slot is self._blocks:
            return slot.finish(self)
        return super().until_idle(slot)

    def open_keypad(self):
        self._server.open_keypad()

    def close_keypad(self):
        self._server.close_keypad()

    def keypad_event(self, state):
        self._server.keypad_event(state)

    # --- answers -----------------------------------------------------------------------------------------------------

    def _mine(self, slot):
        """E0 while the link uses the slot."""
        if not self._lent[slot.number] and (slot.busy or slot.link_state == _link.SLOT_POWERED):
            raise CcidError(_BUSY)

    def _powered(self, slot):
        self._mine(slot)
        if slot.link_state != _link.SLOT_POWERED:
            raise CcidError(_MUTE)

    def _icc(self, slot):
        """bmICCStatus: 0 active, 1 present, 2 absent; what the link has powered is not active here."""
        if self._absent(slot):
            return 2
        return 0 if self._lent[slot.number] and slot.link_state == _link.SLOT_POWERED else 1

    def _clock_status(self, slot):
        """Byte 9: 0 the clock runs, 1 stopped low (also without supply), 2 stopped high."""
        return slot.clock if self._icc(slot) == 0 else 1

    def _reply(self, kind, number, seq, error, nine=0, n=0, more_time=False):
        """`error` -1: done, or with `more_time` not yet."""
        head = self._head
        head[0], head[5], head[6] = kind, number, seq
        icc = self._icc(self._slots[number]) if number < len(self._slots) else 2
        failed = error >= 0
        head[7] = icc | (_FAILED if failed else _TIME_EXTENSION if more_time else 0)
        head[8] = error if failed else 1 if more_time else 0
        head[9] = 0 if failed else nine
        self._out.frame(head, self._data, 0 if failed else n)
