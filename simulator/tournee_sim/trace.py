"""The trace of a session: JSON Lines, one exchange or event each. No PIN, NIR or name is in it: `tournee trace show` reads it.

Fields: `t_ms` simulated ms since the start, `slot`, `card`, `apdu` (header, and what was sent: hex), `data` (what the card answered:
only its length and CRC-32), `sw`; or `event`. VERIFY and its like stand there as a template, long data as length and CRC-32.
SIMULATION: the people in it are fictitious.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tournee_sim.cards.core import Response

_SECRET_INS = frozenset({0x20, 0x24, 0x2C})  # VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER
_SHOWN_BYTES = 64


class Trace:
    """Writer of one trace; a file of before is written over; `path` None keeps only the counts, and the lines if `keep`."""

    def __init__(self, path: Path | None, clock: Callable[[], float], keep: bool = False) -> None:
        self._clock = clock
        self._stream: IO[str] | None = None
        self._keep = keep
        self.lines: list[str] = []
        self.apdus = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("w", encoding="utf-8", buffering=1)

    def exchange(self, slot: int, card: str, header: bytes, sent: bytes, answer: Response) -> None:
        """One exchange of a card with the terminal."""
        self.apdus += 1
        if not (self._stream or self._keep):
            return
        apdu = header.hex(" ").upper()
        if sent:
            apdu += " " + _sent(header, sent)
        self._write(slot=slot, card=card, apdu=apdu, data=digest(answer.data), sw=f"{answer.sw:04X}")

    def event(self, event: str, **details: Any) -> None:
        """Anything else: insert, pull, reset, fault, kill, link."""
        self._write(event=event, **details)

    def close(self) -> None:
        if self._stream:
            self._stream.close()
            self._stream = None

    def _write(self, **row: Any) -> None:
        if not (self._stream or self._keep):
            return
        line = json.dumps({"t_ms": round(self._clock(), 1)} | row, ensure_ascii=False)
        if self._keep:
            self.lines.append(line)
        if self._stream:
            self._stream.write(line + "\n")


def digest(data: bytes) -> str:
    """`57 bytes 1A2B3C4D`: enough to compare two runs, not to read a person; empty for nothing."""
    return f"{len(data)} bytes {binascii.crc32(data):08X}" if data else ""


def _sent(header: bytes, sent: bytes) -> str:
    if header[1] & 0xFE in _SECRET_INS or header[1] in _SECRET_INS:
        return " ".join(["**"] * len(sent))
    return sent.hex(" ").upper() if len(sent) <= _SHOWN_BYTES else digest(sent)
