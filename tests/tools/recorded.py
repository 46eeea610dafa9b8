"""A reader that plays recorded exchanges: per card a list of (command, answer) in hex; scripts run through the interpreter twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from tournee.cards.script import run_with
from tournee.terminal.errors import TerminalError, from_status
from tournee.terminal.model import Answer, PinRequest, PinResult, Power, Slot, StepAnswer, TerminalEvent, TerminalInfo
from tournee_protocol.link import SlotState, Status, Voltage


class Recorded:
    """`exchanges` slot → the only commands that may come, in order; `pins` the answers to VERIFY; `atrs` slot → ATR, b"" mute.

    What the reading of cards and a signature do not use is NotImplementedError: a test that comes there fails.
    """

    def __init__(
        self,
        exchanges: dict[int, list[tuple[str, str]]],
        *,
        atrs: dict[int, str] | None = None,
        pins: Sequence[PinResult | TerminalError] = (),
    ) -> None:
        self.url = "recorded:"
        self.round_trips = 0
        self.pin_requests: list[PinRequest] = []
        self.powered: set[int] = set()
        self._left = {slot: list(rows) for slot, rows in exchanges.items()}
        self._atrs = {slot: bytes.fromhex(text) for slot, text in (atrs or {}).items()}
        self._pins = list(pins)

    @property
    def left(self) -> dict[int, list[tuple[str, str]]]:
        """What was recorded and has not come."""
        return {slot: rows for slot, rows in self._left.items() if rows}

    async def info(self) -> TerminalInfo:
        raise NotImplementedError

    async def slots(self) -> Sequence[Slot]:
        return [
            Slot(
                n,
                SlotState.POWERED if n in self.powered else SlotState.PRESENT,
                0,
                0x11,
                atr if n in self.powered else b"",
            )
            for n, atr in self._atrs.items()
        ]

    async def power_on(self, slot: int, *, voltage: Voltage = Voltage.AUTO, warm: bool = False) -> Power:
        if not self._atrs[slot]:
            raise from_status(Status.MUTE, slot)
        self.powered.add(slot)
        return Power(0, 0x11, Voltage.A_5V, self._atrs[slot])

    async def power_off(self, slot: int) -> None:
        self.powered.discard(slot)

    async def transmit(self, slot: int, apdu: bytes) -> Answer:
        self.round_trips += 1
        return self._next(slot, apdu)

    async def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        self.round_trips += 1
        return run_with(script, lambda apdu: self._next(slot, apdu))

    async def verify_pin(self, slot: int, request: PinRequest) -> PinResult:
        self.pin_requests.append(request)
        result = self._pins.pop(0)
        if isinstance(result, TerminalError):
            raise result
        return result

    async def display(self, *lines: str) -> None:
        raise NotImplementedError

    async def confirm(self, *lines: str, timeout_s: int = 60) -> bool:
        raise NotImplementedError

    async def cancel(self) -> None:
        raise NotImplementedError

    def events(self) -> AsyncIterator[TerminalEvent]:
        raise NotImplementedError

    async def close(self) -> None:
        self.powered.clear()

    def _next(self, slot: int, apdu: bytes) -> Answer:
        rows = self._left[slot]
        assert rows, f"nothing recorded any more, and the host sends {apdu.hex().upper()}"
        command, answer = rows.pop(0)
        assert apdu.hex().upper() == command.replace(" ", "").upper()
        raw = bytes.fromhex(answer)
        return Answer(raw[:-2], int.from_bytes(raw[-2:], "big"))
