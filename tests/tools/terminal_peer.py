"""A terminal's side of the link for tests of the host's client alone: the at-most-once rules of SPEC §4, and a line that can be cut.

Whole visits are tested with the real firmware (tests/integration); this one exists because a test can cut it at every single byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tournee.link.assembly import Assembler
from tournee.link.channel import NullChannel
from tournee.link.errors import LinkLost, LinkUnavailable
from tournee.link.frames import FrameDecoder, encode_frame
from tournee.link.transport import Traffic
from tournee_protocol import link
from tournee_protocol.link import Event, Kind, Op, Status

Handler = Callable[[int, bytes], tuple[int, bytes]]


@dataclass
class Peer:
    """`handler(op, body)` gives status and body; `ran` counts how often each request number was carried out."""

    handler: Handler
    boot_id: bytes = b"boot-001"
    session: bytes = b""
    stored: tuple[int, bytes] = (0, b"")
    out_of_band: list[int] = field(default_factory=list)
    ran: list[tuple[int, int, bytes]] = field(default_factory=list)

    def reboot(self) -> None:
        self.boot_id = bytes([self.boot_id[0] ^ 0xFF]) + self.boot_id[1:]
        self.session, self.stored = b"", (0, b"")

    def answer(self, message: bytes) -> bytes:
        request = link.Message.parse(message)
        if request.op == Op.HELLO:
            session = bytes(request.body[1:9])
            resumed = session == self.session
            if not resumed:
                self.session, self.stored = session, (0, b"")
            fields = {"protocol": 1, "boot_id": self.boot_id, "resumed": resumed, "last_number": self.stored[0]}
            return _response(Op.HELLO, 0, 0, link.HelloReply.build(fields | {"max_payload": 512, "slots": 2}))
        if request.number == 0:
            self.out_of_band.append(request.op)
            return _response(request.op, 0, 0)
        if not self.session:
            return _response(request.op, request.number, Status.NO_SESSION)
        if request.number == self.stored[0]:
            return self.stored[1]
        if request.number < self.stored[0]:
            return _response(request.op, request.number, Status.STALE)
        self.ran.append((request.op, request.number, bytes(request.body)))
        status, body = self.handler(request.op, bytes(request.body))
        self.stored = (request.number, _response(request.op, request.number, status, body))
        return self.stored[1]


class CutLine:
    """A transport to a `Peer`. `cut_out` / `cut_in`: the line dies after so many bytes to / from the terminal, once."""

    def __init__(self, peer: Peer) -> None:
        self.url = "test:"
        self.traffic = Traffic()
        self.peer = peer
        self.cut_out: int | None = None
        self.cut_in: int | None = None
        self.on_cut: Callable[[], None] = lambda: None
        self.refuse_opens = 0
        self.deaf = 0  # so many answers are lost on the way
        self.on_deaf: Callable[[], None] = lambda: None
        self.opens = 0
        self._up = False
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def open(self) -> None:
        if self.refuse_opens:
            self.refuse_opens -= 1
            raise LinkUnavailable("refused", "again")
        self.opens += 1
        self._up, self._queue = True, asyncio.Queue()
        self._decoder, self._assembler, self._seq = FrameDecoder(), Assembler(NullChannel(), 1024), 0

    async def read(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            self._queue.put_nowait(None)
            raise LinkLost
        return data

    async def write(self, data: bytes) -> None:
        if not self._up:
            raise LinkLost
        if self.cut_out is not None and len(data) >= self.cut_out:
            data, self.cut_out = data[: self.cut_out], None
            self._feed(data, dead=True)
            self._cut()
            raise LinkLost
        if self.cut_out is not None:
            self.cut_out -= len(data)
        self._feed(data)

    async def close(self) -> None:
        self._up = False
        self._queue.put_nowait(None)

    def event(self, event: Event, body: bytes) -> None:
        message = link.Message.build({"kind": Kind.EVENT, "op": event, "number": 1, "body": body})
        self._send(message)

    def _feed(self, data: bytes, *, dead: bool = False) -> None:
        for frame in self._decoder.feed(data):
            message = self._assembler.take(frame)
            if message is not None:
                answer = self.peer.answer(message)
                if not dead and self._up:
                    self._send(answer)

    def _send(self, message: bytes) -> None:
        out = b""
        for at in range(0, len(message), 512):
            more = link.Flag.MORE if at + 512 < len(message) else 0
            out += encode_frame(message[at : at + 512], flags=int(more), seq=self._seq)
            self._seq += 1
        if self.deaf:
            self.deaf -= 1
            self.on_deaf()
            return
        if self.cut_in is not None and len(out) >= self.cut_in:
            out, self.cut_in = out[: self.cut_in], None
            if out:
                self._queue.put_nowait(out)
            self._cut()
            return
        if self.cut_in is not None:
            self.cut_in -= len(out)
        self._queue.put_nowait(out)

    def _cut(self) -> None:
        self._up = False
        self._queue.put_nowait(None)
        self.on_cut()


def _response(op: int, number: int, status: int, body: bytes = b"") -> bytes:
    built: bytes = link.Message.build(
        {"kind": Kind.RESPONSE, "op": op, "number": number, "body": bytes([status]) + body}
    )
    return built
