"""The scenario's host: requests over the link, and everything a host should not do (half frames, silence, a link let go).

Not the product's client: it repeats nothing by itself and hides nothing, because a scenario says what happens. The frames are those of
`tournee_protocol.link`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from construct import ConstructError

from tournee_protocol import link
from tournee_protocol.link import CRC_BYTES, HEADER_BYTES, MAX_PAYLOAD, SYNC, Event, Flag, Kind, Op, Status
from tournee_protocol.parts import Parts


class LinkLost(ConnectionError):
    """The link is gone; what was asked may have been done."""


class HostSilent(Exception):
    """The host was made silent while it waited for an answer."""


@dataclass(frozen=True)
class Reply:
    """A response: its status, and the body behind it."""

    status: Status
    body: bytes


class HostPeer(asyncio.Protocol):
    """One host. `on_event(event, body)` is told of the terminal's events."""

    def __init__(self, host: str, port: int, session: bytes) -> None:
        self._address = (host, port)
        self.session = session
        self.on_event: Callable[[int, bytes], None] = lambda event, body: None
        self.number = 0
        self.pending: asyncio.Future[Reply] | None = None
        self._request = (0, 0, b"")
        self._asked = (0, 0)
        self._seq = 0
        self._buffer = bytearray()
        self._parts = bytearray()
        self._ahead = Parts()
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._lost.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while frame := self._frame():
            self._take(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost.set()
        self._fail(LinkLost("the link was lost"))

    # What a scenario does

    @property
    def connected(self) -> bool:
        return self._transport is not None

    async def connect(self) -> None:
        """Open the link; another host on it is turned away by the terminal's side, so wait for the old one to end first."""
        self._buffer.clear()
        self._parts.clear()
        await asyncio.get_running_loop().create_connection(lambda: self, *self._address)

    async def close(self) -> None:
        if self._transport:
            self._transport.abort()
            await self._lost.wait()

    async def lost(self) -> None:
        """Wait until the link is gone."""
        await self._lost.wait()

    def silent(self, silent: bool) -> None:
        """Read nothing any more, or again."""
        if self._transport:
            (self._transport.pause_reading if silent else self._transport.resume_reading)()

    def hello(self) -> asyncio.Future[Reply]:
        """Begin the session, or go on with it."""
        self._seq = 0
        return self._start(Op.HELLO, 0, link.Hello.build({"protocol": link.VERSION, "session": self.session}))

    def ask(self, op: int, body: bytes = b"") -> asyncio.Future[Reply]:
        """The next request; one at a time."""
        self.number += 1
        return self._start(op, self.number, body)

    def again(self) -> asyncio.Future[Reply]:
        """The last request once more, under the same number."""
        op, number, body = self._request
        return self._start(op, number, body)

    def raw(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        if self._transport is None:
            raise LinkLost("the link is not open")
        self._transport.write(data)

    # Private

    def _start(self, op: int, number: int, body: bytes) -> asyncio.Future[Reply]:
        self._fail(LinkLost("another request was begun"))
        self.pending = asyncio.get_running_loop().create_future()
        self._asked = (op, number)
        self._ahead.begin(number)
        if op != Op.HELLO:
            self._request = (op, number, body)
        message: bytes = link.Message.build({"kind": Kind.REQUEST, "op": op, "number": number, "body": body})
        for at in range(0, len(message), MAX_PAYLOAD):
            more = Flag.MORE if at + MAX_PAYLOAD < len(message) else 0
            content = {"flags": int(more), "seq": self._seq, "payload": message[at : at + MAX_PAYLOAD]}
            self.raw(link.Frame.build({"body": {"value": content}}))
            self._seq = (self._seq + 1) & 0xFFFF
        return self.pending

    def _frame(self) -> Any:
        """The next good frame of the buffer, None when there is none yet."""
        while True:
            start = self._buffer.find(SYNC)
            if start < 0:
                del self._buffer[:-1]
                return None
            del self._buffer[:start]
            if len(self._buffer) < HEADER_BYTES:
                return None
            total = HEADER_BYTES + int.from_bytes(self._buffer[6:8], "big") + CRC_BYTES
            if len(self._buffer) < total:
                return None
            try:
                frame = link.Frame.parse(bytes(self._buffer[:total])).body.value
            except ConstructError:
                del self._buffer[:1]
                continue
            del self._buffer[:total]
            return frame

    def _take(self, frame: Any) -> None:
        self._parts += frame.payload
        if frame.flags & Flag.MORE:
            return
        message = link.Message.parse(bytes(self._parts))
        self._parts.clear()
        if message.kind == Kind.EVENT and message.op == Event.PART:
            self._ahead.take(message.body)
            return
        if message.kind == Kind.EVENT:
            self.on_event(message.op, message.body)
            return
        mine = (message.op, message.number) == self._asked and message.body
        if mine and self.pending and not self.pending.done():
            body = message.body[1:]
            whole = self._ahead.whole(body) if message.op == Op.SCRIPT else bytes(body)
            if whole is None:
                self._fail(LinkLost("a part of the script's answer is missing"))
            else:
                self.pending.set_result(Reply(Status(message.body[0]), whole))

    def _fail(self, error: Exception) -> None:
        pending, self.pending = self.pending, None
        if pending and not pending.done():
            pending.set_exception(error)
            pending.exception()  # read: nobody may be waiting
