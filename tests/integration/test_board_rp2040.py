"""MicroPython's image for the Raspberry Pi Pico on an emulated RP2040, with our firmware in its file system: a home visit on its pins.

The image is the one that RP2_UF2 names (1.24 or later), else MicroPython's port rp2 built from Debian's sources (`building.stock`).
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.tools.rp2040 import stock
from tests.tools.rp2040.image import ImageChip
from tests.tools.rp2040.micropython import modules
from tests.tools.rp2040.pico import Pico
from tests.tools.rp2040.repl import Repl
from tests.tools.rp2040.rig import attach
from tests.tools.rp2040.served import Served
from tournee.cards import cps, vitale
from tournee.cards.driver import run
from tournee.flash import fileset
from tournee.flash.adapters import board as boards
from tournee.flash.adapters.serialports import Port
from tournee.link.adapters import transport
from tournee.terminal.client import Terminal
from tournee.terminal.line import Patience
from tournee_sim.boards.link import PtyPort, TcpPort
from tournee_sim.cards.bitlevel import Character
from tournee_sim.cards.factory import make_card
from tournee_sim.pki import Pki

SOAK = bool(os.environ.get("TOURNEE_SOAK"))
PIN = "1234"
NAME = "Tournee-0042"
BUSY, ASLEEP = [0xE7FE], [0xBF30, 0xE7FD]  # b . and wfi; b .-2
SLOW = Patience(silence_ms=600_000)
"""A chip that takes ten seconds for one of its own."""


@pytest.mark.parametrize("program", [BUSY, ASLEEP], ids=["busy", "asleep"])
def test_the_wires_hold_whether_the_processor_works_or_sleeps(program: list[int]) -> None:
    """No image: the HAL's card port by registers, beside a processor that spins or sleeps; errors both ways."""
    chip = ImageChip(program=program)
    with modules(chip) as firmware:
        port_module = firmware.load("tournee_fw.hal.pioport")
        line = chip.connect(2)
        port = port_module.PioPort(0, 2, 3, 4, None, chip.hz, 3_571_428)
        card = attach(chip, line, 13020)
        port.io(1)
        port.rst(1)
        port.etu(372, 1, 0, True)
        card.send([Character(0x3B), Character(0xA5, spoilt=2), Character(0x00), Character(0xFF)], after_etu=5)
        chip.run(13020 * 100)
        buffer = bytearray(20)
        assert bytes(buffer[: port.read_into(memoryview(buffer))]) == b"\x3b\xa5\x00\xff"
        card.refuse.extend([0, 1, 0])
        port.write(b"\x00\xa4\x04", 3)
        chip.run(13020 * 80)
        assert (bytes(card.received), card.faults, port.damaged(), port.refused()) == (b"\x00\xa4\x04", [], 0, 0)


def terminal_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pico:
    """A Pico with the whole firmware as `tournee flash` lays it, started by its main.py; with TOURNEE_SOAK=1 an empty one that is flashed."""
    pico = Pico(stock.image(), {} if SOAK else stock.firmware().laid(name=NAME))
    if SOAK:
        pico.until(lambda: pico.connected, 1000)
        flash(pico, tmp_path / "ttyPico", monkeypatch)
    pico.until(lambda: pico.display.lines[0] == NAME, 10_000)
    return pico


def flash(pico: Pico, port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tournee flash` over USB: files by the raw REPL, its own reset, and the terminal answers on the port that it makes."""
    settings = fileset.settings_of
    # An image without radio says "Pico" only.
    monkeypatch.setattr(fileset, "settings_of", lambda board: settings(board) | {"machine": "Raspberry Pi Pico"})
    monkeypatch.setattr(boards, "_START_S", 600.0)  # of a chip that takes ten seconds for one

    async def main() -> boards.Done:
        async with Served(pico, PtyPort(port)) as served:
            there = Port(served.url.removeprefix("serial:"), "")
            put = partial(boards.flash, there, board="RPI_PICO_W", name=NAME, erase=False, dry_run=False)
            return await asyncio.to_thread(put, said=lambda stage, done, of: None)

    done = asyncio.run(main())
    assert (done.name, done.manifest, done.up_to_date) == (NAME, stock.firmware().manifest, False)


@pytest.mark.xdist_group("qemu")
@pytest.mark.timeout(1800)
def test_a_visit_by_the_whole_firmware_in_a_pico(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's client over USB: ATR of both cards and PPS, a Vitale's identity, the PIN on the keypad, a CPS's signature."""
    pico = terminal_of(tmp_path, monkeypatch)
    for slot, card_id in enumerate(("cps-medecin", "vitale-famille")):
        pico.insert(slot, make_card(card_id, pki=Pki(keys), pin=PIN))
    pico.until(lambda: pico.display.lines[1:3] == ["Carte 1 : inseree", "Carte 2 : inseree"], 1000)
    prompted: list[str] = []
    rates: dict[int, tuple[int, int]] = {}

    def person() -> None:
        """Types when asked, as the display says."""
        if not prompted and pico.display.lines[0] == cps.PROMPT:
            prompted.extend(pico.display.lines)
            pico.press(PIN + "\r")

    async def powered(terminal: Terminal, slot: int) -> bytes:
        atr = (await terminal.power_on(slot)).atr
        card = pico.slots[slot].card
        assert card is not None
        rates[slot] = card.f_d
        return atr

    async def main() -> None:
        async with (
            Served(pico, TcpPort(), person) as served,
            Terminal(transport(served.url), os.urandom(8), patience=SLOW) as terminal,
        ):
            info = await terminal.info()
            assert (info.board, info.name, info.manifest) == ("RPI_PICO_W", NAME, stock.firmware().manifest)
            patient = await run(terminal, {"vitale": 1}, vitale.read_public(await powered(terminal, 1)))
            assert len(patient.beneficiaires) == 5
            practitioner = await run(terminal, {"cps": 0}, cps.read_public(await powered(terminal, 0)))
            await run(terminal, {"cps": 0}, cps.verify())
            message = b"SVSIM1F" + bytes(41)
            signature = await run(terminal, {"cps": 0}, cps.sign(message))
            key = x509.load_der_x509_certificate(practitioner.certificat_signature or b"").public_key()
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]

    asyncio.run(main())
    assert prompted
    assert rates == {1: (372, 4), 0: (372, 1)}  # by PPS, and of a card that offers no more
    assert not [fault for slot in pico.slots for fault in slot.bits.faults]


BOARD = """
import gc, time
from tournee_fw.hal.rp2 import Rp2Board
from tournee_fw.boards.RPI_PICO_W import pins
board = Rp2Board("RPI_PICO_W", pins, [])
port = board.slots[0]
buffer = bytearray(300)
def listen(f, d):
    port.io(1)
    port.rst(1)
    port.etu(f, d, 0, True)
    print("GO", end="")
    most, n, view = 0, 0, memoryview(buffer)
    end = time.ticks_ms() + 600
    while n < 256 and time.ticks_ms() < end:
        a = time.ticks_us()
        while time.ticks_us() - a < 20000:
            gc.collect()
        most = max(most, time.ticks_us() - a)
        n += port.read_into(view[n:])
    print("", most, port.damaged(), buffer[:n].hex())
"""
GARBAGE = """
gc.disable()
keep = []
took = 0
while took < 9000:
    keep.append([bytearray(1) for _ in range(400)])
    a = time.ticks_us()
    gc.collect()
    took = time.ticks_us() - a
print(took)
"""


@pytest.mark.xdist_group("qemu")
@pytest.mark.timeout(1800)
def test_no_character_is_lost_while_micropython_collects_garbage() -> None:
    """256 characters in a row at 223 000 bit/s, while it collects for 20 ms, again and again; no time-out of the firmware's is in play.

    With TOURNEE_SOAK=1 also 9 600 bit/s, and a live heap of which one collection takes 9 ms.
    """
    files = {name: content for name, content in stock.firmware().laid().items() if name != "main.py"}
    pico = Pico(stock.image(), files)
    repl = Repl(pico, "tournee/a")
    repl.call(BOARD)
    if SOAK:
        assert int(repl.call(GARBAGE)) >= 9_000  # µs of one collection
    line = pico.slots[0].line
    for f, d in [(372, 1), (512, 32)] if SOAK else [(512, 32)]:
        sender = attach(pico.chip, line, f * 35 / d)
        repl.begin(f"listen({f}, {d})")
        repl.heard(b"GO")
        sender.send([Character(byte) for byte in range(256)])
        pause_us, damaged, received = repl.end().removeprefix("GO").split()
        assert int(pause_us) >= 20_000
        assert (int(damaged), bytes.fromhex(received), sender.faults) == (0, bytes(range(256)), [])
        line.watchers.remove(sender.level)
