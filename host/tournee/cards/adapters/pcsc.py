"""PC/SC readers (extra `pcsc`): the readers whose names contain the URL's NAME, in the order of the system, are slots 0, 1, …

They cannot run scripts, so this computer does (`cards.script`); they have no keypad we may trust, so the PIN is asked on this
computer, without echo and with a warning. Follows 61xx and 6Cxx, which a T=0 reader hands up.
"""

from __future__ import annotations

import asyncio
import getpass
import importlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from types import ModuleType
from typing import Any, Final

from tournee.cards.script import carries_secret, run_with, well_formed
from tournee.link.errors import LinkUnavailable
from tournee.link.url import Url
from tournee.terminal import events
from tournee.terminal.errors import CardRemoved, OutcomeUnknown, from_status
from tournee.terminal.model import (
    Answer,
    PinRequest,
    PinResult,
    Power,
    Slot,
    SlotChanged,
    StepAnswer,
    TerminalEvent,
    TerminalInfo,
)
from tournee_protocol.link import Op, SlotState, Status, Voltage

AskPin = Callable[[str, int, int], str]
"""Prompt, least and most digits → digits; raises EOFError or KeyboardInterrupt when the person gives up."""
_LINES: Final = 12  # GET RESPONSE rounds of one APDU
WARNING: Final = (
    "Ce lecteur n'a pas de clavier : le code est saisi sur cet ordinateur, qui peut le voir. "
    "Préférez un terminal Tournée."
)


def ask_on_this_computer(prompt: str, least: int, most: int) -> str:
    """Without echo, on the controlling terminal."""
    print(WARNING, file=sys.stderr)
    while True:
        digits = getpass.getpass(f"{prompt} ({least} chiffres) : " if least == most else f"{prompt} : ")
        if digits.isascii() and digits.isdigit() and least <= len(digits) <= most:
            return digits
        print("Des chiffres seulement ; rien n'a été envoyé à la carte.", file=sys.stderr)


class PcscReader:
    """A `terminal.Reader` over pyscard; calls run in a thread, one at a time."""

    def __init__(self, url: str, smartcard: ModuleType, readers: Sequence[Any], ask_pin: AskPin) -> None:
        self.url = url
        self.round_trips = 0
        self._errors = smartcard
        self._readers = list(readers)
        self._connections: dict[int, Any] = {}
        self._ask_pin = ask_pin
        self._lock = asyncio.Lock()
        self._listeners: set[events.Listener] = set()
        self._lines: tuple[str, ...] = ()

    @classmethod
    async def open(cls, url: Url, *, ask_pin: AskPin | None = None) -> PcscReader:
        """Raises LinkUnavailable: pyscard or the daemon is missing, or no reader has that name."""
        smartcard = _library()
        try:
            readers = await asyncio.to_thread(smartcard.System.readers)
        except Exception as exc:  # pyscard has several, by platform
            raise LinkUnavailable(
                "Le service PC/SC ne répond pas.",
                "Démarrez-le (Linux : apt install pcscd, puis systemctl start pcscd).",
            ) from exc
        chosen = [r for r in readers if url.target.casefold() in str(r).casefold()]
        if not chosen:
            names = ", ".join(str(r) for r in readers) or "aucun"
            raise LinkUnavailable(
                f"Aucun lecteur PC/SC ne s'appelle « {url.target} » (lecteurs : {names}).",
                "Branchez le lecteur, puis cherchez son nom : tournee terminal scan.",
            )
        return cls(str(url), smartcard, chosen, ask_pin or ask_on_this_computer)

    @property
    def names(self) -> list[str]:
        """As the system calls the readers, slot by slot."""
        return [str(r) for r in self._readers]

    async def info(self) -> TerminalInfo:
        """What a PC/SC reader can say of itself: its names."""
        name = " + ".join(self.names)
        return TerminalInfo("", "PC/SC", "", "", "none", name, b"", True, 0, 0)

    async def slots(self) -> Sequence[Slot]:
        async with self._lock:
            return [await asyncio.to_thread(self._slot, n) for n in range(len(self._readers))]

    async def power_on(self, slot: int, *, voltage: Voltage = Voltage.AUTO, warm: bool = False) -> Power:
        """`voltage` is the reader's own choice; `warm` resets a connected card."""
        self._reader(slot)
        async with self._lock:
            await asyncio.to_thread(self._drop, slot)
            connection = await asyncio.to_thread(self._new, slot)
            await asyncio.to_thread(self._connect, slot, connection)
            self._connections[slot] = connection
            atr = bytes(connection.getATR())
        return Power(0 if connection.getProtocol() == 1 else 1, 0x11, Voltage.AUTO, atr)

    async def power_off(self, slot: int) -> None:
        self._reader(slot)
        async with self._lock:
            await asyncio.to_thread(self._drop, slot)

    async def transmit(self, slot: int, apdu: bytes) -> Answer:
        if not well_formed(apdu):
            raise from_status(Status.BAD_MESSAGE, slot)
        if carries_secret(apdu):
            raise from_status(Status.FORBIDDEN, slot)
        async with self._lock:
            self.round_trips += 1
            return await asyncio.to_thread(self._exchange, slot, apdu)

    async def run_script(self, slot: int, script: bytes) -> Sequence[StepAnswer]:
        async with self._lock:
            self.round_trips += 1
            return await asyncio.to_thread(run_with, script, lambda apdu: self._exchange(slot, apdu))

    async def verify_pin(self, slot: int, request: PinRequest) -> PinResult:
        """Asks on this computer; the counter is read first, and a last try must be confirmed by typing it again."""
        async with self._lock:
            left = _tries(await asyncio.to_thread(self._exchange, slot, request.header))
            if left == 0:
                raise from_status(Status.PIN_BLOCKED, slot)
            prompt = request.prompt if left != 1 else f"DERNIER ESSAI avant blocage. {request.prompt}"
            try:
                digits = await asyncio.to_thread(self._ask_pin, prompt, request.min_digits, request.max_digits)
            except (EOFError, KeyboardInterrupt):
                raise from_status(Status.CANCELLED, slot) from None
            data = bytearray(digits.encode("ascii"))
            data += bytes([request.pad]) * (request.pad_to - len(data))
            command = bytearray(request.header) + bytes([len(data)]) + data
            self.round_trips += 1
            try:
                answer = await asyncio.to_thread(self._exchange, slot, command)
            except CardRemoved:
                raise OutcomeUnknown(Op.PIN_VERIFY, restarted=False) from None
            finally:
                command[:] = bytes(len(command))
                data[:] = bytes(len(data))
        return PinResult(answer.sw, _tries(answer))

    async def display(self, *lines: str) -> None:
        """No display: kept for `confirm`."""
        self._lines = lines

    async def confirm(self, *lines: str, timeout_s: int = 60) -> bool:
        """Asked on this computer."""
        print("\n".join(lines), file=sys.stderr)
        return (await asyncio.to_thread(input, "Confirmez (o/n) : ")).strip().lower() in ("o", "oui")

    async def cancel(self) -> None:
        """Nothing can be cancelled on a PC/SC reader."""

    def events(self) -> AsyncIterator[TerminalEvent]:
        """Card movements, by asking the readers twice a second (PC/SC has no push that pyscard can await)."""
        return self._watch()

    async def close(self) -> None:
        async with self._lock:
            for slot in list(self._connections):
                await asyncio.to_thread(self._drop, slot)

    async def _watch(self) -> AsyncIterator[TerminalEvent]:
        known = {s.slot: s.state for s in await self.slots()}
        while True:
            await asyncio.sleep(0.5)
            for slot in await self.slots():
                if slot.state is not known.get(slot.slot):
                    known[slot.slot] = slot.state
                    yield SlotChanged(slot.slot, slot.state)

    def _reader(self, slot: int) -> Any:
        if not 0 <= slot < len(self._readers):
            raise from_status(Status.BAD_SLOT, slot)
        return self._readers[slot]

    def _slot(self, number: int) -> Slot:
        """A card of another session, or none, is what a fresh connection says."""
        connection = self._connections.get(number)
        if connection is not None:
            try:
                connection.transmit([0x00, 0xC0, 0x00, 0x00, 0x00])  # harmless: nothing waits for GET RESPONSE
                return Slot(number, SlotState.POWERED, 0, 0x11, bytes(connection.getATR()))
            except self._errors.Exceptions.CardConnectionException:
                self._drop(number)
        probe = self._new(number)
        try:
            probe.connect()
        except self._errors.Exceptions.NoCardException:
            return Slot(number, SlotState.ABSENT, 0, 0, b"")
        except self._errors.Exceptions.CardConnectionException:
            return Slot(number, SlotState.PRESENT, 0, 0, b"")
        finally:
            _release(probe)
        return Slot(number, SlotState.PRESENT, 0, 0, b"")

    def _new(self, slot: int) -> Any:
        try:
            return self._reader(slot).createConnection()
        except self._errors.Exceptions.CardConnectionException as exc:  # it opens a context of its own
            raise _no_service() from exc

    def _connect(self, slot: int, connection: Any) -> None:
        try:
            connection.connect()
        except self._errors.Exceptions.NoCardException:
            _release(connection)
            raise from_status(Status.NO_CARD, slot) from None
        except self._errors.Exceptions.CardConnectionException:
            _release(connection)
            raise from_status(Status.MUTE, slot) from None

    def _drop(self, slot: int) -> None:
        connection = self._connections.pop(slot, None)
        if connection is not None:
            _release(connection)

    def _exchange(self, slot: int, apdu: bytes | bytearray) -> Answer:
        self._reader(slot)
        connection = self._connections.get(slot)
        if connection is None:
            raise from_status(Status.NOT_POWERED, slot)
        try:
            return _follow(connection, apdu)
        except self._errors.Exceptions.CardConnectionException:
            self._drop(slot)
            raise from_status(Status.REMOVED, slot) from None


def _release(connection: Any) -> None:
    """The card and the context of its own that each connection opens: else they stay until some collection of garbage."""
    try:
        connection.release()
    except Exception:  # noqa: S110  card, reader or service may be gone, which is all we wanted
        pass


def _follow(connection: Any, apdu: bytes | bytearray) -> Answer:
    """Transmits and follows 6Cxx and 61xx (ISO 7816-4 §5.3.4)."""
    data, sw1, sw2 = connection.transmit(list(apdu))
    out = bytearray(data)
    if sw1 == 0x6C:
        data, sw1, sw2 = connection.transmit([*apdu[:4], sw2])
        out = bytearray(data)
    for _ in range(_LINES):
        if sw1 != 0x61:
            break
        data, sw1, sw2 = connection.transmit([apdu[0] & 0x03, 0xC0, 0x00, 0x00, sw2])
        out += bytes(data)
    return Answer(bytes(out), sw1 << 8 | sw2)


def _tries(answer: Answer) -> int | None:
    if answer.sw == 0x6983:
        return 0
    return answer.sw & 0x0F if answer.sw >> 4 == 0x63C else None


def _no_service() -> LinkUnavailable:
    return LinkUnavailable(
        "Le service PC/SC ne répond pas.", "Démarrez-le (Linux : apt install pcscd, puis systemctl start pcscd)."
    )


def _library() -> ModuleType:
    try:
        importlib.import_module("smartcard.System")
        importlib.import_module("smartcard.Exceptions")
        return importlib.import_module("smartcard")
    except ImportError as exc:
        raise LinkUnavailable(
            "Les lecteurs PC/SC ne sont pas installés avec ce logiciel.",
            "Installez-les : pip install 'tournee[pcsc]' (Linux : apt install pcscd libpcsclite-dev swig gcc).",
        ) from exc
