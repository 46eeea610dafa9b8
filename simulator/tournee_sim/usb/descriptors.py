"""The built-in USB device of MicroPython's port rp2: descriptors and strings. [IMPL shared/tinyusb/mp_usbd_descriptor.c: high]"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PACKET: Final = 64
VENDOR, PRODUCT = 0x2E8A, 0x0005
ITF_MAX, EP_MAX, STR_MAX = 2, 3, 5
"""How many interfaces, endpoint numbers and strings the built-in device has; a runtime one goes on from there."""
STRINGS: Final = {1: "MicroPython", 2: "Board in FS mode", 4: "Board CDC"}
SERIAL_STRING: Final = 3
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
BULK, INTERRUPT = 2, 3

DESC_DEVICE: Final = bytes(
    (18, DEVICE, 0, 2, 0xEF, 2, 1, 64, *VENDOR.to_bytes(2, "little"), *PRODUCT.to_bytes(2, "little"), 0, 1, 1, 2, 3, 1)
)
_FUNCTION = (
    bytes((8, 11, 0, 2, 2, 2, 0, 0))
    + bytes((9, INTERFACE, 0, 0, 1, 2, 2, 0, 4))
    + bytes((5, 0x24, 0, 0x20, 1, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 6, 5, 0x24, 6, 0, 1))
    + bytes((7, ENDPOINT, 0x81, INTERRUPT, 8, 0, 16))
    + bytes((9, INTERFACE, 1, 0, 2, 10, 0, 0, 0))
    + bytes((7, ENDPOINT, 0x02, BULK, PACKET, 0, 0, 7, ENDPOINT, 0x82, BULK, PACKET, 0, 0))
)
DESC_CONFIGURATION: Final = bytes((9, CONFIGURATION, 9 + len(_FUNCTION), 0, ITF_MAX, 1, 0, 0x80, 125)) + _FUNCTION


@dataclass(frozen=True)
class Endpoint:
    address: int
    kind: int
    interval: int
    packet: int
    interface: int


@dataclass(frozen=True)
class Interface:
    number: int
    triple: tuple[int, int, int]
    """Class, subclass, protocol."""
    at: int
    """Offset of its descriptor in the configuration."""


def walk(configuration: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset, descriptor) in order; ValueError when one does not fit."""
    at = 0
    while at < len(configuration):
        size = configuration[at]
        if size < 2 or at + size > len(configuration):
            raise ValueError(f"descriptor of {size} bytes at {at} of {len(configuration)}")
        yield at, configuration[at : at + size]
        at += size


def parts(configuration: bytes) -> tuple[list[Interface], list[Endpoint]]:
    """Interfaces and endpoints of a configuration."""
    interfaces: list[Interface] = []
    endpoints: list[Endpoint] = []
    for at, one in walk(configuration):
        if one[1] == INTERFACE:
            interfaces.append(Interface(one[2], (one[5], one[6], one[7]), at))
        elif one[1] == ENDPOINT:
            size = int.from_bytes(one[4:6], "little")
            endpoints.append(Endpoint(one[2], one[3] & 3, one[6], size, interfaces[-1].number))
    return interfaces, endpoints


def string(text: str) -> bytes:
    """A string descriptor."""
    coded = text.encode("utf-16-le")
    return bytes((2 + len(coded), STRING)) + coded
