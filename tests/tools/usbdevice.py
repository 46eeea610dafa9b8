"""`machine.USBDevice` for firmware that runs in CPython, with the host at hand: what a test does here is done at once.

[IMPL MicroPython 1.25 extmod/machine_usb_device.c, shared/tinyusb/mp_usbd_runtime.c: high] `between_opcodes` lets the host act wherever
MicroPython's scheduler may call back.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from tournee_sim.usb import descriptors

_EBUSY, _EINVAL = 16, 22


class Builtin:
    itf_max, ep_max, str_max = descriptors.ITF_MAX, descriptors.EP_MAX, descriptors.STR_MAX
    desc_dev, desc_cfg = descriptors.DESC_DEVICE, descriptors.DESC_CONFIGURATION


class UsbDevice:
    """A singleton per test: `UsbDevice()` gives it as `machine.USBDevice()` does."""

    BUILTIN_DEFAULT = Builtin

    def __init__(self) -> None:
        self.builtin_driver: Any = None
        self.activity: list[bool] = []
        self.out: dict[int, memoryview] = {}
        self.given: dict[int, memoryview] = {}

    def __call__(self) -> UsbDevice:
        return self

    def active(self, value: bool) -> None:
        self.activity.append(value)

    def config(
        self, device: bytes, configuration: bytes, strings: dict[int, str], *callbacks: Callable[..., Any]
    ) -> None:
        self.device, self.configuration, self.strings = bytes(device), bytes(configuration), strings
        self.opened, self.reset, self.control, self.done = callbacks

    def submit_xfer(self, ep: int, buffer: Any) -> bool:
        if not self.activity or not self.activity[-1]:
            raise OSError(_EINVAL)
        if ep in self.out or ep in self.given:
            raise OSError(_EBUSY)
        if ep & 0x80:
            self.given[ep] = memoryview(buffer)  # read when the host takes it
        else:
            self.out[ep] = memoryview(buffer)
        return True

    # --- the host -----------------------------------------------------------------------------------------------------

    def plug(self) -> None:
        self.out, self.given = {}, {}
        self.reset()
        self.opened(memoryview(self.configuration))

    def unplug(self) -> None:
        self.out, self.given = {}, {}
        self.reset()

    def ask(self, kind: int, request: int, value: int, index: int, length: int = 0, stage: int = 1) -> Any:
        words = b"".join(word.to_bytes(2, "little") for word in (value, index, length))
        return self.control(stage, memoryview(bytes((kind, request)) + words))

    def line(self, dtr: bool) -> None:
        assert self.ask(0x21, 0x22, int(dtr), descriptors.ITF_MAX) is True

    def send(self, ep: int, packet: bytes) -> bool:
        """False: the device does not take it now."""
        buffer = self.out.pop(ep, None)
        if buffer is None:
            return False
        buffer[: len(packet)] = packet
        self.done(ep, 0, len(packet))
        return True

    def take(self, ep: int) -> bytes | None:
        """What the device has given; None when there is nothing."""
        buffer = self.given.pop(ep, None)
        if buffer is None:
            return None
        data = bytes(buffer)
        self.done(ep, 0, len(data))
        return data


@contextlib.contextmanager
def between_opcodes(file: str, act: Callable[[], None]) -> Iterator[None]:
    """`act` before every byte code of the module `file`, never inside itself."""
    inside = False

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal inside
        if not frame.f_code.co_filename.endswith(file) or inside:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            inside = True
            try:
                act()
            finally:
                inside = False
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
