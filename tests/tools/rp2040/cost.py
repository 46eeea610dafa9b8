"""What card traffic costs the processor of the emulated RP2040: clocks in which it executes, from the emulator's counter.

The firmware's own turns (server, both slots, log; no transport, keypad or display) on two cards of a kind. What the emulator leaves out makes
these lower bounds: code from flash costs as much as from RAM (no cache, no misses), and nobody contends for the bus.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tools.rp2040 import stock
from tests.tools.rp2040.pico import Pico
from tests.tools.rp2040.repl import Repl
from tests.tools.rp2040.rig import attach
from tournee_sim.cards.bitlevel import Character
from tournee_sim.cards.factory import make_card
from tournee_sim.pki import Pki

_CLOCKS_PER_US = 125
_START = """
import gc, time
from tournee_fw.app import Terminal
from tournee_fw.boards.RPI_PICO_W import pins
from tournee_fw.hal.rp2 import Rp2Board
board = Rp2Board("RPI_PICO_W", pins, [])
terminal = Terminal(board, "bench", "0" * 64)
slots = terminal.slots
outs = [bytearray(300), bytearray(300)]
def finish():
    while slots[0].busy or slots[1].busy:
        terminal.turn()
def on(n):
    for _ in range(3):
        terminal.turn()
    slots[n].power_on(0, False, board.now_ms())
    finish()
    print(slots[n].status)
def apdus(which, text, times):
    data = bytearray(bytes.fromhex(text))
    gc.collect()
    began = time.ticks_us()
    for _ in range(times):
        for n in which:
            slots[n].transmit(data, len(data), memoryview(outs[n]), board.now_ms())
        finish()
    took = time.ticks_us() - began
    print(took, outs[which[0]][:slots[which[0]].apdu.length][-2:].hex())
def ring():
    port = board.slots[0]
    view = memoryview(bytearray(300))
    port.io(1)
    port.rst(1)
    port.etu(512, 32, 0, True)
    print("GO", end="")
    time.sleep_ms(20)
    began = time.ticks_us()
    n = port.read_into(view)
    print("", time.ticks_us() - began, n)
"""
_LONG, _SHORT = 129, 1
_TIMES = 4


@dataclass(frozen=True)
class Kind:
    """A card to read, and how: what selects the file, in hex, and READ BINARY with a place for its length."""

    card: str
    f_d: tuple[int, int]
    selects: tuple[str, ...]
    read: str


VITALE = Kind("vitale-famille", (372, 4), ("00A40000023F00",), "00B08200{:02X}")
"""38 400 bit/s; the identities, SFI 2 of its first application."""
CPS4 = Kind(
    "cps4-t0", (372, 12), ("0070000001", "01A404000DE828BD080F8025000001FF0010", "01A4020C02A001"), "01B00000{:02X}"
)
"""115 200 bit/s; the certificate of signature, by logical channel 1."""


@dataclass(frozen=True)
class Cost:
    byte_us: float  # more for each byte that a READ BINARY gives
    apdu_us: float  # READ BINARY of one byte: nine characters on the line
    both_ratio: float  # time of two long reads at once over that of one


@cache
def ring_us() -> float:
    """A character from the DMA's ring to the port's reader: 256 that came while the processor slept."""
    pico, repl = _bench()
    line = pico.slots[0].line
    sender = attach(pico.chip, line, 512 * 35 / 32)
    repl.begin("ring()")
    repl.heard(b"GO")
    sender.send([Character(byte) for byte in range(256)])
    took, n = repl.end().removeprefix("GO").split()
    assert n == "256"
    return int(took) / int(n)


@cache
def reading(kind: Kind) -> Cost:
    pico, repl = _bench()
    with tempfile.TemporaryDirectory(prefix="tk") as folder:
        pki = Pki(Path(folder))
        for slot in (0, 1):
            card = make_card(kind.card, pki=pki, pin="1234")
            pico.insert(slot, card)
            assert repl.call(f"on({slot})") == "0"
            there = pico.slots[slot].card
            assert there and there.f_d == kind.f_d
        for select in kind.selects:
            repl.call(f"apdus((0, 1), {select!r}, 1)")
        long, short = kind.read.format(_LONG), kind.read.format(_SHORT)
        long_us, short_us = _each(pico, repl, long), _each(pico, repl, short)
        one, both = _took(repl, "(0,)", long), _took(repl, "(0, 1)", long)
    return Cost((long_us - short_us) / (_LONG - _SHORT), short_us, both / one)


def _bench() -> tuple[Pico, Repl]:
    """A board at the REPL with the firmware's loop loaded, no card in it."""
    files = {name: content for name, content in stock.firmware().laid().items() if name != "main.py"}
    pico = Pico(stock.image(), files)
    repl = Repl(pico, "tournee/a")
    repl.call(_START)
    return pico, repl


def _each(pico: Pico, repl: Repl, apdu: str) -> float:
    """Microseconds of processor for one APDU: what several cost more than none."""
    spent = []
    for times in (0, _TIMES):
        before = pico.busy_cycles
        _took(repl, "(0,)", apdu, times)
        spent.append(pico.busy_cycles - before)
    return (spent[1] - spent[0]) / _TIMES / _CLOCKS_PER_US


def _took(repl: Repl, which: str, apdu: str, times: int = _TIMES) -> int:
    """Microseconds until all are answered."""
    took, sw = repl.call(f"apdus({which}, {apdu!r}, {times})").split()
    assert times == 0 or sw == "9000", sw
    return int(took)
