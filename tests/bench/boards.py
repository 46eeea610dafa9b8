"""What a board gets and what flashing it costs: sizes of the file sets, the PIO's words, time over a pseudo terminal.

The processor's time is that of an emulated RP2040 at 125 MHz with MicroPython's image in it (`tests.tools.rp2040.cost`): lower bounds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.registry import Unavailable, bench
from tournee.flash import fileset
from tournee.flash.adapters import board as boards
from tournee.flash.adapters import cross
from tournee.flash.adapters.serialports import Port

_PIO_WORDS = 32
"""Instructions of one PIO block [SPEC RP2040 datasheet §3.2]."""


@bench("boards", "file set of RPI_PICO_W", "bytes", better="lower", reach=128 * 1024)
def pico_bytes() -> float:
    return fileset.make("RPI_PICO_W", cross.compiled).size


@bench("boards", "file set of NUCLEO_WB55, half of its file system", "bytes", better="lower", reach=128 * 1024)
def nucleo_bytes() -> float:
    return fileset.make("NUCLEO_WB55", cross.compiled).size


@bench("boards", "PIO words of the card UART, both slots", "words", better="lower", reach=_PIO_WORDS)
def pio_words() -> float:
    from tests.tools.rp2040.chip import Chip
    from tests.tools.rp2040.micropython import modules

    with modules(Chip()) as firmware:
        return len(firmware.load("tournee_fw.hal.pio7816").uart[0])


@bench("boards", "flash of an empty board over a pty, until it answers", "s", better="lower")
def flash_s() -> float:
    return _flashes()[0]


@bench("boards", "flash of a board that has it already", "s", better="lower")
def again_s() -> float:
    return _flashes()[1]


@bench("boards", "CPU time per card byte on the emulated RP2040", "µs", better="lower")
def byte_us() -> float:
    """At 38 400 bit/s, where a character takes 312 µs."""
    return _measured(lambda cost: cost.reading(cost.VITALE).byte_us)


@bench("boards", "CPU time per card byte on the emulated RP2040, 115 200 bit/s", "µs", better="lower")
def fast_byte_us() -> float:
    return _measured(lambda cost: cost.reading(cost.CPS4).byte_us)


@bench("boards", "CPU time per card byte on the emulated RP2040, ring to reader alone", "µs", better="lower")
def ring_us() -> float:
    return _measured(lambda cost: cost.ring_us())


@bench("boards", "CPU time per short APDU on the emulated RP2040", "µs", better="lower")
def apdu_us() -> float:
    return _measured(lambda cost: cost.reading(cost.VITALE).apdu_us)


@bench("boards", "two cards reading at once over one, emulated RP2040, 38 400 bit/s", "×", better="lower", reach=1.5)
def both_ratio() -> float:
    return _measured(lambda cost: cost.reading(cost.VITALE).both_ratio)


@bench("boards", "two cards reading at once over one, emulated RP2040, 115 200 bit/s", "×", better="lower", reach=1.5)
def fast_both_ratio() -> float:
    return _measured(lambda cost: cost.reading(cost.CPS4).both_ratio)


def _measured(value: Callable[[Any], float]) -> float:
    """Of `tests.tools.rp2040.cost`, where the image can be built."""
    from _pytest.outcomes import Failed, Skipped

    from tests.tools.rp2040 import cost

    try:
        return value(cost)
    except (Skipped, Failed) as exc:
        raise Unavailable(str(exc)) from None


@cache
def _flashes() -> tuple[float, float]:
    from tournee_sim.boards.thread import ThreadedBoard
    from tournee_sim.boards.unix import BoardConfig

    with (
        tempfile.TemporaryDirectory(prefix="tf") as folder,
        ThreadedBoard(BoardConfig(board="stock", link="pty", state=Path(folder), cps=None, vitale=None)) as board,
    ):
        port = Port(board.url.removeprefix("serial:"), "")
        done = [
            boards.flash(port, board=None, name="", erase=False, dry_run=False, said=lambda *_: None) for _ in range(2)
        ]
    return done[0].seconds, done[1].seconds
