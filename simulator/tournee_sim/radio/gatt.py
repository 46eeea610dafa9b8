"""The GATT server of the simulated terminal: what `gatts_register_services` describes, as Bumble services.

Behaves as NimBLE under MicroPython does [IMPL MicroPython extmod/nimble]: a value holds 20 bytes until `gatts_set_buffer` or a
longer `gatts_write`; a longer write is truncated without a word; with `append` writes add up until they are read.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bumble import att
from bumble.core import UUID
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service

DEFAULT_VALUE_BYTES: Final = 20
FLAG_READ: Final = 0x0002
FLAGS_WRITE: Final = 0x000C  # with and without response
_KNOWN_FLAGS: Final = 0x003F
_READ_NOT_PERMITTED: Final = 0x02
_WRITE_NOT_PERMITTED: Final = 0x03


@dataclass
class _Slot:
    flags: int
    attribute: Any = None
    value: bytes = b""
    max_bytes: int = DEFAULT_VALUE_BYTES
    append: bool = False


class Database:
    """Attribute values by handle; `on_write(connection, handle, byte_count)` is called after a central's write."""

    def __init__(self, device: Device, on_write: Callable[[Any, int, int], None]) -> None:
        self._device = device
        self._on_write = on_write
        self._slots: dict[int, _Slot] = {}
        self.truncated_writes = 0

    def register(self, services: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
        """`[(uuid, [(uuid, flags, [(uuid, flags)])])]`, UUIDs as little-endian bytes; a tuple of value handles per service."""
        return tuple(self._register_service(uuid, characteristics) for uuid, characteristics in services)

    def read(self, handle: int) -> bytes:
        slot = self._slot(handle)
        value = slot.value
        if slot.append:
            slot.value = b""
        return value

    def write(self, handle: int, data: bytes) -> None:
        slot = self._slot(handle)
        slot.value = data
        slot.max_bytes = max(slot.max_bytes, len(data))

    def set_buffer(self, handle: int, max_bytes: int, append: bool) -> None:
        slot = self._slot(handle)
        slot.max_bytes, slot.append = max_bytes, append

    def attribute(self, handle: int) -> Any:
        return self._slot(handle).attribute

    def value(self, handle: int) -> bytes:
        """The value without the clearing that `read` does."""
        return self._slot(handle).value

    def _slot(self, handle: int) -> _Slot:
        slot = self._slots.get(handle)
        if slot is None:
            raise OSError(errno.EINVAL, "no such handle")
        return slot

    def _register_service(self, uuid: bytes, characteristics: Sequence[Any]) -> tuple[int, ...]:
        built, order = [], []
        for char_uuid, flags, descriptors in characteristics:
            below = []
            for descriptor_uuid, descriptor_flags in descriptors:
                slot = self._new_slot(descriptor_flags)
                slot.attribute = Descriptor(
                    UUID.from_bytes(descriptor_uuid), _permissions(descriptor_flags), self._value_of(slot)
                )
                below.append(slot)
            slot = self._new_slot(flags)
            slot.attribute = Characteristic(
                UUID.from_bytes(char_uuid),
                Characteristic.Properties(flags & _KNOWN_FLAGS),
                _permissions(flags),
                self._value_of(slot),
                [one.attribute for one in below],
            )
            built.append(slot.attribute)
            order += [slot, *below]
        self._device.add_service(Service(UUID.from_bytes(uuid), built))
        for slot in order:
            self._slots[slot.attribute.handle] = slot
        return tuple(slot.attribute.handle for slot in order)

    def _new_slot(self, flags: int) -> _Slot:
        if flags & ~_KNOWN_FLAGS:
            raise OSError(errno.EOPNOTSUPP, "encrypted or authenticated attributes: the link has its own channel")
        return _Slot(flags)

    def _value_of(self, slot: _Slot) -> CharacteristicValue:
        def read(_connection: Any) -> bytes:
            if not slot.flags & FLAG_READ:
                raise att.ATT_Error(_READ_NOT_PERMITTED)
            return slot.value

        def write(connection: Any, data: bytes) -> None:
            if not slot.flags & FLAGS_WRITE:
                raise att.ATT_Error(_WRITE_NOT_PERMITTED)
            value = (slot.value if slot.append else b"") + bytes(data)
            self.truncated_writes += len(value) > slot.max_bytes
            slot.value = value[: slot.max_bytes]
            self._on_write(connection, slot.attribute.handle, len(data))

        return CharacteristicValue(read=read, write=write)


def _permissions(flags: int) -> Any:
    permissions = att.Attribute.Permissions
    readable = permissions.READABLE if flags & FLAG_READ else permissions(0)
    return readable | (permissions.WRITEABLE if flags & FLAGS_WRITE else permissions(0))
