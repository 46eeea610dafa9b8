"""The typed client of a terminal, over any `link.Transport`.

What a lost link does stands in `terminal.line`. asyncio is imported when a terminal is opened: the room stays importable where there
are no sockets.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from tournee.link.errors import LinkError, LinkLost
from tournee.link.session import Session
from tournee.link.transport import Transport
from tournee.terminal import errors, events
from tournee.terminal.line import Line, Patience
from tournee.terminal.model import (
    Answer,
    PinRequest,
    PinResult,
    Power,
    Slot,
    StepAnswer,
    TerminalEvent,
    TerminalInfo,
)
from tournee_protocol import link
from tournee_protocol.link import Op, Status, Voltage

if TYPE_CHECKING:
    import asyncio

_SLOT_ENTRY_BYTES: Final = 5  # without its ATR
_GOODBYE_S: Final = 2.0
_INTERRUPTIBLE_OPS: Final = frozenset({Op.PIN_VERIFY, Op.CONFIRM, Op.SCRIPT})


class Terminal:
    """One terminal; made by `terminal.adapters.connect(url)` or with a transport of one's own.

    One request at a time: concurrent callers wait for each other, except for `cancel`.
    """

    def __init__(self, transport: Transport, session_id: bytes, *, patience: Patience | None = None) -> None:
        """`session_id`: 8 random bytes; a second Terminal with the same id takes the first one's session over."""
        self._listeners: set[events.Listener] = set()
        self._line = Line(transport, Session(session_id), patience or Patience(), self._emit)
        self._lock: asyncio.Lock | None = None
        self._closed = False
        self.round_trips = 0

    @property
    def url(self) -> str:
        return self._line.transport.url

    @property
    def transport(self) -> Transport:
        return self._line.transport

    @property
    def boot_id(self) -> bytes | None:
        return self._line.session.boot_id

    async def open(self) -> None:
        """Connects and greets; raises LinkUnavailable, LinkTimeout or TerminalError."""
        import asyncio

        self._lock = asyncio.Lock()
        self._closed = False
        async with self._lock:
            try:
                greeting = await self._line.open()
                if greeting.adopted:  # a prompt of a program that was killed would keep the terminal busy
                    await self._line.cancel()
            except BaseException:
                await self._line.close()
                raise

    async def detach(self) -> None:
        """Leaves without goodbye: cards and PIN stay as they are for the next Terminal with the same session id."""
        await self._end()

    async def close(self) -> None:
        """Says goodbye if the line is up; the slots are powered off by the terminal. Never raises a link error."""
        import asyncio

        if self._closed or self._lock is None:
            return
        if self._line.connected and not self._lock.locked():
            with contextlib.suppress(LinkError, errors.TerminalError, TimeoutError):
                await asyncio.wait_for(self._call(Op.GOODBYE, reconnect=False), _GOODBYE_S)
        await self._end()

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

    async def transmit_block(self, slot: int, block: bytes) -> bytes:
        """One T=1 block with its check as it stands (no chained I-block); the card's next block, its check not looked at."""
        return await self._call(Op.TPDU, link.Apdu.build({"slot": slot, "apdu": block}), slot=slot)

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

    async def diagnosis(self) -> dict[str, int]:
        """What the terminal measures of itself; names as in `link.DiagReply`. Raises TerminalError where it is too old to say."""
        text = (await self._call(Op.DIAG)).decode("ascii", "replace")
        rows = (line.split(" ") for line in text.splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].lstrip("-").isdecimal()}

    async def cancel(self) -> None:
        if self._line.connected:
            with contextlib.suppress(LinkError):
                await self._line.cancel()

    def events(self) -> AsyncIterator[TerminalEvent]:
        listener = events.Listener(self._listeners.discard)
        self._listeners.add(listener)
        return listener

    async def _call(self, op: Op, body: bytes = b"", *, slot: int | None = None, reconnect: bool = True) -> bytes:
        if self._lock is None or self._closed:
            raise LinkLost("Le terminal n'est pas ouvert.", "Ouvrez-le d'abord : tournee.open(URL).")
        async with self._lock:
            self.round_trips += 1
            try:
                response = await self._line.request(op, body, reconnect=reconnect)
            except BaseException as exc:
                if not isinstance(exc, Exception) and op in _INTERRUPTIBLE_OPS:  # cancelled by our caller
                    await self.cancel()
                raise
        if response.status != Status.OK:
            raise errors.from_status(response.status, slot)
        return response.body

    async def _end(self) -> None:
        self._closed = True
        await self._line.close(for_good=True)
        for listener in list(self._listeners):
            listener.close()

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
