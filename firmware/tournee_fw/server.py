"""The link server: sessions, at-most-once, one request at a time, events. SPEC.md §4 is its table."""

import gc
from struct import pack_into

from micropython import const

from . import _link
from ._link import KIND_REQUEST, OP_HELLO, SESSION_IDLE_MS, SLOT_ABSENT, STATUS_OK, message_number
from .about import About
from .clock import NEVER, left
from .desk import Desk
from .errors import Refused
from .ops import Ops, unknown
from .outbox import SMALL_BODY, Line, Outbox

_AT_KIND = const(0)  # as `_link.MESSAGE_AT_KIND` and so on: a constant of another file is looked up at every use
_AT_OP = const(1)
_HEAD = const(6)
_CLOCK = const(0x3FFFFFFF)
_BUSY_EVERY_MS = const(1000)
_FULL_RETRY_MS = const(5)


class Server(Desk):
    """`poll(now)` at every turn of the loop. `answer` and `answer_at` are where a running request writes its body.

    A turn looks at what has an event or is due, and at nothing else: a slot that is not `awake` and whose card stays is passed over.
    """

    def __init__(self, board, slots, display, log, info):
        """`info`: (firmware, board, micropython, manifest, name) as UTF-8 bytes."""
        super().__init__(board, display)
        self.slots = slots
        self.log = log
        self.about = About(info, bytes(board.random(8)), self.now)
        self.outbox = Outbox(self)
        self.answer = self.outbox.answer
        self.answer_at = 0
        self.lent = [False] * len(slots)
        """By slot: the CCID personality powered it and has it (docs/PCSC.md)."""
        self._leave = None  # line that goes to the REPL
        self._ops = Ops()
        self._table = self._ops.table
        self._lines = [Line(t) for t in board.transports if not t.ccid]
        self._owner = None
        self._session = None
        self._last = 0  # number of the last request that is answered
        self._request = memoryview(bytearray(_link.MAX_REQUEST))  # the one that runs, or was last
        self._request_n = self._number = 0
        self._op = -1
        """Of the request that runs, -1: none does."""
        self._body = None  # of a request that begins
        self._job = None  # its function until it begins, then its generator, if it has one
        self._waits = None  # slot that it waits for
        self._since = -1
        """When a request began or BUSY was said of it; when the last one ended; -1: the slots are off for want of one."""
        self._keypad_open = False
        self._keypad_of = None
        self._key = board.key

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
        return line is not None and not (line.connected and self.outbox.holds(line))

    def begin_parts(self):
        """A script begins: its answers are sent while they come (SPEC §4)."""
        self.answer_at = self.outbox.begin_parts(self._owner, self._number, self.answer_at)

    def pin_locked(self):
        return not any(slot.pin_ok for slot in self.slots)

    # --- the loop ----------------------------------------------------------------------------------------------------

    def poll(self, now):
        self.now = now
        if now - self.about.since & _CLOCK >= 1000:
            self.about.count(now)
        for slot in self.slots:
            if slot.awake or slot.port.removed or slot.port.present != (slot.link_state != SLOT_ABSENT):
                slot.poll(now)
                if slot.changed:
                    self._moved(slot)
        for line in self._lines:
            self._serve(line)
        if not self._keypad_open:
            while self._key():
                pass
        if self._op >= 0:
            if self._waits is None or not self._waits.busy:
                self._go_on()
            else:
                self._say_busy()
        elif self._since >= 0 and now - self._since & _CLOCK >= SESSION_IDLE_MS:
            self._quiet()
        if self.display.until >= 0 or self.board.battery != self.display.battery:
            self.display.poll(now)
        for line in self._lines:
            if line.connected and (
                self.outbox.due is line or self.outbox.ahead is line or self.outbox.waiting or line.sender.busy
            ):
                self.outbox.send(line)

    def due_ms(self, now):
        """Ms until `poll` has something to do without any event."""
        if self._leave is not None and self.left():
            return 0
        due = NEVER
        if self._since >= 0:
            due = (_BUSY_EVERY_MS if self._op >= 0 else SESSION_IDLE_MS) - (now - self._since & _CLOCK)
            if due < 0:
                due = 0
        if self.deadline >= 0 or self.display.until >= 0:
            due = min(due, self._entry_due_ms(now))
        for part in self.slots:
            if part.awake:
                ms = 0 if part.changed else part.due_ms(now)
                if ms < due:
                    due = ms
        for part in self._lines:
            if part.due_ms is not None:
                ms = part.due_ms(now)
                if ms < due:
                    due = ms
            if part.receiver.held:
                due = min(due, part.receiver.due_ms(now))
            if part.sender.busy and part.connected and due > _FULL_RETRY_MS:
                due = _FULL_RETRY_MS
        return due

    def _entry_due_ms(self, now):
        """Of what a person sees or types."""
        ms = self.display.due_ms(now)
        return min(ms, left(now, self.deadline)) if self.deadline >= 0 else ms

    def _moved(self, slot):
        slot.changed = False
        self.display.refresh()
        self._event(_link.EVENT_SLOT, bytes((slot.number, slot.link_state)))

    def _serve(self, line):
        if line.poll is not None:
            line.poll(self.now)
        if line.transport.connected != line.connected:
            self._plugged(line)
        if not line.connected:
            return
        receiver = line.receiver
        while receiver.held and receiver.tick(self.now):
            self._take(line)
        while True:
            n = line.read_into(receiver.room)
            if not n:
                return
            receiver.got(n, self.now)
            self._take(line)

    def _plugged(self, line):
        """The line came or went; the session and its answer stay."""
        line.connected = line.transport.connected
        line.receiver.restart()
        line.sender.restart()
        self.outbox.drop(line)
        if line.connected and not line.greeted:
            line.greeted = True
            self.outbox.event(line, _link.EVENT_BOOT, self.about.boot_id)

    def _take(self, line):
        receiver = line.receiver
        while receiver.held:
            if not receiver.next():
                return
            self._message(line, receiver.message)

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, line, message):
        if line.receiver.length < _HEAD:
            self.log.note("short", line.receiver.length)
            return
        if message[_AT_KIND] != KIND_REQUEST:
            return
        op = message[_AT_OP]
        number = message_number(message)
        if line is not self._owner or self._session is None or not number or op == OP_HELLO:
            self._outside(line, op, number)
        elif self._op >= 0 or number <= self._last or self.outbox.on is not None:
            self._again(line, op, number)
        else:  # the next: it is made ready, and runs when all lines are read
            receiver = line.receiver
            self._body = message[_HEAD : receiver.length]
            self._request_n = receiver.length
            receiver.message = self._request
            self._request = message
            self._job = self._table[op] if op in self._table else unknown
            self._op = op
            self._number = number
            self.answer_at = _HEAD + 1
            self._since = self.now
            self.outbox.due = self.outbox.ahead = None
            self.cancelled = False

    def _outside(self, line, op, number):
        """A request that needs no session, or has none."""
        body = line.receiver.message[_HEAD : line.receiver.length]
        if op == _link.OP_HELLO:
            self._hello(line, number, body)
        elif not number or (self._session is None and op in (_link.OP_INFO, _link.OP_PING)):
            self._out_of_band(line, op, body, number)
        else:
            self.outbox.reply(line, op, number, _link.STATUS_NO_SESSION)

    def _again(self, line, op, number):
        """Not the next request: one of before, or one that comes too early."""
        outbox = self.outbox
        message = line.receiver.message[: line.receiver.length]
        if number == (self._number if self._op >= 0 else self._last):
            if message != self._request[: self._request_n]:
                outbox.reply(line, op, number, _link.STATUS_BAD_MESSAGE)
            elif self._op >= 0:
                self._busy_event()
            elif outbox.on is not line:
                outbox.ahead = None
                outbox.due = line
        elif self._op >= 0 or number > self._last:
            outbox.reply(line, op, number, _link.STATUS_BUSY)
        else:
            outbox.reply(line, op, number, _link.STATUS_STALE)

    def _hello(self, line, number, body):
        try:
            version, session, _ = _link.read_hello(body, 0, len(body))
        except ValueError:
            self.outbox.reply(line, _link.OP_HELLO, number, _link.STATUS_BAD_MESSAGE)
            return
        if version != _link.VERSION:
            self.outbox.reply(line, _link.OP_HELLO, number, _link.STATUS_BAD_MESSAGE)
            return
        resumed = session == self._session
        if not resumed:
            self._end_session()
            self._session = session
            self.log.note("session")
        for other in self._lines:  # nothing of the old stream may follow this answer
            if other is line or other is self._owner:
                self.outbox.drop(other)
                other.sender.begin_session()
        self._owner = line
        small = self.outbox.small(line, _link.KIND_RESPONSE, _link.OP_HELLO, number)
        if small is not None:
            small.view[_HEAD] = _link.STATUS_OK
            small.n = _link.write_hello_reply(
                small.view,
                _HEAD + 1,
                _link.VERSION,
                self.about.boot_id,
                1 if resumed else 0,
                self._last,
                _link.MAX_PAYLOAD,
                len(self.slots),
            )

    def _out_of_band(self, line, op, body, number):
        if op == _link.OP_PING:
            if len(body) > SMALL_BODY:
                self.outbox.reply(line, op, number, _link.STATUS_TOO_LONG)
                return
            self.outbox.reply(line, op, number, _link.STATUS_OK, body)
        elif op == _link.OP_REPL:
            self.outbox.reply(line, op, number, self._may_leave(line))
        elif op == _link.OP_CANCEL:
            if line is self._owner:
                self.cancelled = True
            self.outbox.reply(line, op, number, _link.STATUS_OK)
        elif op == _link.OP_INFO:
            small = self.outbox.small(line, _link.KIND_RESPONSE, op, number)
            if small is not None:
                small.view[_HEAD] = _link.STATUS_OK
                small.n = self.write_info(small.view, _HEAD + 1)
        else:
            self.outbox.reply(line, op, number, _link.STATUS_BAD_MESSAGE)

    def _may_leave(self, line):
        if not line.transport.repl:
            return _link.STATUS_FORBIDDEN
        for slot in self.slots:
            if slot.link_state == _link.SLOT_POWERED:
                return _link.STATUS_BUSY
        self._leave = line
        return _link.STATUS_OK

    # --- the running request -----------------------------------------------------------------------------------------

    def wait_for(self, slot):
        """The request that runs is over when the slot is idle; what the card answers is the end of its answer."""
        self._waits = slot

    def _go_on(self):
        """A request runs and waits for nothing: it begins, its card has answered, or its generator goes on until it waits again."""
        if self._job is None:
            self._answered()
            return
        try:
            if self._body is not None:
                body, self._body = self._body, None
                self._job = self._job(self, body, self._request_n - _HEAD)
            if self._job is not None:
                for self._waits in self._job:  # type: ignore[union-attr] (a generator now)
                    self._say_busy()
                    return
                self._waits = None
        except Exception as error:
            self._failed(error)
            return
        if self._waits is None:
            self._finish(STATUS_OK)
        elif not self._waits.busy:
            self._answered()

    def _say_busy(self):
        """Once a second."""
        if self.now - self._since & _CLOCK >= _BUSY_EVERY_MS:
            self._since = self.now
            self._busy_event()

    def _answered(self):
        status = self._waits.status  # type: ignore[union-attr] (not called without one)
        if status == STATUS_OK:
            self.answer_at += self._waits.apdu.length  # type: ignore[union-attr]
        self._finish(status)

    def _failed(self, error):
        """Every request is answered, whatever went wrong here."""
        if isinstance(error, Refused):
            self._finish(error.status)
            return
        self.answer_at = _HEAD + 1
        if isinstance(error, ValueError) and str(error).endswith(": cut short"):
            self._finish(_link.STATUS_BAD_MESSAGE)
        else:
            self.log.note("internal " + type(error).__name__, self._op)
            self._finish(_link.STATUS_INTERNAL)
            gc.collect()

    def _finish(self, status):
        op, self._op = self._op, -1
        self._job = self._waits = None
        self._last = self._number
        self._since = self.now
        self.outbox.store(self._owner, op, self._number, status, self.answer_at)
        if status != STATUS_OK:
            self.log.note("refused", op, status)
        elif op == _link.OP_GOODBYE:
            self._session = None

    def _quiet(self):
        self._since = -1
        self.power_off()
        self.log.note("idle: slots off")

    def power_off(self):
        """All slots but those of the other personality."""
        for slot in self.slots:
            if not self.lent[slot.number]:
                slot.power_off()

    def _end_session(self):
        self.power_off()
        if self._op >= 0:
            self._op = -1
            self._since = self.now
            if self._body is None and self._job is not None:
                self._job.close()  # type: ignore[attr-defined] (a generator)
            self._job = self._body = self._waits = None
        self.cancelled = False
        self.deadline = -1
        self._session = None
        self._last = self._request_n = 0
        self.outbox.forget_answer()
        self.display.host(())

    def write_info(self, buf, at):
        return self.about.write(buf, at, self.pin_locked())

    # --- events ------------------------------------------------------------------------------------------------------

    def _event(self, event, body):
        """To the host of the session."""
        if self._session is not None:
            self.outbox.event(self._owner, event, body)

    def _busy_event(self):
        body = bytearray(5)
        pack_into(">BL", body, 0, self._op, self._number)
        self._event(_link.EVENT_BUSY, body)
