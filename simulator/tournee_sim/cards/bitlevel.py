"""The I/O line of a card as levels over time: characters out, characters in, and what a reader does wrong [ISO 7816-3 §7, §9.3, §10.2].

Written from the standard alone, as a second opinion on readers. Times are in etu of the card's own clock unless a name says ticks; a tick is
whatever `Wire` counts in. The card is sans-IO: it is told of every change of level, and asks its `Wire` to pull, to let go and to wake it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

EDGE_ETU: Final = 0.2
"""An edge may be so far from its place [§7.2]."""
SIGNAL_AT: Final = (10.3, 10.7)
SIGNAL_ETU: Final = (1.0, 2.0)
"""Start (10.5 ± 0.2) and length of an error signal [§7.3]."""
REPEAT_ETU: Final = 13.0
"""A refused character comes again at least 2 etu after its error signal was seen, at 11 etu [§7.3]."""
GUARD_ETU: Final = 12.0
TURNAROUND_ETU: Final = 16.0
BLOCK_GUARD_ETU: Final = 22.0
"""Leading edges in opposite directions: 16 etu for T=0 [EMV Book 1 §9.2.2.1, asked by many cards], 22 for T=1 [§11.4.3]."""
_TOLERANCE_ETU: Final = 0.1
"""Of whole characters: a reader's clock edge and a card's do not coincide."""


class Wire(Protocol):
    """What the card hangs on."""

    def now(self) -> int:
        """Ticks."""

    def at(self, ticks: float, what: Callable[[], None]) -> None:
        """Call `what` then."""

    def pull(self, low: bool) -> None:
        """The card's transistor."""


@dataclass(frozen=True)
class Character:
    """To send: `byte` as a direct-convention UART reads it. `spoilt`: so many times with wrong parity; `shift`: of each edge, in etu."""

    byte: int
    spoilt: int = 0
    shift: Sequence[float] = ()
    guard_etu: float = GUARD_ETU


@dataclass
class BitCard:
    """One card's UART. `faults` is what the reader did against the standard, in words with figures."""

    wire: Wire
    etu_ticks: float
    inverse: bool = False
    signal: bool = True
    """T=0 rules: error signals both ways."""
    extra_guard: int = 0
    """N of the ATR: what the reader leaves between its characters beyond 12 etu."""
    refuse: deque[int] = field(default_factory=deque)
    """For each next character received: how many times it is refused though it is good."""
    repeat_within_etu: float = 9600.0
    """A repetition later than the initial waiting time is no answer to an error signal."""
    on_byte: Callable[[int], None] | None = None
    received: bytearray = field(default_factory=bytearray)
    faults: list[str] = field(default_factory=list)
    signals: int = 0
    """Error signals of the reader that were asked for and came."""
    sending: bool = False

    def __post_init__(self) -> None:
        self._there = self._level = True
        self._start: int | None = None
        self._edges: list[tuple[float, bool]] = []
        self._queue: deque[Character] = deque()
        self._tries = 0
        self._generation = 0
        self._last: tuple[str, int] | None = None
        self._refusals = 0
        self._repeat_from: int | None = None
        self._own_low = False

    # Contacts

    def insert(self) -> None:
        """The contacts close, or the supply comes, on a line that is high."""
        self._there = self._level = True

    def remove(self) -> None:
        """The contacts open, or the supply goes: nothing is sent or heard any more."""
        self._there = False
        self._stop()

    def reset(self) -> None:
        """RST low: everything forgotten, faults kept."""
        self._stop()
        self._last = self._repeat_from = None
        self._refusals = 0
        self.refuse.clear()

    def send(self, characters: Sequence[Character], after_etu: float = 0.0) -> None:
        """Put on the line, one after the other; a refused one again."""
        if not self._there:
            return
        idle = not self._queue
        self._queue.extend(characters)
        if idle and self._queue:
            self.sending = True
            self._wake(self.wire.now() + after_etu * self.etu_ticks, self._begin)

    def level(self, high: bool) -> None:
        """The line has changed, whoever did it."""
        if not self._there:
            return
        self._level = high
        now = self.wire.now()
        if self._start is not None:
            self._edges.append(((now - self._start) / self.etu_ticks, high))
        elif not high and not self._own_low:
            self._leading_edge(now)

    # Receiving

    def _leading_edge(self, now: int) -> None:
        if self.sending:
            self.faults.append("the reader sends while the card does")
            return
        if self._repeat_from is not None:
            gap = (now - self._repeat_from) / self.etu_ticks
            if gap < REPEAT_ETU - _TOLERANCE_ETU:
                self.faults.append(f"repeated {gap:.2f} etu after the leading edge: {REPEAT_ETU:.0f} wanted")
            elif gap > self.repeat_within_etu:
                self.faults.append(f"repeated only {gap:.0f} etu after the leading edge")
        elif self._last is not None:
            who, then = self._last
            gap = (now - then) / self.etu_ticks
            least = GUARD_ETU + self.extra_guard
            if who == "card":
                least = TURNAROUND_ETU if self.signal else BLOCK_GUARD_ETU
            if gap < least - _TOLERANCE_ETU:
                self.faults.append(f"{gap:.2f} etu after the {who}'s leading edge: {least:.0f} wanted")
        self._last = ("reader", now)
        self._start, self._edges = now, []
        self._wake(now + 10.3 * self.etu_ticks, self._judge)

    def _judge(self) -> None:
        """At 10.3 etu: all nine bits are there."""
        start = self._start
        if start is None:
            return
        edges, at_edge = list(self._edges), 0
        levels = []
        for n in range(1, 11):
            while at_edge < len(edges) and edges[at_edge][0] < n + 0.5:
                at_edge += 1
            levels.append(edges[at_edge - 1][1] if at_edge else False)
        for at, _ in edges:
            if abs(at - round(at)) > EDGE_ETU:
                self.faults.append(f"an edge {at:.2f} etu after the leading one")
        if not levels[9] or not self._level:
            self.faults.append("the line is not let go after the parity bit")
        byte = sum(1 << i for i in range(8) if levels[i])
        good = sum(levels[:9]) % 2 == (1 if self.inverse else 0)
        if not good:
            self.faults.append(f"wrong parity in {byte:02X}")
        if self._repeat_from is None:
            self._refusals = self.refuse.popleft() if self.refuse else 0
        self._repeat_from = None
        self._start = None
        if self.signal and (not good or self._refusals):
            self._refusals = max(0, self._refusals - 1)
            self._repeat_from = start
            self._own_low = True
            self._wake(start + 10.5 * self.etu_ticks, lambda: self._pull(True))
            self._wake(start + 12.0 * self.etu_ticks, lambda: self._pull(False))
            return
        self.received.append(byte)
        if self.on_byte is not None:
            on_byte = self.on_byte
            self._wake(start + 11.0 * self.etu_ticks, lambda: on_byte(byte))

    # Sending

    def _begin(self) -> None:
        character = self._queue[0]
        now = self.wire.now()
        if self._start is not None:
            self.faults.append("the reader sends while the card does")
        self._start, self._edges = now, []
        self._last = ("card", now)
        bits = [bool(character.byte >> i & 1) for i in range(8)]
        parity = sum(bits) % 2 == (0 if self.inverse else 1)
        levels = [False, *bits, parity ^ (self._tries < character.spoilt), True]
        before = True
        for n, high in enumerate(levels):
            if high != before:
                shift = character.shift[n] if n < len(character.shift) else 0.0
                self._wake(now + (n + shift) * self.etu_ticks, self._puller(not high))
            before = high
        self._wake(now + 10.25 * self.etu_ticks, self._listen)

    def _puller(self, low: bool) -> Callable[[], None]:
        return lambda: self._pull(low)

    def _listen(self) -> None:
        """The card has let go: what comes now is the reader's."""
        start = self._start
        if start is None:
            return
        self._edges = [] if self._level else [(10.25, False)]
        self._wake(start + 11.0 * self.etu_ticks, self._look)

    def _look(self) -> None:
        """11 etu: an error signal that is to count is there [§7.3]; then it may last."""
        start = self._start
        if start is not None and self._edges:
            self._wake(start + 12.75 * self.etu_ticks, self._after)
        else:
            self._after()

    def _after(self) -> None:
        """Refused or not, this character is done."""
        start, character = self._start, self._queue[0]
        if start is None:
            return
        self._start = None
        spoilt = self._tries < character.spoilt
        refused = self._check_signal(character.byte, spoilt)
        if refused:
            self._tries += 1
            self._wake(max(start + (REPEAT_ETU + 0.5) * self.etu_ticks, self.wire.now()), self._begin)
            return
        self._tries = 0
        self._queue.popleft()
        if self._queue:
            self._wake(max(start + character.guard_etu * self.etu_ticks, self.wire.now()), self._begin)
        else:
            self.sending = False

    def _check_signal(self, byte: int, spoilt: bool) -> bool:
        """Whether the reader refused; says what was wrong with it."""
        falls = [at for at, high in self._edges if not high]
        rises = [at for at, high in self._edges if high]
        if not falls:
            if spoilt and self.signal:
                self.faults.append(f"no error signal for {byte:02X} with wrong parity")
            return False
        if not self.signal:
            self.faults.append(f"an error signal {falls[0]:.2f} etu after the leading edge, where there is none")
            return False
        if not SIGNAL_AT[0] <= falls[0] <= SIGNAL_AT[1]:
            self.faults.append(f"error signal {falls[0]:.2f} etu after the leading edge: 10.3 to 10.7 wanted")
        if not rises or not SIGNAL_ETU[0] <= rises[0] - falls[0] <= SIGNAL_ETU[1]:
            long = f"{rises[0] - falls[0]:.2f}" if rises else f"more than {12.75 - falls[0]:.2f}"
            self.faults.append(f"error signal of {long} etu: 1 to 2 wanted")
        if not spoilt:
            self.faults.append(f"{byte:02X} was refused, and was good")
        self.signals += 1
        return True

    # Help

    def _stop(self) -> None:
        self._generation += 1
        self._start = None
        self.sending = False
        self._queue.clear()
        self._pull(False)

    def _pull(self, low: bool) -> None:
        self._own_low = low
        self.wire.pull(low)

    def _wake(self, ticks: float, what: Callable[[], None]) -> None:
        generation = self._generation

        def call() -> None:
            if generation == self._generation:
                what()

        self.wire.at(ticks, call)
