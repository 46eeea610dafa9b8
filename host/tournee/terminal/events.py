"""Events and streamed answers of the terminal, decoded; listeners that a slow reader cannot make grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tournee.link.session import EventMessage
from tournee.terminal.errors import TerminalError
from tournee.terminal.model import Booted, KeypadChanged, SlotChanged, StepAnswer, StillRunning, TerminalEvent
from tournee_protocol.link import ANSWER_MORE, Event, KeypadState, SlotState

if TYPE_CHECKING:
    import asyncio

_KEPT: Final = 256
_STEP_HEADER_BYTES: Final = 5


def decode(message: EventMessage) -> TerminalEvent | None:
    """None for an event that this version does not know."""
    body = message.body
    if message.event == Event.BOOT:
        return Booted(body)
    if message.event == Event.SLOT and len(body) >= 2:
        return SlotChanged(body[0], slot_state(body[1]))
    if message.event == Event.KEYPAD and body and body[0] in set(KeypadState):
        return KeypadChanged(KeypadState(body[0]))
    if message.event == Event.BUSY and len(body) >= 5:
        return StillRunning(body[0], int.from_bytes(body[1:5], "big"))
    return None


def slot_state(value: int) -> SlotState:
    """A state unknown here is a card that is there and cannot be used."""
    return SlotState(value) if value in set(SlotState) else SlotState.PRESENT


def script_answers(body: bytes) -> list[StepAnswer]:
    """An answer per step and turn, from `link.ScriptAnswer`s put together; raises TerminalError when they are cut."""
    answers: list[StepAnswer] = []
    at, begun, data = 0, -1, b""
    while at < len(body):
        step, more = body[at] & ~ANSWER_MORE, body[at] & ANSWER_MORE
        length = int.from_bytes(body[at + 3 : at + _STEP_HEADER_BYTES], "big")
        end = at + _STEP_HEADER_BYTES + length
        if end > len(body) or at + _STEP_HEADER_BYTES > len(body) or begun not in (-1, step):
            raise _cut()
        data += body[at + _STEP_HEADER_BYTES : end]
        begun = step if more else -1
        if not more:
            answers.append(StepAnswer(step, int.from_bytes(body[at + 1 : at + 3], "big"), data))
            data = b""
        at = end
    if begun >= 0:
        raise _cut()
    return answers


def _cut() -> TerminalError:
    return TerminalError("Réponse du terminal tronquée.", "Recommencez.")


class Listener:
    """An endless iterator of events; beyond 256 unread ones the oldest are dropped."""

    def __init__(self, forget: Callable[[Listener], None]) -> None:
        self._kept: deque[TerminalEvent] = deque(maxlen=_KEPT)
        self._waiting: asyncio.Future[None] | None = None
        self._forget = forget
        self._closed = False

    def put(self, event: TerminalEvent) -> None:
        self._kept.append(event)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._forget(self)
        self._wake()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> TerminalEvent:
        import asyncio

        while not self._kept:
            if self._closed:
                raise StopAsyncIteration
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._kept.popleft()

    async def aclose(self) -> None:
        self.close()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
