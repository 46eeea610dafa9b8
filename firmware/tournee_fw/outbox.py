"""What goes to the hosts: short messages in order, then the stored answer, each whole, on the line of whom it is for."""

from struct import pack_into

from micropython import const

from . import _link
from ._link import MAX_RESPONSE, MESSAGE_AT_KIND, MESSAGE_AT_NUMBER, MESSAGE_AT_OP
from .frames import Receiver, Sender
from .link import Transport

_HEAD = const(6)
_ANSWER = const(8192 + 320)  # MAX_RESPONSE, and room for a card answer that turns out too long
_SMALL = const(320)
_SMALLS = const(6)
_PART_HEAD = const(6 + 6)  # of the message, and number and offset
_SCRIPT_AT = const(6 + 1 + 2)  # a script's answers: behind head, status and offset
SMALL_BODY = const(313)
"""The longest body of a short answer, behind its status."""


class Line:
    """One transport with its frame buffers. What a transport has not of its own is not called: `poll` and `due_ms` are None then."""

    def __init__(self, transport):
        kind = type(transport)
        self.transport = transport
        self.read_into = transport.read_into
        self.poll = None if kind.poll is Transport.poll else transport.poll
        self.due_ms = None if kind.due_ms is Transport.due_ms else transport.due_ms
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


class Outbox:
    """`answer` is the buffer of the request that runs, then its stored answer."""

    def __init__(self, desk):
        """`desk.answer_at`: end of what the running request has written so far; `desk.log`."""
        self._desk = desk
        self.answer = memoryview(bytearray(_ANSWER))
        self.answer[MESSAGE_AT_KIND] = _link.KIND_RESPONSE
        self.due = None
        """Line that the stored answer must still be given to."""
        self.on = None
        """Line that is sending it."""
        self.waiting = []
        """Smalls in order."""
        self.ahead = None
        """Line on which a script's answers go ahead of its response; None: the answer goes as it is stored."""
        self._ahead_n = self._script = 0  # bytes that went ahead; the script's number
        self._part = memoryview(bytearray(_PART_HEAD + _link.PART_BYTES))
        self._n = 0
        self._smalls = [Small() for _ in range(_SMALLS)]
        self._events = 0

    def store(self, line, op: int, number: int, status: int, n: int) -> None:
        """`answer[:n]`, head and status put before it, is the answer to `number`; `line` gets it when it is connected."""
        self.answer[MESSAGE_AT_OP] = op
        self.answer[_HEAD] = status
        pack_into(">L", self.answer, MESSAGE_AT_NUMBER, number)
        self._n = n if n < MAX_RESPONSE else MAX_RESPONSE
        if self.ahead is not None and n < _SCRIPT_AT + self._ahead_n:
            self.ahead = None
        self.due = line if line is not None and line.connected else None

    def forget_answer(self) -> None:
        self._n = 0
        self.due = None

    def drop(self, line) -> None:
        """The line was lost: what was on its way there goes; the stored answer stays."""
        for small in list(self.waiting):
            if small.line is line:
                self.waiting.remove(small)
                small.line = None
        if self.due is line:
            self.due = None
        if self.on is line:
            self.on = None
        if self.ahead is line:
            self.ahead = None

    def begin_parts(self, line, number: int, at: int) -> int:
        """The answers of script `number` begin at `answer[at:]` and go to `line` as they come; returns `at` behind their offset, 0."""
        self.answer[at] = self.answer[at + 1] = 0
        self.ahead = line
        self._script = number
        self._ahead_n = 0
        return at + 2

    def small(self, line, kind: int, op: int, number: int):
        """A free place in the queue, its head written; None (and a log line) when the host does not read."""
        for small in self._smalls:
            if small.line is None:
                small.line = line
                pack_into(_link.MESSAGE_HEAD, small.view, 0, kind, op, number)
                self.waiting.append(small)
                return small
        self._desk.log.note("full", kind, op)
        return None

    def reply(self, line, op: int, number: int, status: int, body=b"") -> None:
        small = self.small(line, _link.KIND_RESPONSE, op, number)
        if small is not None:
            small.view[_HEAD] = status
            n = _HEAD + 1 + len(body)
            small.view[_HEAD + 1 : n] = body
            small.n = n

    def event(self, line, event: int, body) -> None:
        if line is None or not line.connected:
            return
        self._events += 1
        small = self.small(line, _link.KIND_EVENT, event, self._events & 0xFFFFFFFF)
        if small is not None:
            small.view[_HEAD : _HEAD + len(body)] = body
            small.n = _HEAD + len(body)

    def holds(self, line) -> bool:
        """Something is left for this line."""
        return line.sender.busy or self.due is line or self._next(line) is not None

    def send(self, line) -> None:
        """As much as its transport takes."""
        sender = line.sender
        while True:
            if sender.busy:
                sender.push(line.transport)
                if sender.busy:
                    return
                if self.on is line:
                    self.on = None
            small = self._next(line) if self.waiting else None
            if small is not None:
                sender.send(small.view, small.n)
                sender.push(line.transport)  # a small message is one frame: it is copied now
                self.waiting.remove(small)
                small.line = None
            elif self.ahead is line:
                n = self._next_part(line)
                if not n:
                    return
                sender.send(self._part, n)
                sender.push(line.transport)
            elif self.due is line and self._n:
                self.due = None
                self.on = line
                sender.send(self.answer, self._n)
            else:
                return

    def _next_part(self, line):
        """Make the next event PART ready, or the response with the rest of a script that is over: its length, 0 when it must wait."""
        at = _SCRIPT_AT + self._ahead_n
        n = self._desk.answer_at - at
        over = self.due is line
        part = self._part
        if n > _link.PART_BYTES or (n == _link.PART_BYTES and not over):
            self._events += 1
            pack_into(_link.MESSAGE_HEAD, part, 0, _link.KIND_EVENT, _link.EVENT_PART, self._events & 0xFFFFFFFF)
            end = at + _link.PART_BYTES
            n = _link.write_part(part, _HEAD, self._script, self._ahead_n, self.answer[at:end])
            self._ahead_n += _link.PART_BYTES
            return n
        if not over:
            return 0
        part[:_SCRIPT_AT] = self.answer[:_SCRIPT_AT]
        pack_into(">H", part, _HEAD + 1, self._ahead_n)
        part[_SCRIPT_AT : _SCRIPT_AT + n] = self.answer[at : at + n]
        self.due = self.ahead = None
        return _SCRIPT_AT + n

    def _next(self, line):
        for small in self.waiting:
            if small.line is line:
                return small
        return None
