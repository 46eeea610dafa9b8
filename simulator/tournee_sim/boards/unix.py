"""The board `unix`: our firmware in a real MicroPython process, with two card slots, keypad, display and a link.

`async with UnixBoard(BoardConfig(...)) as board: board.url`. The process has a group of its own and dies with the simulator.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tournee_protocol.iobus import KEY_CANCEL, KEY_CORRECT, KEY_OK
from tournee_sim.boards.bus import SLOTS, BoardBus
from tournee_sim.boards.ccid import READERS, CcidBridge
from tournee_sim.boards.link import FrameCounter, LinkBridge, PtyPort, TcpPort, Traffic
from tournee_sim.boards.process import BoardError, FirmwareProcess, find_firmware, find_micropython
from tournee_sim.boards.watch import StateWatch
from tournee_sim.cards.core import Card
from tournee_sim.cards.factory import make_card, random_pin
from tournee_sim.cards.t0 import ByteCard
from tournee_sim.cards.tpdu import TpduCard
from tournee_sim.control import RUNTIME_PREFIX
from tournee_sim.faults import CardFault, CardFaults, Fault, FaultError, LinkFault
from tournee_sim.pki import Pki
from tournee_sim.trace import Trace

if TYPE_CHECKING:
    from tournee_sim.boards.usb import UsbPort

__all__ = ["BoardConfig", "BoardError", "UnixBoard", "find_firmware", "find_micropython", "prompted_keys"]

_KEYS: Final = {"\r": KEY_OK, "\n": KEY_OK, "\x1b": KEY_CANCEL, "\b": KEY_CORRECT, "\x7f": KEY_CORRECT}


@dataclass(frozen=True)
class BoardConfig:
    """How a terminal is set up. `cps` and `vitale` are card ids for slots 0 and 1, None leaves the slot empty.

    `link`: tcp, pty, ble or, on the board stock, usb (a cable into QEMU: `boards.usb`); `pace`: fast or real;
    `state`: directory of what cards and terminal remember (None: a temporary one);
    `keys`: directory of test keys (None: TOURNEE_TEST_KEYS, else inside `state`); `pin`: code porteur of the day (None: random);
    `hci`: URL of a radio hub that already runs (None: an own one); `trace`: file of the APDU trace; `seed` fixes what cards draw;
    `board`: unix (MicroPython as a process, with `heap`), qemu or renode (Cortex-M3, the image's heap, no radio) or stock (no firmware yet);
    `pcsc`: the terminal is also this serial reader of libccid (`boards.ccid.READERS`), behind `ttyCCID` in the state;
    `watch`: what is done to the terminal can wait for a state of one of its machines (`boards.watch`); unix only.
    """

    name: str = "Tournee-0001"
    cps: str | None = "cps-medecin"
    vitale: str | None = "vitale-famille"
    link: str = "tcp"
    tcp_port: int = 0
    pace: str = "fast"
    state: Path | None = None
    keys: Path | None = None
    pin: str | None = None
    auto_pin: bool = False
    hci: str | None = None
    trace: Path | None = None
    seed: int | None = None
    heap: str = "320k"
    board: str = "unix"
    pcsc: str | None = None
    watch: bool = False


class UnixBoard:
    """One running terminal."""

    def __init__(self, config: BoardConfig | None = None) -> None:
        self.config = config or BoardConfig()
        self.pin = self.config.pin or random_pin()
        self.seed = self.config.seed
        self.watch = StateWatch() if self.config.watch else None
        self.bus = BoardBus(self.config.pace)
        self.link: LinkBridge | None = None
        self.ccid: CcidBridge | None = None
        self.url = ""
        self.on_change: Callable[[], None] = lambda: None
        self._runtime: Path | None = None
        self._firmware: FirmwareProcess | None = None
        self._arguments: dict[str, str] = {}
        self._stock: Any = None
        self.usb: UsbPort | None = None
        self._radio: Any = None
        self._hub: Any = None
        self._notified = FrameCounter()
        self._kill: tuple[str, int] | None = None
        self._killing: asyncio.Task[Any] | None = None
        self._prompted = ""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Condition()
        self.trace = Trace(self.config.trace, self.bus.now_ms)
        self.bus.on_display = self._on_display
        self.bus.on_removed = self._on_removed

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Cards in, sockets open, firmware running and connected; raises BoardError."""
        try:
            self._runtime = Path(tempfile.mkdtemp(prefix=RUNTIME_PREFIX))
            self._prepare_state()
            for slot, card_id in enumerate((self.config.cps, self.config.vitale)):
                if card_id:
                    self._put(slot, card_id)
            self._arguments = await self.bus.start(self.runtime)
            self._arguments |= {"name": self.config.name, "state": str(self.state)}
            await self._start_link()
            await self._start_ccid()
            if self.watch:
                self._arguments |= await self.watch.start(self.runtime)
            await self._power_on()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Power off; nothing survives."""
        await self.kill()
        for task in self._tasks:
            task.cancel()
        if self._radio:
            await self._radio.close()
        if self._hub:
            await self._hub.close()
        if self.usb:
            await self.usb.stop()
        elif self._stock:
            self._stock.close()
        for bridge in (self.link, self.ccid, self.watch):
            if bridge:
                await bridge.close()
        await self.bus.close()
        self.trace.close()
        if self._runtime:
            shutil.rmtree(self._runtime, ignore_errors=True)
            self._runtime = None

    async def kill(self) -> None:
        """Power cut of the terminal, in whatever it does."""
        if self._firmware and await self._firmware.kill():
            self.trace.event("terminal-off")

    async def died(self) -> None:
        """Wait until the terminal is off, e.g. by a fault."""
        if self._firmware:
            await self._firmware.died()

    async def restart(self) -> None:
        """Power on again after `kill`; a power cut that was on its way comes first."""
        if self._killing:
            await self._killing
        await self.kill()
        await self._power_on()

    @property
    def runtime(self) -> Path:
        """Short-lived directory of the sockets; raises BoardError before `start`."""
        if self._runtime is None:
            raise BoardError("the terminal was not started")
        return self._runtime

    @property
    def running(self) -> bool:
        return self._firmware is not None and self._firmware.running

    # Slots, keypad, display

    def insert(self, slot: int, card_id: str) -> None:
        """Put a card of the catalogue in an empty slot; raises UnknownCard or BoardError. The board learns of it: `settled`."""
        self._check_slot(slot)
        if self.bus.lines[slot].card:
            raise BoardError(f"slot {slot} holds {self.card(slot).id}; pull it first")
        self._put(slot, card_id)
        self.bus.present(slot, True)
        self.trace.event("insert", slot=slot, card=card_id)

    def pull(self, slot: int) -> str:
        """Take the card out, at once; gives its id, raises BoardError when the slot is empty."""
        self._check_slot(slot)
        card = self.bus.lines[slot].remove()
        if card is None:
            raise BoardError(f"slot {slot} is empty")
        self.bus.present(slot, False)
        self.trace.event("pull", slot=slot, card=card.tpdu.card.id)
        return card.tpdu.card.id

    async def settled(self) -> None:
        """Wait until the terminal has noticed the cards that came and went; between a pull and an insert, as fingers need it."""
        await self.bus.settled()

    def card(self, slot: int) -> Card:
        """The card in the slot; raises BoardError when it is empty."""
        self._check_slot(slot)
        card = self.bus.lines[slot].card
        if card is None:
            raise BoardError(f"slot {slot} is empty")
        return card.tpdu.card

    def type(self, keys: str) -> None:
        """Keypad: digits, \\r OK, \\x1b cancel, \\b correct; raises BoardError for another character."""
        codes = bytearray()
        for key in keys:
            if not (key.isascii() and key.isdigit()) and key not in _KEYS:
                raise BoardError(f"no key {key!r}; there are 0-9, OK (\\r), cancel (\\x1b) and correct (\\b)")
            codes.append(_KEYS.get(key, ord(key)))
        self.bus.keys(bytes(codes))

    @property
    def display(self) -> list[str]:
        """Four lines of 20 characters."""
        return list(self.bus.display)

    async def wait_display(self, wanted: Callable[[list[str]], bool], timeout_s: float = 20.0) -> list[str]:
        """The display once it is as `wanted`; raises TimeoutError."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: wanted(self.bus.display)), timeout_s)
        return self.display

    async def memory(self) -> bytes:
        """All RAM of the terminal as it is now; only the board `qemu` can be looked into. Raises BoardError."""
        from tournee_sim.boards.qemu import QemuProcess

        if not isinstance(self._firmware, QemuProcess):
            raise BoardError(f"the memory of the board {self.config.board} cannot be read: use --board qemu")
        return await self._firmware.memory()

    # Faults and figures

    def fault(self, fault: Fault, slot: int = 0) -> None:
        """Arm a fault; raises FaultError or BoardError."""
        self.trace.event("fault", kind=str(fault.kind), slot=slot, after=fault.after, count=fault.count)
        if fault.kind is LinkFault.CUT:
            if self.link is None:
                raise BoardError("this terminal has no wired link; use the faults of the radio (tournee sim air)")
            self.link.cut(fault.direction, fault.after)
        elif fault.kind is LinkFault.KILL:
            if fault.after == 0:
                self._spawn_task(self.kill())
            else:
                self._kill = (fault.direction, fault.after)
        elif fault.kind is CardFault.PULL:
            self._check_slot(slot)
            self.bus.lines[slot].arm_pull(fault.after)
        elif fault.kind is CardFault.BLOCKED:
            self.card(slot).memory.store(tries_left=0)
        else:
            self._faults(slot).arm(fault)

    def air(self, words: list[str]) -> dict[str, Any]:
        """A fault of the radio (`tournee_sim.radio.faults`: jam, drop, loss, stats); raises FaultError or BoardError."""
        from tournee_sim.radio import faults

        if self._hub is None:
            raise BoardError(
                "this terminal has no radio of its own; start it with --link ble, or use `tournee sim air`"
            )
        self.trace.event("air", words=words)
        try:
            return faults.apply(self._hub, words)
        except faults.FaultError as exc:
            raise FaultError(str(exc)) from exc

    def renew(self, seed: int, pin: str, trace: Trace) -> None:
        """Another session on the same terminal: both slots empty, cards as new, another code, another trace."""
        for slot in range(SLOTS):
            if self.bus.lines[slot].card:
                self.pull(slot)
        self.clear_faults()
        shutil.rmtree(self.state / "cards", ignore_errors=True)
        self.seed, self.pin, self.trace = seed, pin, trace

    def clear_faults(self) -> None:
        for line in self.bus.lines:
            if line.card:
                line.card.faults.clear()
        self._kill = None

    def counters(self) -> dict[str, Any]:
        """Figures since the start: link (`Traffic`), APDUs, and per slot what its card counted and its bytes."""
        cards = {n: line.card.tpdu.card.memory.snapshot() for n, line in enumerate(self.bus.lines) if line.card}
        card_bytes = {n: {"to_card": line.to_card, "to_board": line.to_board} for n, line in enumerate(self.bus.lines)}
        link = asdict(self.link.traffic if self.link else self._air_traffic())
        return (
            {"apdus": self.trace.apdus, "simulated_ms": round(self.bus.now_ms())}
            | link
            | {"cards": cards, "card_bytes": card_bytes}
        )

    def status(self) -> dict[str, Any]:
        """What a person wants to see of the terminal."""
        return {
            "name": self.config.name,
            "url": self.url,
            "running": self.running,
            "slots": [line.card.tpdu.card.id if line.card else None for line in self.bus.lines],
            "display": self.display,
            "counters": self.counters(),
        }

    # Private

    def _air_traffic(self) -> Traffic:
        """The same figures for the radio, whose frames to the terminal are not seen here."""
        if self._radio is None:
            return Traffic()
        frames, stats = self._notified, self._radio.stats
        return Traffic(stats.bytes_out, stats.bytes_in, frames.frames, 0, frames.responses)

    def _prepare_state(self) -> None:
        self.state = self.config.state or self.runtime / "state"
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = self.config.keys or (None if os.environ.get("TOURNEE_TEST_KEYS") else self.state / "keys")
        self.pki = Pki(keys)

    async def _start_link(self) -> None:
        if self.config.link == "ble":
            await self._start_radio(self.runtime)
            return
        if self.config.board == "stock":
            from tournee_sim.boards.stock import StockPort

            if self.config.link == "usb":
                from tournee_sim.boards.usb import UsbPort

                self._stock = self.usb = UsbPort(self.state / "tty", self.config.name)
                self._arguments |= await self.usb.start(self.runtime)
            else:
                self._stock = StockPort(self.state / "tty")
            self.url = self._stock.url
            return
        if self.config.link not in ("tcp", "pty"):
            raise BoardError(f"no link {self.config.link!r}; there are tcp, pty and ble")
        port = TcpPort(self.config.tcp_port) if self.config.link == "tcp" else PtyPort(self.state / "tty")
        self.link = LinkBridge(port)
        self.link.on_frame = self._on_frame
        self._arguments |= await self.link.start(self.runtime)
        self.url = port.url

    async def _start_ccid(self) -> None:
        if self.config.pcsc is None:
            return
        if self.config.pcsc not in READERS:
            raise BoardError(f"no reader {self.config.pcsc!r}; there are {', '.join(READERS)}")
        self.ccid = CcidBridge(self.state / "ttyCCID", self.config.pcsc)
        self._arguments |= await self.ccid.start(self.runtime)

    async def _start_radio(self, runtime: Path) -> None:
        from tournee_sim.radio.air import PHONE, AirConfig
        from tournee_sim.radio.host import RadioHost, static_address
        from tournee_sim.radio.hub import AirHub

        hci = self.config.hci
        if hci is None:
            self._hub = AirHub(PHONE if self.config.pace == "real" else AirConfig())
            (hci,) = await self._hub.listen("tcp:127.0.0.1:0")
        self._radio = RadioHost(runtime / "ble", hci, address=static_address(self.config.name))
        self._radio.on_notified = self._notified.feed
        await self._radio.start()
        self._arguments["ble"] = f"unix:{runtime / 'ble'}"
        self.url = f"ble:{self.config.name}?hci={hci}"

    async def _power_on(self) -> None:
        """Start the firmware and wait until it is connected; raises BoardError with the end of its log."""
        if self._firmware is None:
            self._firmware = self._process(self.state / "firmware.log")
        if self._stock:
            await self._firmware.start(self._arguments, ())
            return
        connected = [self.bus.connected] + [each.connected for each in (self.link, self.ccid, self.watch) if each]
        await self._firmware.start(self._arguments, connected)
        self.trace.event("terminal-on")

    def _process(self, log: Path) -> FirmwareProcess:
        if self.config.board == "unix":
            return FirmwareProcess(log, self.config.heap)
        if self.config.board == "qemu":
            from tournee_sim.boards.qemu import QemuProcess

            return QemuProcess(log)
        if self.config.board == "renode":
            from tournee_sim.boards.renode import RenodeProcess

            return RenodeProcess(log)
        if self._stock is not None:
            from tournee_sim.boards.stock import StockProcess

            return StockProcess(log, self.config.heap, self._stock, self.state / "flash")
        raise BoardError(f"no board {self.config.board!r}; there are unix, qemu, renode and stock")

    def _put(self, slot: int, card_id: str) -> None:
        card = make_card(card_id, pki=self.pki, pin=self.pin, state=self.state / "cards")
        if self.seed is not None:
            card.random = random.Random(f"{self.seed} {card_id}").randbytes
        tpdu = TpduCard(card, lambda header, sent, answer: self.trace.exchange(slot, card.id, header, sent, answer))
        self.bus.lines[slot].insert(ByteCard(tpdu, CardFaults()))

    def _faults(self, slot: int) -> CardFaults:
        self.card(slot)
        line = self.bus.lines[slot].card
        assert line is not None
        return line.faults

    def _check_slot(self, slot: int) -> None:
        if not 0 <= slot < SLOTS:
            raise BoardError(f"no slot {slot}; there are 0 and 1")

    def _on_display(self, lines: list[str]) -> None:
        self._spawn_task(self._tell())
        self.on_change()
        if self.config.auto_pin:
            keys = prompted_keys(lines, self.pin)
            if keys and keys != self._prompted:
                self.type(keys)
            self._prompted = keys

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _on_removed(self, slot: int) -> None:
        self.pull(slot)
        self.on_change()

    def _on_frame(self, direction: str, count: int) -> None:
        if self._kill is None or self._kill[0] not in (direction, "any"):
            return
        wanted, left = self._kill
        self._kill = (wanted, left - 1)
        if left <= 1:
            self._kill = None
            self._killing = self._spawn_task(self.kill())

    def _spawn_task(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def prompted_keys(lines: list[str], pin: str) -> str:
    """What `--auto-pin` types at a display: the code where one is asked for, OK before a last try, else nothing."""
    keys = lines[3].replace(" ", "").casefold()
    if "ok=valider" in keys:
        return pin + "\r"
    return "\r" if "ok=essayer" in keys else ""
