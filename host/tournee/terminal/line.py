"""One line to a terminal and the request in flight on it: at most once, whatever happens to the line.

A lost link is opened again with the same session and the request in flight is repeated under its number, so the terminal runs it
once. When the terminal has booted since, or the link does not come back, a request that a card may have carried out ends in
`OutcomeUnknown`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tournee.link.errors import LinkError, LinkLost, LinkTimeout, LinkUnavailable
from tournee.link.session import EventMessage, Greeting, ProtocolMismatch, Response, Session
from tournee.link.transport import Transport
from tournee.terminal import errors, events
from tournee.terminal.model import LinkChanged, TerminalEvent
from tournee_protocol.link import IDLE_MS, Op, Status

if TYPE_CHECKING:
    import asyncio

_CARD_OPS: Final = frozenset({Op.APDU, Op.TPDU, Op.SCRIPT, Op.PIN_VERIFY})
"""What a card may have carried out when no answer comes."""
_SAFE_OPS: Final = frozenset({Op.INFO, Op.SLOTS, Op.POWER_ON, Op.POWER_OFF, Op.DISPLAY, Op.LOG, Op.DIAG})
"""May be asked again in a new session of the terminal: they say or set a state."""
_BUSY_PAUSE_S: Final = 0.3


@dataclass(frozen=True)
class Patience:
    """How long the client waits; all but `reconnect_s` restart with every sign of life."""

    silence_ms: int = 3000  # no byte at all: the request is repeated
    repeats: int = 3  # then the link is opened again, once
    reconnect_s: float = 20.0  # 0: never open a lost link again
    busy_ms: int = 8000  # another request runs on the terminal


class Line:
    """One request at a time (the caller sees to it); `emit` is told of every event."""

    def __init__(
        self, transport: Transport, session: Session, patience: Patience, emit: Callable[[TerminalEvent], None]
    ) -> None:
        self.transport = transport
        self.session = session
        self.connected = False
        self._patience = patience
        self._emit = emit
        self._reader: asyncio.Task[None] | None = None
        self._signal: asyncio.Event | None = None  # something came: a response, any byte, or the end of the link
        self._responses: list[Response] = []
        self._lost: LinkError | None = None
        self._ended = False

    async def open(self) -> Greeting:
        """Connects and greets; raises LinkUnavailable, LinkTimeout or TerminalError."""
        self._ended = False
        return await self._connect()

    async def close(self, *, for_good: bool = False) -> None:
        """Never raises; `for_good`: a request in flight does not open it again."""
        import asyncio

        self.connected = False
        self._ended = self._ended or for_good
        self._lost = self._lost or LinkLost()
        if self._signal is not None:
            self._signal.set()
        task, self._reader = self._reader, None
        await self.transport.close()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkError):
                await task

    async def cancel(self) -> None:
        """Ends the keypad entry or script that runs; beside any request. Raises LinkLost."""
        await self.transport.write(self.session.out_of_band(Op.CANCEL))

    async def request(self, op: Op, body: bytes, *, reconnect: bool = True) -> Response:
        """The response, whatever the line does meanwhile; `reconnect` False gives up with the line."""
        if not self.connected:
            if not reconnect:
                raise LinkLost
            await self._reconnect()
        try:
            return await self._exchange(op, body, reconnect)
        finally:
            self.session.abandon()

    async def _connect(self) -> Greeting:
        import asyncio

        await self.transport.open()
        self._signal = asyncio.Event()
        self._lost, self._responses = None, []
        self.connected = True
        self._reader = asyncio.create_task(self._read(), name="terminal reader")
        for attempt in range(self._patience.repeats + 1):
            await self._send(self.session.hello())
            try:
                response = await self._wait(lambda r: r.op == Op.HELLO and r.number == 0)
            except LinkTimeout:
                if attempt == self._patience.repeats:
                    raise
                continue
            break
        try:
            return self.session.greet(response)
        except ProtocolMismatch as exc:
            raise errors.TerminalError(f"Terminal incompatible : {exc}.", "Mettez à jour le terminal.") from exc

    async def _exchange(self, op: Op, body: bytes, reconnect: bool) -> Response:
        import asyncio

        loop = asyncio.get_running_loop()
        frames = self.session.request(op, body)
        busy_until = loop.time() + self._patience.busy_ms / 1000
        sent = silent = reopened = 0
        while True:
            try:
                sent += 1
                await self._send(frames)
                response = await self._wait(lambda r: r.number != 0)
                if response.status == Status.NO_SESSION and reconnect:  # booted while the line stayed up
                    frames = await self._resume(op, body, sent)
                elif response.status == Status.BUSY and loop.time() < busy_until:
                    await self._wait_for_sign(_BUSY_PAUSE_S)
                    frames = self.session.repeat()
                else:
                    return response
            except LinkTimeout:
                silent += 1
                if silent <= self._patience.repeats:
                    frames = self.session.repeat()
                    continue
                if reopened or not reconnect:
                    raise self._unknown(op, restarted=False) or LinkTimeout() from None
                reopened, silent = 1, 0
                frames = await self._resume(op, body, sent + 1)
            except LinkLost as lost:
                if not reconnect:
                    raise self._unknown(op, restarted=False) or lost from None
                frames = await self._resume(op, body, sent + 1)

    async def _resume(self, op: Op, body: bytes, sent: int) -> bytes:
        """Opens the link again and gives the frames to send; raises when the terminal has forgotten a request that cannot be asked again.

        `sent` 1: it was sent once and refused for want of a session, so it was never run.
        """
        try:
            greeting = await self._reconnect()
        except LinkError as exc:
            raise self._unknown(op, restarted=False) or exc from None
        if greeting.resumed and sent > 1:
            return self.session.repeat()
        if op in _SAFE_OPS:
            return self.session.request(op, body)
        raise (self._unknown(op, restarted=True) if sent > 1 else None) or errors.TerminalRestarted(
            "Le terminal a redémarré.", "Recommencez : les cartes vont être relues."
        )

    @staticmethod
    def _unknown(op: Op, *, restarted: bool) -> errors.OutcomeUnknown | None:
        return errors.OutcomeUnknown(op, restarted=restarted) if op in _CARD_OPS else None

    async def _reconnect(self) -> Greeting:
        """Tries again until `reconnect_s` have passed; raises the last error."""
        import asyncio

        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._patience.reconnect_s, 0.05
        last: LinkError = self._lost or LinkLost()
        while True:
            await self.close()
            if self._ended or loop.time() >= deadline:
                raise last
            try:
                greeting = await self._connect()
            except (LinkUnavailable, LinkLost, LinkTimeout) as exc:
                last = exc if isinstance(exc, LinkTimeout) else LinkLost()
                await asyncio.sleep(min(pause_s, max(0.0, deadline - loop.time())))
                pause_s = min(pause_s * 2, 2.0)
                continue
            self._emit(LinkChanged(True, restarted=greeting.restarted))
            return greeting

    async def _send(self, frames: bytes) -> None:
        if self._lost is not None:
            raise self._lost
        self._responses.clear()
        await self.transport.write(frames)

    async def _wait(self, wanted: Callable[[Response], bool]) -> Response:
        """Raises LinkLost, or LinkTimeout after `silence_ms` without a byte."""
        while True:
            for response in self._responses:
                if wanted(response):
                    self._responses.clear()
                    return response
            self._responses.clear()  # nobody else waits for them
            if self._lost is not None:
                raise self._lost
            if not await self._wait_for_sign(self._patience.silence_ms / 1000):
                raise LinkTimeout

    async def _wait_for_sign(self, timeout_s: float) -> bool:
        import asyncio

        assert self._signal is not None
        self._signal.clear()
        if self._responses or self._lost is not None:
            return True
        try:
            await asyncio.wait_for(self._signal.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        import asyncio

        assert self._signal is not None
        try:
            while True:
                try:
                    timeout_s = IDLE_MS / 1000 if self.session.partial else None
                    data = await asyncio.wait_for(self.transport.read(), timeout_s)
                    inbound = self.session.feed(data)
                except TimeoutError:
                    inbound = self.session.idle()
                for message in inbound:
                    if isinstance(message, EventMessage):
                        if (event := events.decode(message)) is not None:
                            self._emit(event)
                    else:
                        self._responses.append(message)
                self._signal.set()
        except Exception as exc:
            lost = exc if isinstance(exc, LinkLost) else LinkLost()
            if lost is not exc:
                lost.__cause__ = exc
            self._lost, self.connected = lost, False
            self._signal.set()
            if not self._ended:
                self._emit(LinkChanged(False))
