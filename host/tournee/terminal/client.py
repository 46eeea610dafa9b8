"""The typed client of a terminal, over any `link.Transport`.

A lost link is opened again with the same session and the request in flight is repeated under its number, so the terminal runs it
once. When the terminal has booted since, or the link does not come back, a request that a card may have carried out ends in
`OutcomeUnknown`. asyncio is imported when a terminal is opened: the room stays importable where there are no sockets.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tournee.link.errors import LinkError, LinkLost, LinkTimeout, LinkUnavailable
from tournee.link.session import EventMessage, Greeting, ProtocolMismatch, Response, Session
from tournee.link.transport import Transport
from tournee.terminal import errors, events
from tournee.terminal.model import (
    Answer,
    LinkChanged,
    PinRequest,
    PinResult,
    Power,
    Slot,
    StepAnswer,
    TerminalEvent,
    TerminalInfo,
)
from tournee_protocol import link
from tournee_protocol.link import IDLE_MS, Op, Status, Voltage

if TYPE_CHECKING:
    import asyncio

_CARD_OPS: Final = frozenset({Op.APDU, Op.TPDU, Op.SCRIPT, Op.PIN_VERIFY})
"""What a card may have carried out when no answer comes."""
_SAFE_OPS: Final = frozenset({Op.INFO, Op.SLOTS, Op.POWER_ON, Op.POWER_OFF, Op.DISPLAY, Op.LOG})
"""May be asked again in a new session of the terminal: they say or set a state."""
_SLOT_ENTRY_BYTES: Final = 5  # without its ATR
_GOODBYE_S: Final = 2.0
_BUSY_PAUSE_S: Final = 0.3
_INTERRUPTIBLE_OPS: Final = frozenset({Op.PIN_VERIFY, Op.CONFIRM, Op.SCRIPT})


@dataclass(frozen=True)
class Patience:
    """How long the client waits; all but `reconnect_s` restart with every sign of life."""

    silence_ms: int = 3000  # no byte at all: the request is repeated
    repeats: int = 3  # then the link is opened again, once
    reconnect_s: float = 20.0  # 0: never open a lost link again
    busy_ms: int = 8000  # another request runs on the terminal


class Terminal:
    """One terminal; made by `terminal.adapters.connect(url)` or with a transport of one's own.

    One request at a time: concurrent callers wait for each other, except for `cancel`.
    """

    def __init__(self, transport: Transport, session_id: bytes, *, patience: Patience | None = None) -> None:
        """`session_id`: 8 random bytes; a second Terminal with the same id takes the first one's session over."""
        self._transport = transport
        self._session = Session(session_id)
        self._patience = patience or Patience()
        self._listeners: set[events.Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._lock: asyncio.Lock | None = None
        self._signal: asyncio.Event | None = None  # something came: a response, any byte, or the end of the link
        self._responses: list[Response] = []
        self._heard = False
        self._lost: LinkError | None = None
        self._connected = False
        self._closed = False
        self.round_trips = 0
        self.slot_count = 0

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def transport(self) -> Transport:
        return self._transport

    @property
    def boot_id(self) -> bytes | None:
        return self._session.boot_id

    async def open(self) -> None:
        """Connects and greets; raises LinkUnavailable, LinkTimeout or TerminalError."""
        import asyncio

        self._lock, self._signal = asyncio.Lock(), asyncio.Event()
        self._closed = False
        async with self._lock:
            try:
                greeting = await self._connect()
                if greeting.adopted:  # a prompt of a program that was killed would keep the terminal busy
                    await self._transport.write(self._session.out_of_band(Op.CANCEL))
            except BaseException:
                await self._disconnect()
                raise

    async def detach(self) -> None:
        """Leaves without goodbye: cards and PIN stay as they are for the next Terminal with the same session id."""
        self._closed = True
        await self._disconnect()
        for listener in list(self._listeners):
            listener.close()

    async def close(self) -> None:
        """Says goodbye if the line is up; the slots are powered off by the terminal. Never raises a link error."""
        import asyncio

        if self._closed or self._lock is None:
            return
        if self._connected and not self._lock.locked():
            with contextlib.suppress(LinkError, errors.TerminalError, TimeoutError):
                await asyncio.wait_for(self._call(Op.GOODBYE, reconnect=False), _GOODBYE_S)
        self._closed = True
        await self._disconnect()
        for listener in list(self._listeners):
            listener.close()

    async def __aenter__(self) -> Terminal:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # What a person or a program asks of it

    async def info(self) -> TerminalInfo:
        reply = _parse(link.InfoReply, await self._call(Op.INFO))
        return TerminalInfo(
            firmware=_text(reply.firmware),
            board=_text(reply.board),
            micropython=_text(reply.micropython),
            manifest=_text(reply.manifest),
            channel=_text(reply.channel),
            name=_text(reply.name),
            boot_id=bytes(reply.boot_id),
            pin_locked=bool(reply.pin_locked),
            free_heap_bytes=reply.free_heap,
            uptime_s=reply.uptime_s,
        )

    async def slots(self) -> Sequence[Slot]:
        body = await self._call(Op.SLOTS)
        reply = _parse(link.SlotsReply, body)
        if sum(_SLOT_ENTRY_BYTES + len(e.atr) for e in reply.slots) != len(body):
            raise _malformed()
        return [Slot(e.slot, events.slot_state(e.state), e.protocol, e.fidi, bytes(e.atr)) for e in reply.slots]

    async def power_on(self, slot: int, *, voltage: Voltage = Voltage.AUTO, warm: bool = False) -> Power:
        body = link.PowerOn.build({"slot": slot, "voltage": voltage, "warm": warm})
        reply = _parse(link.PowerOnReply, await self._call(Op.POWER_ON, body, slot=slot))
        return Power(reply.protocol, reply.fidi, Voltage(reply.voltage), bytes(reply.atr))

    async def power_off(self, slot: int) -> None:
        await self._call(Op.POWER_OFF, link.PowerOff.build({"slot": slot}), slot=slot)

    async def transmit(self, slot: int, apdu: bytes) -> Answer:
        """One command APDU; 61xx and 6Cxx are followed by the terminal."""
        return _answer(await self._call(Op.APDU, link.Apdu.build({"slot": slot, "apdu": apdu}), slot=slot))

    async def transmit_tpdu(self, slot: int, tpdu: bytes) -> Answer:
        """Raw T=0 TPDU: 61xx and 6Cxx come back as they are."""
        return _answer(await self._call(Op.TPDU, link.Apdu.build({"slot": slot, "apdu": tpdu}), slot=slot))

    async def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        body = await self._call(Op.SCRIPT, link.Script.build({"slot": slot, "script": script}), slot=slot)
        return events.script_answers(body)

    async def verify_pin(self, slot: int, request: PinRequest) -> PinResult:
        body = link.PinVerify.build(
            {
                "slot": slot,
                "header": request.header,
                "min_digits": request.min_digits,
                "max_digits": request.max_digits,
                "pad_to": request.pad_to,
                "pad": request.pad,
                "timeout_s": request.timeout_s,
                "prompt": request.prompt.encode(),
            }
        )
        reply = _parse(link.PinVerifyReply, await self._call(Op.PIN_VERIFY, body, slot=slot))
        return PinResult(reply.sw, None if reply.tries_left == 0xFF else reply.tries_left)

    async def display(self, *lines: str) -> None:
        await self._call(Op.DISPLAY, link.Display.build({"lines": [_line(text) for text in lines]}))

    async def confirm(self, *lines: str, timeout_s: int = 60) -> bool:
        body = link.Confirm.build({"timeout_s": timeout_s, "lines": [_line(text) for text in lines]})
        return bool(_parse(link.ConfirmReply, await self._call(Op.CONFIRM, body)).confirmed)

    async def log(self) -> str:
        return (await self._call(Op.LOG)).decode("utf-8", "replace")

    async def cancel(self) -> None:
        if self._connected:
            with contextlib.suppress(LinkError):
                await self._transport.write(self._session.out_of_band(Op.CANCEL))

    def events(self) -> AsyncIterator[TerminalEvent]:
        listener = events.Listener(self._listeners.discard)
        self._listeners.add(listener)
        return listener

    # One request

    async def _call(self, op: Op, body: bytes = b"", *, slot: int | None = None, reconnect: bool = True) -> bytes:
        if self._lock is None or self._closed:
            raise LinkLost("Le terminal n'est pas ouvert.", "Ouvrez-le d'abord : tournee.open(URL).")
        async with self._lock:
            if not self._connected:
                if not reconnect:
                    raise LinkLost
                await self._reconnect()
            self.round_trips += 1
            try:
                response = await self._exchange(op, body, reconnect)
            except BaseException as exc:
                if not isinstance(exc, Exception) and op in _INTERRUPTIBLE_OPS:  # cancelled by our caller
                    await self.cancel()
                raise
            finally:
                self._session.abandon()
        if response.status != Status.OK:
            raise errors.from_status(response.status, slot)
        return response.body

    async def _exchange(self, op: Op, body: bytes, reconnect: bool) -> Response:
        """The response of one request, whatever the line does meanwhile."""
        import asyncio

        loop = asyncio.get_running_loop()
        frames = self._session.request(op, body)
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
                    frames = self._session.repeat()
                else:
                    return response
            except LinkTimeout:
                silent += 1
                if silent <= self._patience.repeats:
                    frames = self._session.repeat()
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
            return self._session.repeat()
        if op in _SAFE_OPS:
            return self._session.request(op, body)
        raise (self._unknown(op, restarted=True) if sent > 1 else None) or errors.TerminalRestarted(
            "Le terminal a redémarré.", "Recommencez : les cartes vont être relues."
        )

    @staticmethod
    def _unknown(op: Op, *, restarted: bool) -> errors.OutcomeUnknown | None:
        return errors.OutcomeUnknown(op, restarted=restarted) if op in _CARD_OPS else None

    # The line

    async def _connect(self) -> Greeting:
        import asyncio

        await self._transport.open()
        self._lost, self._responses = None, []
        self._connected = True
        self._reader = asyncio.create_task(self._read(), name="terminal reader")
        for attempt in range(self._patience.repeats + 1):
            await self._send(self._session.hello())
            try:
                response = await self._wait(lambda r: r.op == Op.HELLO and r.number == 0)
            except LinkTimeout:
                if attempt == self._patience.repeats:
                    raise
                continue
            break
        try:
            greeting = self._session.greet(response)
        except ProtocolMismatch as exc:
            raise errors.TerminalError(f"Terminal incompatible : {exc}.", "Mettez à jour le terminal.") from exc
        self.slot_count = greeting.slots
        return greeting

    async def _disconnect(self) -> None:
        import asyncio

        self._connected = False
        task, self._reader = self._reader, None
        await self._transport.close()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkError):
                await task

    async def _reconnect(self) -> Greeting:
        """Tries again until `reconnect_s` have passed; raises the last error."""
        import asyncio

        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._patience.reconnect_s, 0.05
        last: LinkError = self._lost or LinkLost()
        while True:
            await self._disconnect()
            if self._closed or loop.time() >= deadline:
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
        await self._transport.write(frames)

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
                    timeout_s = IDLE_MS / 1000 if self._session.partial else None
                    data = await asyncio.wait_for(self._transport.read(), timeout_s)
                    inbound = self._session.feed(data)
                except TimeoutError:
                    inbound = self._session.idle()
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
            self._lost, self._connected = lost, False
            self._signal.set()
            if not self._closed:
                self._emit(LinkChanged(False))

    def _emit(self, event: TerminalEvent) -> None:
        for listener in list(self._listeners):
            listener.put(event)


def _parse(layout: Any, body: bytes) -> Any:
    try:
        return layout.parse(body)
    except Exception as exc:  # construct has many kinds
        raise _malformed() from exc


def _answer(body: bytes) -> Answer:
    if len(body) < 2:
        raise _malformed()
    return Answer(body[:-2], int.from_bytes(body[-2:], "big"))


def _malformed() -> errors.TerminalError:
    return errors.TerminalError("Réponse du terminal illisible.", "Mettez à jour le terminal ou ce logiciel.")


def _text(raw: bytes) -> str:
    return bytes(raw).decode("utf-8", "replace")


def _line(text: str) -> bytes:
    return text[:20].encode()
