"""Named checks of a terminal by its host: OK, SKIPPED or FAILED, each with what was measured and one remedy. English."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tournee.terminal.client import Terminal
from tournee.terminal.errors import Cancelled, KeypadTimeout, TerminalError
from tournee.terminal.model import Power, TerminalInfo
from tournee_protocol.link import SlotState, Voltage

OK, SKIPPED, FAILED = "OK", "SKIPPED", "FAILED"
APDUS: Final = 1000
_SELECT_MF: Final = bytes.fromhex("00A4000C023F00")
"""SELECT of the master file [SPEC ISO 7816-4 §11.1.1]: every card answers it, whatever its status word, and nothing is changed."""
_HEAP_MIN: Final = 16 * 1024
_CLOCK_LOOK_S: Final = 2.0
_CLOCK_OFF: Final = 0.02
_BATTERY_LOW: Final = 15
_CLASSES: Final = {Voltage.A_5V: "A (5 V)", Voltage.B_3V: "B (3 V)", Voltage.C_1V8: "C (1.8 V)"}
_TA1_DEFAULT: Final = 0x11


@dataclass(frozen=True)
class Check:
    """`slot` None: of the whole terminal."""

    name: str
    verdict: str
    detail: str
    remedy: str = ""
    slot: int | None = None


class Wait(Protocol):
    """Sleeps on the host's clock and gives the seconds that went by on it."""

    def __call__(self, seconds: float, /) -> Awaitable[float]: ...


Progress = Callable[[int, int], None]
"""(APDUs done, APDUs in all) of one slot."""


async def run(
    terminal: Terminal,
    manifests: Sequence[str],
    wait: Wait,
    *,
    slots: Sequence[int] | None = None,
    person: bool = False,
    said: Progress = lambda done, of: None,
) -> AsyncIterator[Check]:
    """`manifests`: hashes of the firmware files that this host would flash; `person`: somebody reads the display and types."""
    info = await terminal.info()
    yield _flash(info, manifests)
    yield _heap(info)
    async for check in _measured(terminal, wait):
        yield check
    for slot in await terminal.slots():
        if slots is not None and slot.slot not in slots:
            continue
        if slot.state is SlotState.ABSENT:
            yield Check("card", SKIPPED, "no card", "Insert any smart card and run it again.", slot.slot)
            continue
        async for check in _card(terminal, slot.slot, said):
            yield check
    yield await _display_and_keypad(terminal, person)


def _flash(info: TerminalInfo, manifests: Sequence[str]) -> Check:
    short = f"firmware {info.firmware} on {info.board}, files {info.manifest[:12]}"
    if not manifests:
        return Check("flash", SKIPPED, f"{short}: nothing to compare with", "pip install 'tournee[flash]'")
    if info.manifest in manifests:
        return Check("flash", OK, f"{short}: as this host would flash them")
    return Check("flash", FAILED, f"{short}: other files than this host's", "Flash it: tournee flash.")


def _heap(info: TerminalInfo) -> Check:
    free = f"{info.free_heap_bytes} bytes free"
    if info.free_heap_bytes >= _HEAP_MIN:
        return Check("heap", OK, free)
    return Check(
        "heap",
        FAILED,
        f"{free}, {_HEAP_MIN} wanted",
        "Switch the terminal off and on; if it stays, report it with its log.",
    )


async def _measured(terminal: Terminal, wait: Wait) -> AsyncIterator[Check]:
    try:
        first = await terminal.diagnosis()
    except TerminalError:
        yield Check("clock", SKIPPED, "this firmware does not tell its clock", "Flash it: tournee flash.")
        return
    passed_s = await wait(_CLOCK_LOOK_S)
    second = await terminal.diagnosis()
    there_s = ((second["clock_ms"] - first["clock_ms"]) & 0x3FFFFFFF) / 1000
    off = there_s / passed_s - 1
    text = f"{there_s:.3f} s in {passed_s:.3f} s of this host ({off:+.1%}); cards are clocked at {first['card_clock_khz']} kHz"
    good = abs(off) <= _CLOCK_OFF and 1000 <= first["card_clock_khz"] <= 5000
    yield Check(
        "clock", OK if good else FAILED, text, "" if good else "Check the crystal and the board's machine.freq."
    )
    percent = second.get("battery_percent", -1)
    if percent < 0:
        yield Check("battery", SKIPPED, "this board has no gauge")
    elif percent < _BATTERY_LOW:
        yield Check("battery", FAILED, f"{percent} %", "Charge it.")
    else:
        yield Check("battery", OK, f"{percent} %")


async def _card(terminal: Terminal, slot: int, said: Progress) -> AsyncIterator[Check]:
    powered: dict[Voltage, Power] = {}
    refused: dict[Voltage, str] = {}
    for voltage in _CLASSES:
        try:
            powered[voltage] = await terminal.power_on(slot, voltage=voltage)
        except TerminalError as exc:
            refused[voltage] = exc.code
        await terminal.power_off(slot)
    told = ", ".join(_CLASSES[v] + (" answers" if v in powered else f" {refused[v]}") for v in _CLASSES)
    if not powered:
        remedy = "Clean the chip, turn the card, try another card; then measure VCC and CLK at the socket."
        yield Check("voltage", FAILED, told, remedy, slot)
        return
    yield Check("voltage", OK, told, slot=slot)
    power = await terminal.power_on(slot)
    yield Check("atr", OK, power.atr.hex(" ").upper(), slot=slot)
    yield _pps(power, slot)
    yield await _apdus(terminal, slot, said)
    await terminal.power_off(slot)


def _pps(power: Power, slot: int) -> Check:
    offered = _ta1(power.atr)
    text = f"T={power.protocol}, F/D {power.fidi:02X}, the card offers {offered:02X}"
    if power.fidi == offered:
        return Check("pps", OK, text, slot=slot)
    if power.fidi == _TA1_DEFAULT:
        return Check("pps", OK, f"{text}: the card or the terminal keeps to the default", slot=slot)
    return Check("pps", FAILED, text, "Report it with the ATR.", slot)


async def _apdus(terminal: Terminal, slot: int, said: Progress) -> Check:
    words: dict[int, int] = {}
    for n in range(APDUS):
        try:
            answer = await terminal.transmit(slot, _SELECT_MF)
        except TerminalError as exc:
            remedy = "Clean the chip and the contacts, then run it again; see tournee terminal log."
            return Check("apdus", FAILED, f"{exc.code} at APDU {n + 1} of {APDUS}", remedy, slot)
        words[answer.sw] = words.get(answer.sw, 0) + 1
        said(n + 1, APDUS)
    told = ", ".join(f"{count} × {sw:04X}" for sw, count in sorted(words.items()))
    if len(words) == 1:
        return Check("apdus", OK, told, slot=slot)
    return Check(
        "apdus", FAILED, f"one command, several answers: {told}", "Try another card; then check the contacts.", slot
    )


async def _display_and_keypad(terminal: Terminal, person: bool) -> Check:
    name = "keypad, display"
    if not person:
        return Check(name, SKIPPED, "nobody is asked", "Run it at a terminal, with --person.")
    try:
        pressed = await terminal.confirm(
            "AUTOTEST", "0123456789ABCDEFGHIJ", "lisible ?", "OK = oui, C = non", timeout_s=30
        )
    except KeypadTimeout:
        return Check(name, FAILED, "no key in 30 s", "Check the keypad's rows and columns against the pin map.")
    except Cancelled:
        pressed = False
    if pressed:
        return Check(name, OK, "read and confirmed")
    return Check(name, FAILED, "a person said that it cannot be read", "Check the display's contrast and its wires.")


def _ta1(atr: bytes) -> int:
    return atr[2] if len(atr) > 2 and atr[1] & 0x10 else _TA1_DEFAULT
