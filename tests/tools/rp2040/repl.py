"""MicroPython's raw REPL on the emulated board: `call(code)` gives what it prints."""

from __future__ import annotations

from tests.tools.rp2040.pico import Pico

_READY = b"raw REPL; CTRL-B to exit\r\n>"


class Repl:
    """The board runs no program of ours; the firmware's package is on the path."""

    def __init__(self, pico: Pico, folder: str) -> None:
        self._pico = pico
        pico.until(lambda: pico.connected, 1000)
        pico.type(b"\r\x01")
        pico.until(lambda: _READY in pico.said, 1000)
        self.call(f"import sys\nsys.path.insert(0, {folder!r})")

    def call(self, code: str, within_ms: float = 60_000) -> str:
        self.begin(code)
        return self.end(within_ms)

    def begin(self, code: str) -> None:
        """Without waiting for its end."""
        self._pico.said.clear()
        self._pico.type(code.encode() + b"\x04")

    def end(self, within_ms: float = 60_000) -> str:
        said = self._pico.said
        self._pico.until(lambda: said.endswith(b"\x04>"), within_ms)
        out, error = bytes(said).removeprefix(b"OK").split(b"\x04")[:2]
        assert not error, error.decode()
        return out.decode().strip()

    def heard(self, wanted: bytes, within_ms: float = 60_000) -> None:
        """Let time pass until the program that was begun has said this."""
        self._pico.until(lambda: b"OK" + wanted in self._pico.said, within_ms)
