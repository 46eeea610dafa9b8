"""What the actions of a scenario work on: a terminal, every chance drawn from one seed, simulated time moved on when nobody does anything."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from tournee_protocol.link import SESSION_IDLE_MS, HelloReply, KeypadState, Op, Status
from tournee_protocol.link import Event as LinkEvent
from tournee_sim.boards.unix import UnixBoard, prompted_keys
from tournee_sim.scenarios.errors import Failed
from tournee_sim.scenarios.model import Scenario
from tournee_sim.scenarios.peer import HostPeer, HostSilent, Reply
from tournee_sim.scenarios.strike import Striker

QUIET_S: Final = 0.02
"""Nothing has happened for so long: let simulated time pass."""
_FIRST_JUMP_MS: Final = 100
_LONGEST_JUMP_MS: Final = 5000
NO_ANSWER_MS: Final = 300_000


class Session:
    """One scenario on one terminal."""

    def __init__(self, board: UnixBoard, scenario: Scenario, seed: int) -> None:
        self.board = board
        self.scenario = scenario
        self.random = random.Random(f"session {seed}")
        self.trace = board.trace
        self.keys: list[str] = []
        self.at = 0
        self._answered = 0
        _, host, port = board.url.split(":")
        self.peer = HostPeer(host, int(port), self.random.randbytes(8))
        self.peer.on_event = self._event
        self.striker = Striker(board, self.peer)

    async def request(self, op: Op, body: bytes = b"") -> Reply:
        """A request and its answer; raises LinkLost, HostSilent or Failed."""
        self._answered = self.board.link.traffic.round_trips if self.board.link else 0
        return await self.wait(self.peer.ask(op, body))

    async def wait(self, answer: asyncio.Future[Reply]) -> Reply:
        """The answer; raises LinkLost, HostSilent, Failed when none comes."""

        def there() -> bool:
            if self.striker.host_silent:
                raise HostSilent
            return answer.done()

        await self._until(there, answer)
        return answer.result()

    async def _until(self, there: Callable[[], bool], event: asyncio.Future[Any] | None = None) -> None:
        """Until `there()`; while cards and terminal are idle, simulated time goes on. Raises Failed after NO_ANSWER_MS of it."""
        bus = self.board.bus
        until = bus.told_ms + NO_ANSWER_MS
        jump, now = _FIRST_JUMP_MS, 0
        while not there():
            if event is not None:
                await asyncio.wait({event}, timeout=QUIET_S)
            else:
                await asyncio.sleep(QUIET_S)
            if there():
                return
            if not self.board.running:
                raise Failed("the terminal died without an answer")
            if bus.told_ms > until:
                raise Failed(f"no answer within {NO_ANSWER_MS // 1000} simulated seconds")
            moved, now = now, sum(line.to_card + line.to_board for line in bus.lines)
            if self.striker.at_work or any(line.busy for line in bus.lines):
                continue
            jump = jump if moved == now else _FIRST_JUMP_MS
            await bus.wait(jump)
            jump = min(jump * 3 // 2, _LONGEST_JUMP_MS)

    async def greet(self, *, new: bool = False) -> bool:
        """Open the link if need be and say HELLO; whether the session goes on. `new`: another session."""
        if not self.peer.connected:
            await self.peer.connect()
        if new:
            self.peer.session = self.random.randbytes(8)
        reply = await self.wait(self.peer.hello())
        if reply.status is not Status.OK:
            raise Failed(f"HELLO: status {reply.status.name}")
        greeting = HelloReply.parse(reply.body)
        self.peer.number = int(greeting.last_number)
        if prompted_keys(self.board.display, self.board.pin):  # the host was not told; the person sees it
            self._type()
        return bool(greeting.resumed)

    async def idle(self) -> None:
        """What the host asked last is done and answered, whether it reads or not; then it is silent for longer than a session may be."""
        link = self.board.link
        assert link is not None
        await self._until(lambda: link.traffic.round_trips > self._answered)
        await self.board.bus.wait(SESSION_IDLE_MS + 1000)
        await self.board.settled()

    def draw(self, value: Any) -> Any:
        """A value of a step: a range gives one number of it."""
        if isinstance(value, Mapping) and set(value) == {"from", "to"}:
            return self.random.randint(min(value["from"], value["to"]), max(value["from"], value["to"]))
        return value

    def draw_card(self, card: Any) -> str | None:
        """One of several cards."""
        if isinstance(card, (list, tuple)):
            return str(self.random.choice(card))
        return card if card is None else str(card)

    def _event(self, event: int, body: bytes) -> None:
        name = LinkEvent(event).name.lower() if event in set(LinkEvent) else str(event)
        self.trace.event("terminal", says=name, body=body.hex() if event == LinkEvent.SLOT else "")
        if event == LinkEvent.KEYPAD and body[:1] == bytes([KeypadState.OPENED]):
            self._type()

    def _type(self) -> None:
        keys, self.keys = self.keys, []
        if keys:
            self.board.type("".join(keys))
