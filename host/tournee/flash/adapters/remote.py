"""mpremote behind one file: it promises no interface (pinned in pyproject.toml). Raises ToolMissing where it is not installed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from tournee.flash.errors import ToolMissing


def _module(name: str) -> Any:
    try:
        return import_module(f"mpremote.{name}")
    except ImportError:
        raise ToolMissing("mpremote") from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """mpremote prints what it does not understand."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def transport(port: str, baud: int, timeout_s: float) -> Any:
    """Its SerialTransport, open. Raises OSError or `lost()` for a port that does not open."""
    with quiet():
        return _module("transport_serial").SerialTransport(port, baudrate=baud, timeout=timeout_s)


def lost() -> type[Exception]:
    """What it raises when the line does not say what it should."""
    return _module("transport").TransportError  # type: ignore[no-any-return]


def raised() -> Any:
    """What it raises, with `error_output`, when the board's program ends with an exception; a subclass of `lost()`."""
    return _module("transport").TransportExecError


def romfs(folder: str) -> bytes:
    """The image of a folder."""
    with quiet():
        return bytes(_module("romfs").make_romfs(folder, mpy_cross=False))
