"""MicroPython's raw REPL as a board's file system."""

from __future__ import annotations

import ast
import base64
import contextlib
import errno
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tournee.flash.adapters import remote
from tournee.flash.errors import (
    BoardFull,
    BoardSaid,
    FlashError,
    NoMicroPython,
    PortBusy,
    PortForbidden,
    PortVanished,
)
from tournee.flash.ports import About

_PIECE = 1536
_PROBE_S, _ANSWER_S, _STOP_S = 0.7, 15.0, 2.0
BAUD = 115_200
_HELPER = """
import os, sys, gc, binascii
def _ls(p):
    try:
        found = list(os.ilistdir(p))
    except OSError:
        return
    for e in found:
        n = p + "/" + e[0] if p else e[0]
        if e[1] & 0x4000:
            yield from _ls(n)
        else:
            yield n
def _hash(n):
    import hashlib
    h, b = hashlib.sha256(), bytearray(512)
    with open(n, "rb") as f:
        while True:
            k = f.readinto(b)
            if not k:
                return binascii.hexlify(h.digest()).decode()
            h.update(memoryview(b)[:k])
def _rm(n):
    try:
        os.remove(n)
        return
    except OSError:
        pass
    try:
        for e in list(os.ilistdir(n)):
            _rm(n + "/" + e[0])
        os.rmdir(n)
    except OSError:
        pass
def _mk(n):
    p = n.split("/")
    for i in range(1, len(p)):
        try:
            os.mkdir("/".join(p[:i]))
        except OSError as e:
            if e.errno != 17:
                raise
def _mv(a, b):
    try:
        os.rename(a, b)
    except OSError:
        os.remove(b)
        os.rename(a, b)
    if hasattr(os, "sync"):
        os.sync()
def _about():
    try:
        import machine
        u = binascii.hexlify(machine.unique_id()).decode()
    except (ImportError, AttributeError):
        u = ""
    i, s = sys.implementation, os.statvfs(os.getcwd())
    return i._machine, ".".join(str(x) for x in i.version[:3]), getattr(i, "_mpy", 0) & 0xff, u, s[0] * s[3]
"""


class Repl:
    """`BoardFiles` of one port; `opened` makes it."""

    def __init__(self, port: str, transport: Any) -> None:
        self._port = port
        self._transport = transport
        self._prompt = True

    def about(self) -> About:
        return About(*self._value("_about()"))

    def hashes(self, folder: str) -> dict[str, str]:
        found = {}
        for name in self._value(
            f"list(_ls({folder!r}))"
        ):  # one at a time: a board hashes slowly, and a time-out means silence
            found[str(name)] = self.hash(str(name))
        return found

    def read(self, name: str) -> bytes | None:
        self._run(f"try:\n f = open({name!r}, 'rb'); d = f.read(); f.close()\nexcept OSError:\n d = None")
        value: bytes | None = self._value("d")
        return value

    def write(self, name: str, content: bytes, sent: Callable[[int], None]) -> None:
        self._run(f"_mk({name!r}); f = open({name!r}, 'wb')")
        for at in range(0, len(content), _PIECE):
            piece = content[at : at + _PIECE]
            self._run(f"f.write(binascii.a2b_base64({base64.b64encode(piece)!r})) and None")
            sent(len(piece))
        self._run("f.close(); f = None; gc.collect()")

    def hash(self, name: str) -> str:
        return str(self._value(f"_hash({name!r})"))

    def rename(self, name: str, to: str) -> None:
        self._run(f"_mv({name!r}, {to!r})")

    def remove(self, name: str) -> None:
        self._run(f"_rm({name!r})")

    def run(self, program: str, silent_s: float, printed: Callable[[bytes], None]) -> None:
        """Until `program` ends; what it prints as it comes. BoardSaid with its last word when it fails or is silent for `silent_s`."""
        with self._translated():
            try:
                _, error = self._transport.exec_raw(program, timeout=silent_s, data_consumer=printed)
            except BaseException:
                self._prompt = self._stopped()
                raise
            if error:
                raise remote.raised()(1, error.decode("utf-8", "replace"))

    def reset(self) -> None:
        """The port may go away for a moment; `close` afterwards. A program that cannot be stopped is let to its end first."""
        try:
            if self._prompt:
                with self._translated():
                    self._transport.exec_raw_no_follow(
                        "try:\n import machine; machine.reset()\nexcept (ImportError, AttributeError):\n pass"
                    )
        finally:
            with contextlib.suppress(OSError):  # a port without that: its soft reset
                self._transport.read_until(1, b"\x04>", timeout=0.3)
                self._transport.serial.write(b"\r\x02\x04")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._transport.close()

    def _stopped(self) -> bool:
        """Whether what runs has made room for the prompt."""
        try:
            self._transport.enter_raw_repl(soft_reset=False, timeout_overall=_STOP_S)
        except (OSError, remote.lost()):
            return False
        return True

    def _value(self, expression: str) -> Any:
        return ast.literal_eval(self._run(f"print(repr({expression}))").strip())

    def _run(self, code: str) -> str:
        with self._translated():
            out: bytes = self._transport.exec(code)
        return out.decode("utf-8", "replace")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with remote.quiet():
                yield
        except remote.raised() as exc:
            said = (exc.error_output.strip().splitlines() or ["an error without a text"])[-1]
            raise (BoardFull if re.search(r"ENOSPC|\b28\b", said) else BoardSaid)(said) from None
        except (OSError, remote.lost(), ValueError, IndexError, ArithmeticError) as exc:
            raise self._lost(exc) from None

    def _lost(self, exc: BaseException) -> FlashError:
        if not Path(self._port).exists() or (isinstance(exc, OSError) and exc.errno in (errno.EIO, errno.ENXIO)):
            return PortVanished(self._port)
        return BoardSaid(f"nothing in {_ANSWER_S:g} s" if isinstance(exc, OSError) else str(exc))


def opened(port: str) -> Repl:
    """In the raw REPL. Raises NoMicroPython, PortVanished, PortBusy, PortForbidden, ToolMissing."""
    failed = remote.lost()
    check_port(port)
    try:
        transport = remote.transport(port, BAUD, _ANSWER_S)
    except (OSError, failed) as exc:
        raise _not_opened(port, exc) from None
    repl = Repl(port, transport)
    try:
        if not _prompted(transport.serial):
            raise NoMicroPython(port)
        with repl._translated():
            transport.enter_raw_repl(soft_reset=False)
        repl._run(_HELPER)
    except BaseException:
        repl.close()
        raise
    return repl


def check_port(port: str) -> None:
    """That it can be opened by nobody else but us; raises PortVanished, PortBusy, PortForbidden."""
    import serial

    try:
        serial.Serial(port, BAUD, exclusive=True).close()
    except (OSError, serial.SerialException) as exc:
        raise _not_opened(port, exc) from None


def _not_opened(port: str, exc: BaseException) -> FlashError:
    code = getattr(exc, "errno", None)
    if code in (errno.EACCES, errno.EPERM):
        return PortForbidden(port)
    if code in (errno.EBUSY, errno.EAGAIN) or "lock" in str(exc).lower() or "busy" in str(exc).lower():
        return PortBusy(port)
    return PortVanished(port)


def _prompted(line: Any) -> bool:
    """Whether Ctrl-C, Ctrl-A brings the raw REPL's greeting; a terminal takes the bytes for noise."""
    with contextlib.suppress(OSError):
        line.reset_input_buffer()
        line.write(b"\r\x03\x03\r\x01")
        line.timeout, before = 0.1, line.timeout
        heard, end = b"", time.monotonic() + _PROBE_S
        while time.monotonic() < end:
            heard += line.read(256)
            if b"raw REPL; CTRL-B to exit" in heard:
                line.timeout = before
                return True
    return False
