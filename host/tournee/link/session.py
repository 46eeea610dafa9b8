"""The host's side of the link without I/O: messages in frames, one request in flight, at most once.

A request carries a number that grows by one and is never used for anything else. After a lost link the same HELLO is said
again; if the terminal still has the session, the same frames with the same number are sent again (`repeat`) and the terminal
answers from its store instead of running them twice. If it has not, the request's outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from tournee.link.assembly import Assembler
from tournee.link.channel import Channel, NullChannel
from tournee.link.frames import Frame, FrameDecoder, encode_frame
from tournee_protocol.link import MAX_PAYLOAD, MAX_REQUEST, MAX_RESPONSE, VERSION, Event, Flag, Hello, Kind, Op, Status
from tournee_protocol.link import HelloReply as HelloReplyLayout
from tournee_protocol.link import Message as MessageLayout
from tournee_protocol.parts import Parts

SESSION_BYTES: Final = 8
OUT_OF_BAND: Final = 0
_MIN_PAYLOAD: Final = 16
_LAST_NUMBER_MAX: Final = 0xFFFF_0000
_MESSAGE_HEADER_BYTES: Final = 6


@dataclass(frozen=True)
class Response:
    """`status` is an int, because a newer terminal may know more of them than `link.Status`."""

    op: int
    number: int
    status: int
    body: bytes


@dataclass(frozen=True)
class EventMessage:
    event: int
    number: int
    body: bytes


Inbound = Response | EventMessage


@dataclass(frozen=True)
class Greeting:
    """What HELLO taught. `resumed`: the terminal still knows this session; `restarted`: it has booted since the last HELLO;
    `adopted`: it knew this session from an earlier program, whose last request may still run."""

    resumed: bool
    restarted: bool
    adopted: bool
    boot_id: bytes
    slots: int


@dataclass(frozen=True)
class _Request:
    op: Op
    number: int
    message: bytes


class ProtocolMismatch(ValueError):
    """The terminal speaks another version of the link."""


class Session:
    """One host session; it outlives connections and ends with its object."""

    def __init__(self, session_id: bytes, channel: Callable[[], Channel] = NullChannel) -> None:
        """`session_id`: 8 random bytes chosen by the host."""
        if len(session_id) != SESSION_BYTES:
            raise ValueError(f"session id is {SESSION_BYTES} bytes")
        self.session_id = session_id
        self.boot_id: bytes | None = None
        self._make_channel = channel
        self._pending: _Request | None = None
        self._last_number = 0
        self._new_stream()

    @property
    def partial(self) -> bool:
        """A frame has begun: call `idle` if IDLE_MS pass in silence."""
        return self._decoder.partial

    @property
    def channel(self) -> str:
        return self._channel.name

    @property
    def pending(self) -> Op | None:
        """The request whose response has not come."""
        return self._pending.op if self._pending else None

    def hello(self) -> bytes:
        """Frames of HELLO for a connection just opened; forgets what was half received."""
        self._new_stream()
        self._greeting = True
        body: bytes = Hello.build({"protocol": VERSION, "session": self.session_id})
        return self._frames(_message(Op.HELLO, OUT_OF_BAND, body))

    def greet(self, response: Response) -> Greeting:
        """Takes HELLO's response; afterwards `repeat` (if resumed) or `request`. Raises ProtocolMismatch."""
        if response.status != Status.OK or not response.body:
            raise ProtocolMismatch("HELLO refused")
        if response.body[0] != VERSION:
            raise ProtocolMismatch(f"the terminal speaks version {response.body[0]} of the link, this host {VERSION}")
        try:
            reply = HelloReplyLayout.parse(response.body)
        except Exception as exc:
            raise ProtocolMismatch("HELLO reply malformed") from exc
        if reply.last_number > _LAST_NUMBER_MAX:
            raise ProtocolMismatch("the terminal has no request numbers left; restart it")
        boot_id = bytes(reply.boot_id)
        restarted = self.boot_id is not None and self.boot_id != boot_id
        adopted = self.boot_id is None and bool(reply.resumed)
        resumed = self.boot_id is not None and not restarted and bool(reply.resumed)
        self.boot_id = boot_id
        if resumed:
            self._last_number = max(self._last_number, int(reply.last_number))
        else:  # a session taken over may have a request in flight, which has the number after the last answered one
            self._last_number = int(reply.last_number) + (1 if reply.resumed else 0)
        self._max_payload = min(MAX_PAYLOAD, max(_MIN_PAYLOAD, int(reply.max_payload)))
        if not resumed:
            self._pending = None
        self._greeting = False
        return Greeting(resumed, restarted, adopted, boot_id, int(reply.slots))

    def request(self, op: Op, body: bytes = b"") -> bytes:
        """Frames of a new request; one not answered before is abandoned (its number stays used). Raises ValueError if too long."""
        if _MESSAGE_HEADER_BYTES + len(body) > MAX_REQUEST:
            raise ValueError(f"a request is at most {MAX_REQUEST} bytes, not {_MESSAGE_HEADER_BYTES + len(body)}")
        self._last_number += 1
        self._pending = _Request(op, self._last_number, _message(op, self._last_number, body))
        self._parts.begin(self._last_number)
        return self._frames(self._pending.message)

    def repeat(self) -> bytes:
        """The pending request again, same number; empty when none is pending."""
        return self._frames(self._pending.message) if self._pending else b""

    def abandon(self) -> None:
        """Nobody waits for the pending request any more; a late response is ignored."""
        self._pending = None

    def out_of_band(self, op: Op) -> bytes:
        """PING, CANCEL, REPL or INFO: outside of any session."""
        return self._frames(_message(op, OUT_OF_BAND, b""))

    def feed(self, data: bytes) -> list[Inbound]:
        """What came whole; a SCRIPT's response with all its answers, those that went ahead included."""
        return self._messages(self._decoder.feed(data))

    def idle(self) -> list[Inbound]:
        return self._messages(self._decoder.idle())

    def _new_stream(self) -> None:
        self._decoder = FrameDecoder()
        self._channel = self._make_channel()
        self._seq_out = 0
        self._max_payload = MAX_PAYLOAD
        self._assembler = Assembler(self._channel, MAX_RESPONSE)
        self._greeting = False
        self._parts = Parts()

    def _frames(self, message: bytes) -> bytes:
        out = bytearray()
        for start in range(0, len(message), self._max_payload):
            part = message[start : start + self._max_payload]
            payload, flags = self._channel.seal(part)
            if start + self._max_payload < len(message):
                flags |= Flag.MORE
            out += encode_frame(payload, flags=flags, seq=self._seq_out)
            self._seq_out = (self._seq_out + 1) & 0xFFFF
        return bytes(out)

    def _messages(self, frames: Iterable[Frame]) -> list[Inbound]:
        messages = (m for f in frames if (m := self._assembler.take(f)) is not None)
        return [inbound for m in messages if (inbound := self._inbound(m)) is not None]

    def _inbound(self, message: bytes) -> Inbound | None:
        if len(message) < _MESSAGE_HEADER_BYTES:
            return None
        parsed = MessageLayout.parse(message)
        body = bytes(parsed.body)
        if parsed.kind == Kind.EVENT and parsed.op == Event.PART:
            self._parts.take(body)
            return None
        if parsed.kind == Kind.EVENT:
            return EventMessage(parsed.op, parsed.number, body)
        if parsed.kind != Kind.RESPONSE or not body:
            return None
        response = Response(parsed.op, parsed.number, body[0], body[1:])
        if response.number == OUT_OF_BAND:
            return response
        # an answer that overtakes HELLO's was meant for the lost connection: `repeat` gets it again
        pending = None if self._greeting else self._pending
        if pending is None or (pending.op, pending.number) != (response.op, response.number):
            return None  # late answer of an abandoned request
        if response.status == Status.BUSY:
            return response
        if response.op == Op.SCRIPT:
            answers = self._parts.whole(response.body)
            if answers is None:
                return None  # as if it had not come: `repeat` gets the stored answer, which is whole
            response = replace(response, body=answers)
        self._pending = None
        return response


def _message(op: Op, number: int, body: bytes) -> bytes:
    message: bytes = MessageLayout.build({"kind": Kind.REQUEST, "op": op, "number": number, "body": body})
    return message
