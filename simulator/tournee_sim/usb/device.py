"""The device as a USB host sees it: standard requests, configuration, and functions behind interfaces and endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tournee_sim.usb import descriptors
from tournee_sim.usb.descriptors import CONFIGURATION, DEVICE, STRING
from tournee_sim.usb.pipes import Answer, InPipe, OutPipe

IN: Final = 0x80
_STANDARD, _CLASS = 0x00, 0x20
_GET_STATUS, _CLEAR_FEATURE, _SET_FEATURE = 0x00, 0x01, 0x03
_GET_DESCRIPTOR, _GET_CONFIGURATION, _GET_INTERFACE, _SET_INTERFACE = 0x06, 0x08, 0x0A, 0x0B


class Stall(Exception):
    """The device refuses the request."""


@dataclass(frozen=True)
class Setup:
    """The eight bytes of a control request."""

    kind: int
    request: int
    value: int
    index: int
    length: int

    def __bytes__(self) -> bytes:
        words = b"".join(word.to_bytes(2, "little") for word in (self.value, self.index, self.length))
        return bytes((self.kind, self.request)) + words


class Function(Protocol):
    """What answers for some interfaces and their endpoints."""

    pipes: Mapping[int, InPipe | OutPipe]

    async def control(self, setup: Setup, data: bytes) -> bytes:
        """A request to one of its interfaces; raises Stall."""
        ...

    def opened(self) -> None:
        """The host has set the configuration."""
        ...

    def reset(self) -> None:
        """The bus was reset, or the device left it: pipes are as new."""
        ...


@dataclass(frozen=True)
class Face:
    """What the device shows: built-in or of the firmware."""

    device: bytes
    configuration: bytes
    strings: Mapping[int, str]


class Device:
    """One USB device of two functions: the REPL's, and the firmware's while `face` has interfaces for it."""

    def __init__(self, serial: str, builtin: Function) -> None:
        self._builtin = builtin
        self.serial = serial
        self.builtin_face = Face(descriptors.DESC_DEVICE, descriptors.DESC_CONFIGURATION, {})
        self.face = self.builtin_face
        self.runtime: Function | None = None
        self.configuration = 0
        self.replug: Callable[[], None] = lambda: None
        """Called when the device has left the bus and comes back."""

    def show(self, face: Face, runtime: Function | None) -> None:
        """The firmware's descriptors from now on; the device leaves the bus and comes back."""
        self.reset()
        self.face, self.runtime = face, runtime
        self.replug()

    def reset(self) -> None:
        self.configuration = 0
        for each in self._functions():
            each.reset()

    def configure(self, number: int) -> bool:
        """SET_CONFIGURATION; False when there is none with this number."""
        if number not in (0, self.face.configuration[5]):
            return False
        if self.configuration:
            self.reset()
        self.configuration = number
        if number:
            for each in self._functions():
                each.opened()
        return True

    def pipe(self, address: int) -> InPipe | OutPipe | None:
        """The bulk endpoint with this address."""
        for each in self._functions():
            if address in each.pipes:
                return each.pipes[address]
        return None

    async def control(self, setup: Setup, data: bytes) -> bytes:
        """What the device answers; raises Stall."""
        recipient, kind = setup.kind & 0x1F, setup.kind & 0x60
        if recipient == 1 and kind == _CLASS:
            return await self._function(setup.index & 0xFF).control(setup, data)
        if kind != _STANDARD:
            raise Stall
        if setup.request == _GET_DESCRIPTOR and setup.kind == IN:
            return self._descriptor(setup.value >> 8, setup.value & 0xFF)[: setup.length]
        if setup.request == _GET_STATUS and setup.kind & IN:
            return bytes(2)[: setup.length]
        if setup.request == _GET_CONFIGURATION and setup.kind & IN:
            return bytes((self.configuration,))
        if setup.request == _GET_INTERFACE and recipient == 1:
            return bytes(1)
        if setup.request in (_CLEAR_FEATURE, _SET_FEATURE, _SET_INTERFACE):
            return b""
        raise Stall

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind == DEVICE:
            return self.face.device
        if kind == CONFIGURATION and index == 0:
            return self.face.configuration
        if kind != STRING:
            raise Stall
        if index == 0:
            return bytes((4, STRING, 9, 4))
        text = self.face.strings.get(index) or descriptors.STRINGS.get(index)
        if index == descriptors.SERIAL_STRING:
            text = self.serial
        if text is None:
            raise Stall
        return descriptors.string(text)

    def _functions(self) -> list[Function]:
        return [self._builtin, *([self.runtime] if self.runtime else [])]

    def _function(self, interface: int) -> Function:
        if interface < descriptors.ITF_MAX:
            return self._builtin
        if self.runtime is None:
            raise Stall
        return self.runtime


__all__ = ["IN", "Answer", "Device", "Face", "Function", "Setup", "Stall"]
