"""The trace of a session: JSON Lines, one exchange or event each. A PIN is never in it: VERIFY stands there as a template.

Fields: `t_ms` simulated ms since the start, `slot`, `card`, `apdu` (header and data, hex), `data` (answer, hex), `sw`; or `event`.
SIMULATION: the people in it are fictitious.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tournee_sim.cards.core import Response

_SECRET_INS = frozenset({0x20, 0x24, 0x2C})  # VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER


class Trace:
    """Writer of one trace; a file of before is written over; `path` None keeps only the counts."""

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stream: IO[str] | None = None
        self.apdus = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("w", encoding="utf-8", buffering=1)

    def exchange(self, slot: int, card: str, header: bytes, sent: bytes, answer: Response) -> None:
        """One T=0 exchange."""
        self.apdus += 1
        apdu = header.hex(" ").upper()
        if sent:
            apdu += " " + (" ".join(["**"] * len(sent)) if header[1] in _SECRET_INS else sent.hex(" ").upper())
        self._write(slot=slot, card=card, apdu=apdu, data=answer.data.hex(" ").upper(), sw=f"{answer.sw:04X}")

    def event(self, event: str, **details: Any) -> None:
        """Anything else: insert, pull, reset, fault, kill, link."""
        self._write(event=event, **details)

    def close(self) -> None:
        if self._stream:
            self._stream.close()
            self._stream = None

    def _write(self, **row: Any) -> None:
        if self._stream:
            self._stream.write(json.dumps({"t_ms": round(self._clock(), 1)} | row, ensure_ascii=False) + "\n")
