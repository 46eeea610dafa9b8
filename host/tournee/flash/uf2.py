"""UF2 files, checked before they are copied to a boot drive [SPEC github.com/microsoft/uf2: high]."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tournee.flash.errors import Uf2Broken

BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = 0x0AB16F30
_FAMILY_PRESENT = 0x2000
FAMILIES = {0xE48BFF56: "RP2040", 0xE48BFF57: "RP2350 (absolute)", 0xE48BFF59: "RP2350"}
"""Families of the boot ROMs that show a drive [SPEC uf2families.json: high]."""


@dataclass(frozen=True)
class Uf2:
    family: str  # of the last family named, empty when the file names none
    blocks: int
    payload_bytes: int


def parse(data: bytes) -> Uf2:
    """Raises Uf2Broken naming the block."""
    if not data or len(data) % BLOCK:
        raise Uf2Broken(f"{len(data)} bytes are not a whole number of {BLOCK}-byte blocks")
    family, payload = "", 0
    counts: dict[int, list[int]] = {}
    for index in range(len(data) // BLOCK):
        block = data[index * BLOCK : (index + 1) * BLOCK]
        magic0, magic1, flags, _address, size, number, total, kind = _HEAD.unpack_from(block)
        if (magic0, magic1) != _MAGIC or int.from_bytes(block[-4:], "little") != _END:
            raise Uf2Broken(f"block {index}: no UF2 mark")
        if size > BLOCK - _HEAD.size - 4:
            raise Uf2Broken(f"block {index}: {size} bytes of content do not fit")
        if number >= total:
            raise Uf2Broken(f"block {index}: number {number} of {total}")
        payload += size
        if flags & _FAMILY_PRESENT:
            if kind not in FAMILIES:
                raise Uf2Broken(f"block {index}: family {kind:08X} is none of {', '.join(FAMILIES.values())}")
            family = FAMILIES[kind]
            counts.setdefault(kind, [0, total])[0] += 1
    for kind, (seen, total) in counts.items():
        if seen != total:
            raise Uf2Broken(f"{seen} of {total} blocks of family {FAMILIES[kind]}")
    return Uf2(family, len(data) // BLOCK, payload)
