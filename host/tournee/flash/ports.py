"""What flashing needs of a board; `adapters.repl` has it over MicroPython's raw REPL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class About:
    """What the board says of itself."""

    machine: str  # `sys.implementation._machine`
    micropython: str
    abi: int  # of its byte code; 0: it loads none
    unique_id: str  # hex, empty where the port has none
    free_bytes: int  # of its file system


class BoardFiles(Protocol):
    """The board's file system, names relative to the folder in which it starts. Every method may raise FlashError."""

    def about(self) -> About: ...

    def hashes(self, folder: str) -> dict[str, str]:
        """Name -> SHA-256 (hex) of every file below `folder`, names from the top; empty when it is not there."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file; None when it is not there."""
        ...

    def write(self, name: str, content: bytes, sent: Callable[[int], None]) -> None:
        """The file, its folders made; `sent` is told the bytes of each piece."""
        ...

    def hash(self, name: str) -> str:
        """SHA-256 (hex) of a file that is there, as the board reads it."""
        ...

    def rename(self, name: str, to: str) -> None:
        """`to` is wholly the old file or the new one whenever the power goes."""
        ...

    def remove(self, name: str) -> None:
        """A file, or a folder with all that is in it; nothing when it is not there."""
        ...

    def reset(self) -> None:
        """Start as from power-on; the REPL is left."""
        ...
