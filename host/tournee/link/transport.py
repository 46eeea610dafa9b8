"""A byte stream to a terminal: what the radio, the serial line, TCP and the browser each implement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass
class Traffic:
    """Counters of one transport since it was made; they survive a reconnection."""

    bytes_out: int = 0
    bytes_in: int = 0
    writes: int = 0


class Transport(Protocol):
    """One byte stream; no framing, all 256 values pass. A closed or lost transport may be opened again.

    `read` is awaited by one task only; `write` may be awaited by another at the same time.
    """

    @property
    def url(self) -> str:
        """The URL it was made from."""
        ...

    @property
    def traffic(self) -> Traffic: ...

    async def open(self) -> None:
        """Connects; raises LinkUnavailable with its remedy (not found, no permission, radio off)."""
        ...

    async def read(self) -> bytes:
        """At least one byte; waits as long as it takes. Raises LinkLost at the end of the stream."""
        ...

    async def write(self, data: bytes) -> None:
        """All of `data`, cut by the adapter to what the line carries. Raises LinkLost."""
        ...

    async def close(self) -> None:
        """Never raises; wakes a waiting `read`, which raises LinkLost."""
        ...
