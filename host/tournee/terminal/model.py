"""Values that a terminal (or a PC/SC reader that stands in for one) gives and takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tournee_protocol.link import KeypadState, SlotState, Voltage


@dataclass(frozen=True)
class TerminalInfo:
    firmware: str
    board: str
    micropython: str
    manifest: str  # SHA-256 of the firmware files, hex
    channel: str  # "none" today
    name: str
    boot_id: bytes
    pin_locked: bool  # no PIN verified in any slot
    free_heap_bytes: int
    uptime_s: int


@dataclass(frozen=True)
class Slot:
    slot: int
    state: SlotState
    protocol: int  # T
    fidi: int  # TA1 form
    atr: bytes  # empty unless powered


@dataclass(frozen=True)
class Power:
    protocol: int
    fidi: int
    voltage: Voltage
    atr: bytes


@dataclass(frozen=True)
class Answer:
    """Response APDU; 61xx and 6Cxx are already followed."""

    data: bytes
    sw: int


@dataclass(frozen=True)
class StepAnswer:
    """Answer of one script step (`tournee_protocol.scripts`)."""

    step: int
    sw: int
    data: bytes


@dataclass(frozen=True)
class PinRequest:
    """Template of VERIFY; the digits are typed at the terminal and never cross the link."""

    header: bytes  # CLA INS P1 P2
    min_digits: int
    max_digits: int
    prompt: str  # at most 20 characters
    pad_to: int = 0  # 0: no padding
    pad: int = 0xFF
    timeout_s: int = 60


@dataclass(frozen=True)
class PinResult:
    sw: int
    tries_left: int | None  # None: the card does not say

    @property
    def verified(self) -> bool:
        return self.sw == 0x9000


@dataclass(frozen=True)
class SlotChanged:
    slot: int
    state: SlotState


@dataclass(frozen=True)
class KeypadChanged:
    """Somebody types, never what."""

    state: KeypadState


@dataclass(frozen=True)
class StillRunning:
    """A long request still runs."""

    op: int
    number: int


@dataclass(frozen=True)
class Booted:
    boot_id: bytes


@dataclass(frozen=True)
class LinkChanged:
    """Made by the host: the line went down or came back; `restarted`: by a terminal that has booted since."""

    up: bool
    restarted: bool = False


TerminalEvent = SlotChanged | KeypadChanged | StillRunning | Booted | LinkChanged


class Reader(Protocol):
    """What the cards room needs; `terminal.Terminal` and `cards.adapters.pcsc.PcscReader` are readers.

    Every method raises the typed errors of `tournee.terminal.errors`.
    """

    @property
    def url(self) -> str: ...

    @property
    def round_trips(self) -> int:
        """Requests sent since it was opened."""
        ...

    async def info(self) -> TerminalInfo: ...

    async def slots(self) -> Sequence[Slot]: ...

    async def power_on(self, slot: int, *, voltage: Voltage = Voltage.AUTO, warm: bool = False) -> Power: ...

    async def power_off(self, slot: int) -> None: ...

    async def transmit(self, slot: int, apdu: bytes) -> Answer: ...

    async def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        """`script`: bytes of `tournee_protocol.scripts.Steps`, at most `link.MAX_REQUEST` - 16."""
        ...

    async def verify_pin(self, slot: int, request: PinRequest) -> PinResult: ...

    async def display(self, *lines: str) -> None:
        """At most 4 lines of 20 characters; none restores the idle screen."""
        ...

    async def confirm(self, *lines: str, timeout_s: int = 60) -> bool: ...

    async def cancel(self) -> None:
        """Ends the keypad entry or script in progress; may be called while another call waits."""
        ...

    def events(self) -> AsyncIterator[TerminalEvent]:
        """Events from now on, until closed; a reader may have several listeners."""
        ...

    async def close(self) -> None: ...
