"""The link server: sessions, at-most-once, one request at a time, events. SPEC.md §4 is its table."""

import gc
from binascii import crc32
from struct import pack_into

from micropython import const

from . import _link
from ._link import KIND_REQUEST, OP_HELLO, STATUS_OK, read_message_head
from .clock import left, since, wrap
from .desk import Desk
from .errors import Refused
from .frames import Receiver, Sender
from .ops import Ops

_HEAD = const(6)
_ANSWER = const(8192 + 320)  # MAX_RESPONSE, and room for a card answer that turns out too long
_SMALL = const(320)
_SMALLS = const(6)
_PART_HEAD = const(6 + 6)  # of the message, and number and offset
_SCRIPT_AT = const(6 + 1 + 2)  # a script's answers: behind head, status and offset
_BUSY_EVERY_MS = const(1000)
_FULL_RETRY_MS = const(5)


class Line:
    """One transport with its frame buffers."""

    def __init__(self, transport):
        self.transport = transport
        self.receiver = Receiver()
        self.sender = Sender()
        self.connected = False
        self.greeted = False
        """BOOT was said on it."""


class Small:
    """A short message on its way: event, refusal, out-of-band answer."""

    def __init__(self):
        self.view = memoryview(bytearray(_SMALL))
        self.n = 0
        self.line = None


class Server(Desk):
    """`poll(now)` at every turn of the loop. `answer` and `answer_at` are where a running request writes its body."""

    def __init__(self, board, slots, display, log, info):
        """`info`: (firmware, board, micropython, manifest, name) as UTF-8 bytes."""
        super().__init__(board, display)
        self.slots = slots
        self.log = log
        self.info = info
        self.boot_id = bytes(board.random(8))
        self.uptime_s = 0
        self._second = self.now
        self.answer = memoryview(bytearray(_ANSWER))
        self.answer_at = 0
        self.lent = [False] * len(slots)
        """By slot: the CCID personality powered it and has it (docs/PCSC.md)."""
        self._leave = None  # line that goes to the REPL
        self._ops = Ops()
        self._lines = [Line(t) for t in board.transports if not t.ccid]
        self._owner = None
        self._session = None
        self._last = self._last_crc = 0
        self._answer_n = 0
        self._answer_due = None  # line that the stored answer must still be given to
        self._answer_on = None  # line that is sending it
        self._ahead = -1
        """Bytes of a script's answers that went ahead of its response on the owner's line; -1: the answer goes as it is stored."""
        self._part = memoryview(bytearray(_PART_HEAD + _link.PART_BYTES))
        self._request = memoryview(bytearray(_link.MAX_REQUEST))
        self._job = None
        self._fresh = False
        """The job was begun in this turn."""
        self._job_op = self._job_number = self._job_crc = 0
        self._busy_at = 0
        self._quiet_at = -1  # when the slots are powered off for want of requests; -1: they are
        self._events = 0
        self._keypad_open = False
        self._keypad_of = None
        self._smalls = [Small() for _ in range(_SMALLS)]
        self._waiting = []  # Smalls in order

    # --- what a running request uses ---------------------------------------------------------------------------------

    def slot(self, number):
        """The slot; Refused(BAD_SLOT), or BUSY while the other personality has it."""
        if number >= len(self.slots):
            raise Refused(_link.STATUS_BAD_SLOT)
        if self.lent[number]:
            raise Refused(_link.STATUS_BUSY)
        return self.slots[number]

    def claim_keypad(self, who):
        """One entry at a time, on whichever personality: Refused(BUSY)."""
        if self._keypad_of is not None:
            raise Refused(_link.STATUS_BUSY)
        self._keypad_of = who

    def free_keypad(self, who):
        if self._keypad_of is who:
            self._keypad_of = None

    def open_keypad(self):
        """An entry begins: keys typed before it do not count."""
        while self.board.key():
            pass
        self._keypad_open = True
        self.keypad_event(_link.KEYPAD_OPENED)

    def close_keypad(self):
        if self._keypad_open:
            self._keypad_open = False
            self.keypad_event(_link.KEYPAD_CLOSED)

    def keypad_event(self, state):
        self._event(_link.EVENT_KEYPAD, bytes((state,)))

    def left(self):
        """A host asked for the REPL, and its answer is out or its line is gone."""
        line = self._leave
        return line is not None and not (line.connected and (line.sender.busy or self._next_small(line)))

    def begin_parts(self):
        """A script begins: its answers are sent while they come (SPEC §4)."""
        self.answer[self.answer_at] = self.answer[self.answer_at + 1] = 0
        self.answer_at += 2
        self._ahead = 0

    def pin_locked(self):
        return not any(slot.pin_ok for slot in self.slots)

    # --- the loop ----------------------------------------------------------------------------------------------------

    def poll(self, now):
        self.now = now
        ms = since(now, self._second)
        if ms >= 1000:
            self.uptime_s += ms // 1000
            self._second = wrap(now - ms % 1000)
        for slot in self.slots:
            slot.poll(now)
            if slot.changed:
                slot.changed = False
                self.display.refresh()
                self._event(_link.EVENT_SLOT, bytes((slot.number, slot.link_state)))
        for line in self._lines:
            self._serve(line)
        if not self._keypad_open:
            while self.board.key():
                pass
        if self._job is not None:
            if not self._fresh:
                self._step()
            self._fresh = False
        elif self._quiet_at >= 0 and not left(now, self._quiet_at):
            self._quiet()
        self.display.poll(now)
        for line in self._lines:
            if line.connected and (
                self._waiting
                or line.sender.busy
                or self._answer_due is line
                or (self._ahead >= 0 and line is self._owner)
            ):
                self._send(line, line.sender)

    def due_ms(self, now):
        """Ms until `poll` has something to do without any event."""
        if self.left():
            return 0
        due = self.display.due_ms(now)
        for slot in self.slots:
            ms = 0 if slot.changed else slot.due_ms(now)
            if ms < due:
                due = ms
        for line in self._lines:
            ms = line.transport.due_ms(now)
            if ms < due:
                due = ms
            if line.receiver.held:
                due = min(due, line.receiver.due_ms(now))
            if due > _FULL_RETRY_MS and line.sender.busy and line.connected:
                due = _FULL_RETRY_MS
        if self._job is not None:
            ms = left(now, self._busy_at)
            if ms < due:
                due = ms
            if self.deadline >= 0:
                due = min(due, left(now, self.deadline))
        elif self._quiet_at >= 0:
            due = min(due, left(now, self._quiet_at))
        return due

    def _serve(self, line):
        transport, receiver = line.transport, line.receiver
        transport.poll(self.now)
        if transport.connected != line.connected:
            line.connected = transport.connected
            receiver.restart()
            line.sender.restart()
            self._forget(line)
            if line.connected and not line.greeted:
                line.greeted = True
                self._event(_link.EVENT_BOOT, self.boot_id, line)
        if not line.connected:
            return
        while receiver.held and receiver.tick(self.now):
            self._take(line)
        while True:
            n = transport.read_into(receiver.room())
            if not n:
                return
            receiver.got(n, self.now)
            self._take(line)

    def _take(self, line):
        receiver = line.receiver
        while receiver.held:
            n = receiver.next()
            if not n:
                return
            self._message(line, receiver.message, n)

    def _forget(self, line):
        """The line was lost: what was on its way there is dropped; the session and its answer stay."""
        for small in list(self._waiting):
            if small.line is line:
                self._waiting.remove(small)
                small.line = None
        if self._answer_due is line:
            self._answer_due = None
        if self._answer_on is line:
            self._answer_on = None
        if line is self._owner:
            self._ahead = -1

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, line, message, n):
        try:
            kind, op, number, at = read_message_head(message, 0, n)
        except ValueError:
            self.log.note("short", n)
            return
        if kind != KIND_REQUEST:
            return
        if op == OP_HELLO:
            self._hello(line, number, message[at:n])
        elif not number:
            self._out_of_band(line, op, message[at:n])
        elif self._session is None and op in (_link.OP_INFO, _link.OP_PING):
            self._out_of_band(line, op, message[at:n], number)
        elif self._session is None or line is not self._owner:
            self._reply(line, op, number, _link.STATUS_NO_SESSION)
        else:
            self._in_session(line, op, number, message, n)

    def _hello(self, line, number, body):
        try:
            version, session, _ = _link.read_hello(body, 0, len(body))
        except ValueError:
            self._reply(line, _link.OP_HELLO, number, _link.STATUS_BAD_MESSAGE)
            return
        if version != _link.VERSION:
            self._reply(line, _link.OP_HELLO, number, _link.STATUS_BAD_MESSAGE)
            return
        resumed = session == self._session
        if not resumed:
            self._end_session()
            self._session = session
            self.log.note("session")
        for other in self._lines:  # nothing of the old stream may follow this answer
            if other is line or other is self._owner:
                self._forget(other)
                other.sender.begin_session()
        self._owner = line
        small = self._small(line, _link.KIND_RESPONSE, _link.OP_HELLO, number)
        if small is not None:
            small.view[_HEAD] = _link.STATUS_OK
            small.n = _link.write_hello_reply(
                small.view,
                _HEAD + 1,
                _link.VERSION,
                self.boot_id,
                1 if resumed else 0,
                self._last,
                _link.MAX_PAYLOAD,
                len(self.slots),
            )

    def _out_of_band(self, line, op, body, number=0):
        if op == _link.OP_PING:
            if len(body) > _SMALL - _HEAD - 1:
                self._reply(line, op, number, _link.STATUS_TOO_LONG)
                return
            self._reply(line, op, number, _link.STATUS_OK, body)
        elif op == _link.OP_REPL:
            self._reply(line, op, number, self._may_leave(line))
        elif op == _link.OP_CANCEL:
            if line is self._owner:
                self.cancelled = True
            self._reply(line, op, number, _link.STATUS_OK)
        elif op == _link.OP_INFO:
            small = self._small(line, _link.KIND_RESPONSE, op, number)
            if small is not None:
                small.view[_HEAD] = _link.STATUS_OK
                small.n = self.write_info(small.view, _HEAD + 1)
        else:
            self._reply(line, op, number, _link.STATUS_BAD_MESSAGE)

    def _may_leave(self, line):
        if not line.transport.repl:
            return _link.STATUS_FORBIDDEN
        for slot in self.slots:
            if slot.link_state == _link.SLOT_POWERED:
                return _link.STATUS_BUSY
        self._leave = line
        return _link.STATUS_OK

    def _in_session(self, line, op, number, message, n):
        crc = crc32(message[:n])
        if self._job is not None:
            if number != self._job_number:
                self._reply(line, op, number, _link.STATUS_BUSY)
            elif crc != self._job_crc:
                self._reply(line, op, number, _link.STATUS_BAD_MESSAGE)
            else:
                self._busy_event()
        elif number == self._last:
            if crc != self._last_crc:
                self._reply(line, op, number, _link.STATUS_BAD_MESSAGE)
            elif self._answer_on is not line:
                self._ahead = -1
                self._answer_due = line
        elif number < self._last:
            self._reply(line, op, number, _link.STATUS_STALE)
        elif self._answer_on is not None:  # the last answer is still on its way
            self._reply(line, op, number, _link.STATUS_BUSY)
        else:
            self._quiet_at = wrap(self.now + _link.SESSION_IDLE_MS)
            line.receiver.message, self._request = self._request, message
            self._job_op, self._job_number, self._job_crc = op, number, crc
            self._start(op, n)

    def _start(self, op, n):
        self.cancelled = False
        self._answer_due = None
        self._answer_n = 0
        self._ahead = -1
        self.answer_at = _HEAD + 1
        self._busy_at = wrap(self.now + _BUSY_EVERY_MS)
        self._job = self._ops.request(self, op, self._request[_HEAD:n])
        self._fresh = True
        self._step()

    def _step(self):
        """Let the running request go on until it waits again."""
        try:
            for _ in self._job:  # type: ignore[union-attr] (not called without one)
                break
            else:
                self._finish(STATUS_OK)
                return
        except Refused as refused:
            self._finish(refused.status)
        except Exception as error:  # every request is answered, whatever went wrong here
            self.answer_at = _HEAD + 1
            if isinstance(error, ValueError) and str(error).endswith(": cut short"):
                self._finish(_link.STATUS_BAD_MESSAGE)
            else:
                self.log.note("internal " + type(error).__name__, self._job_op)
                self._finish(_link.STATUS_INTERNAL)
                gc.collect()
        else:
            if not left(self.now, self._busy_at):
                self._busy_at = wrap(self.now + _BUSY_EVERY_MS)
                self._busy_event()

    def _finish(self, status):
        self._job = None
        goodbye = status == STATUS_OK and self._job_op == _link.OP_GOODBYE
        _link.write_message_head(self.answer, 0, _link.KIND_RESPONSE, self._job_op, self._job_number)
        self.answer[_HEAD] = status
        self._answer_n = self.answer_at if self.answer_at < _link.MAX_RESPONSE else _link.MAX_RESPONSE
        if self.answer_at < _SCRIPT_AT + self._ahead:
            self._ahead = -1
        self._last, self._last_crc = self._job_number, self._job_crc
        self._answer_due = self._owner if self._owner is not None and self._owner.connected else None
        if status != STATUS_OK:
            self.log.note("refused", self._job_op, status)
        if goodbye:
            self._session = None

    def _quiet(self):
        self._quiet_at = -1
        self.power_off()
        self.log.note("idle: slots off")

    def power_off(self):
        """All slots but those of the other personality."""
        for slot in self.slots:
            if not self.lent[slot.number]:
                slot.power_off()

    def _end_session(self):
        self.power_off()
        if self._job is not None:
            self._job.close()
            self._job = None
        self.cancelled = False
        self.deadline = -1
        self._session = None
        self._last = self._last_crc = self._answer_n = 0
        self._answer_due = None
        self.display.host(())

    def write_info(self, buf, at):
        firmware, board, micropython, manifest, name = self.info
        return _link.write_info_reply(
            buf,
            at,
            firmware,
            board,
            micropython,
            manifest,
            b"none",
            name,
            self.boot_id,
            1 if self.pin_locked() else 0,
            gc.mem_free(),
            self.uptime_s,
        )

    # --- sending -----------------------------------------------------------------------------------------------------

    def _event(self, event, body, line=None):
        line = line or (self._owner if self._session is not None else None)
        if line is None or not line.connected:
            return
        self._events += 1
        small = self._small(line, _link.KIND_EVENT, event, self._events & 0xFFFFFFFF)
        if small is not None:
            small.view[_HEAD : _HEAD + len(body)] = body
            small.n = _HEAD + len(body)

    def _busy_event(self):
        body = bytearray(5)
        pack_into(">BL", body, 0, self._job_op, self._job_number)
        self._event(_link.EVENT_BUSY, body)

    def _reply(self, line, op, number, status, body=b""):
        small = self._small(line, _link.KIND_RESPONSE, op, number)
        if small is not None:
            small.view[_HEAD] = status
            n = _HEAD + 1 + len(body)
            small.view[_HEAD + 1 : n] = body
            small.n = n

    def _small(self, line, kind, op, number):
        """A free place in the queue, its head written; None (and a log line) when the host does not read."""
        for small in self._smalls:
            if small.line is None:
                small.line = line
                _link.write_message_head(small.view, 0, kind, op, number)
                self._waiting.append(small)
                return small
        self.log.note("full", kind, op)
        return None

    def _send(self, line, sender):
        while True:
            sender.push(line.transport)
            if sender.busy:
                break
            if self._answer_on is line:
                self._answer_on = None
            small = self._next_small(line)
            if small is not None:
                sender.send(small.view, small.n)
                sender.push(line.transport)  # a small message is one frame: it is copied now
                self._waiting.remove(small)
                small.line = None
            elif self._ahead >= 0 and line is self._owner:
                n = self._next_part(line)
                if not n:
                    break
                sender.send(self._part, n)
                sender.push(line.transport)
            elif self._answer_due is line and self._answer_n:
                self._answer_due = None
                self._answer_on = line
                sender.send(self.answer, self._answer_n)
            else:
                break

    def _next_part(self, line):
        """Make the next event PART ready, or the response with the rest of a script that is over: its length, 0 when it must wait."""
        at = _SCRIPT_AT + self._ahead
        n = self.answer_at - at
        over = self._answer_due is line
        if n > _link.PART_BYTES or (n == _link.PART_BYTES and not over):
            self._events += 1
            _link.write_message_head(self._part, 0, _link.KIND_EVENT, _link.EVENT_PART, self._events & 0xFFFFFFFF)
            n = _link.PART_BYTES
            end = _link.write_part(self._part, _HEAD, self._job_number, self._ahead, self.answer[at : at + n])
            self._ahead += n
            return end
        if not over:
            return 0
        self._part[:_SCRIPT_AT] = self.answer[:_SCRIPT_AT]
        pack_into(">H", self._part, _HEAD + 1, self._ahead)
        self._part[_SCRIPT_AT : _SCRIPT_AT + n] = self.answer[at : at + n]
        self._answer_due = None
        self._ahead = -1
        return _SCRIPT_AT + n

    def _next_small(self, line):
        for small in self._waiting:
            if small.line is line:
                return small
        return None
