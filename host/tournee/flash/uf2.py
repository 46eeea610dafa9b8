"""UF2 files, checked before they are copied to a boot drive [SPEC github.com/microsoft/uf2: high]."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tournee.flash.errors import Uf2Broken

BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = 0x0AB16F30
_FAMILY_PRESENT, _EXTENDED = 0x2000, 0x8000
_ABSOLUTE = 0xE48BFF57
_IGNORED = (0x9957E304).to_bytes(4, "little")
"""Extension tag of a block that the RP2350 passes over [IMPL picotool, UF2_EXTENSION_RP2_IGNORE_BLOCK: high]."""
FAMILIES = {0xE48BFF56: "RP2040", _ABSOLUTE: "RP2350 (absolute)", 0xE48BFF59: "RP2350"}
"""Families of the boot ROMs that show a drive [SPEC uf2families.json: high]."""


@dataclass(frozen=True)
class Uf2:
    family: str  # of the last family named, empty when the file names none
    blocks: int
    payload_bytes: int


@dataclass(frozen=True)
class _Block:
    family: int | None  # None: not named
    number: int
    total: int
    content: bytes


def parse(data: bytes) -> Uf2:
    """Raises Uf2Broken naming the block."""
    if not data or len(data) % BLOCK:
        raise Uf2Broken(f"{len(data)} bytes are not a whole number of {BLOCK}-byte blocks")
    family, payload = "", 0
    seen: dict[int | None, tuple[int, set[int]]] = {}  # by family: blocks in all, their numbers
    for index in range(len(data) // BLOCK):
        block = _block(index, data[index * BLOCK : (index + 1) * BLOCK])
        if block is None:
            continue
        payload += len(block.content)
        total, numbers = seen.setdefault(block.family, (block.total, set()))
        if block.total != total:
            raise Uf2Broken(f"block {index}: {block.total} blocks in all, the one before said {total}")
        if block.number in numbers:
            raise Uf2Broken(f"block {index}: number {block.number} stands twice")
        numbers.add(block.number)
        family = FAMILIES[block.family] if block.family is not None else family
    if not seen:
        raise Uf2Broken("no block with content")
    for kind, (total, numbers) in seen.items():
        if len(numbers) != total:
            first = next(n for n in range(total) if n not in numbers)
            named = f" of family {FAMILIES[kind]}" if kind is not None else ""
            raise Uf2Broken(f"{len(numbers)} of {total} blocks{named}, number {first} is missing")
    return Uf2(family, len(data) // BLOCK, payload)


def _block(index: int, raw: bytes) -> _Block | None:
    """None: one that the chip passes over."""
    magic0, magic1, flags, _address, size, number, total, kind = _HEAD.unpack_from(raw)
    if (magic0, magic1) != _MAGIC or int.from_bytes(raw[-4:], "little") != _END:
        raise Uf2Broken(f"block {index}: no UF2 mark")
    if size > BLOCK - _HEAD.size - 4:
        raise Uf2Broken(f"block {index}: {size} bytes of content do not fit")
    if number >= total:
        raise Uf2Broken(f"block {index}: number {number} of {total}")
    if not flags & _FAMILY_PRESENT:
        return _Block(None, number, total, raw[_HEAD.size : _HEAD.size + size])
    if kind not in FAMILIES:
        raise Uf2Broken(f"block {index}: family {kind:08X} is none of {', '.join(FAMILIES.values())}")
    content = raw[_HEAD.size : _HEAD.size + size]
    return None if _e10(flags, kind, number, total, raw, content) else _Block(kind, number, total, content)


def _e10(flags: int, kind: int, number: int, total: int, raw: bytes, content: bytes) -> bool:
    """The block against the RP2350's erratum E10 that every official image begins with: number 0 of 2, and alone.

    picotool of 2024 gave it no extension tag yet [IMPL picotool, gen_abs_block: high].
    """
    if flags & _EXTENDED:
        end = _HEAD.size + len(content)
        return raw[end : end + 4] == _IGNORED
    return kind == _ABSOLUTE and (number, total) == (0, 2) and content == b"\xef" * len(content)
