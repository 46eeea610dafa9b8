"""The one blocking door to a terminal and its cards: a loop in a thread, and every call waits for its answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

from tournee.cards.adapters import open_reader
from tournee.cards.desk import Desk
from tournee.cards.model import CpsCard, VitaleCard
from tournee.terminal.model import Answer, PinRequest, PinResult, Power, Slot, StepAnswer, TerminalInfo
from tournee_protocol.link import Voltage

T = TypeVar("T")


class Door:
    """A terminal (or PC/SC readers) with its two cards. Use it in a `with`; methods as `terminal.Reader` and `cards.desk.Desk`."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"tournee {url}", daemon=True)
        self._thread.start()
        try:
            self.reader = self._wait(open_reader(url))
        except BaseException:
            self._stop()
            raise
        self._desk = Desk(self.reader)

    def __enter__(self) -> Door:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session; may be called twice."""
        if self._loop.is_closed():
            return
        try:
            self._wait(self.reader.close())
        finally:
            self._stop()

    # The terminal

    def info(self) -> TerminalInfo:
        return self._wait(self.reader.info())

    def slots(self) -> Sequence[Slot]:
        return self._wait(self.reader.slots())

    def power_on(self, slot: int, *, voltage: Voltage = Voltage.AUTO, warm: bool = False) -> Power:
        return self._wait(self.reader.power_on(slot, voltage=voltage, warm=warm))

    def power_off(self, slot: int) -> None:
        self._wait(self.reader.power_off(slot))

    def transmit(self, slot: int, apdu: bytes) -> Answer:
        return self._wait(self.reader.transmit(slot, apdu))

    def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        return self._wait(self.reader.run_script(slot, script))

    def verify_pin(self, slot: int, request: PinRequest) -> PinResult:
        return self._wait(self.reader.verify_pin(slot, request))

    def display(self, *lines: str) -> None:
        self._wait(self.reader.display(*lines))

    def confirm(self, *lines: str, timeout_s: int = 60) -> bool:
        return self._wait(self.reader.confirm(*lines, timeout_s=timeout_s))

    # The cards

    def practitioner(self) -> CpsCard:
        return self._wait(self._desk.practitioner())

    def open_cps(self) -> CpsCard:
        return self._wait(self._desk.open_cps())

    def patient(self) -> VitaleCard:
        return self._wait(self._desk.patient())

    def patient_rights(self) -> VitaleCard:
        return self._wait(self._desk.patient_rights())

    def sign_cps(self, message: bytes) -> bytes:
        return self._wait(self._desk.sign_cps(message))

    def sign_vitale(self, message: bytes) -> bytes:
        return self._wait(self._desk.sign_vitale(message))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def open(url: str) -> Door:
    """An open door. Raises BadUrl, LinkError or TerminalError, each with its remedy."""
    return Door(url)
