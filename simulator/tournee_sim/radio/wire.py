"""Values between the MicroPython `bluetooth` module and its radio host: tagged, length first, little-endian.

`u16 length` then items: `n` None, `t`/`f` bool, `i` int64, `s` text, `b` bytes, `l` list (the last three with a u16 length).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Any

_CONSTANTS: dict[int, Any] = {ord("n"): None, ord("t"): True, ord("f"): False}


class WireError(ValueError):
    """Bytes that are no message; names the offset."""


def encode(values: Sequence[Any]) -> bytes:
    """Raises struct.error for an int outside 64 bits or a message above 65535 bytes."""
    out = bytearray()
    for value in values:
        if value is None:
            out += b"n"
        elif isinstance(value, bool):
            out += b"t" if value else b"f"
        elif isinstance(value, int):
            out += b"i" + struct.pack("<q", value)
        elif isinstance(value, str):
            text = value.encode()
            out += b"s" + struct.pack("<H", len(text)) + text
        elif isinstance(value, (tuple, list)):
            out += b"l" + encode(value)
        else:
            data = bytes(value)
            out += b"b" + struct.pack("<H", len(data)) + data
    return struct.pack("<H", len(out)) + bytes(out)


def decode(body: bytes, *, depth: int = 8) -> list[Any]:
    """The items of one message without its length; raises WireError, also for lists nested deeper than `depth`."""
    if depth < 0:
        raise WireError("lists nested too deeply")
    items: list[Any] = []
    at = 0
    while at < len(body):
        tag = body[at]
        at += 1
        if tag in _CONSTANTS:
            items.append(_CONSTANTS[tag])
            continue
        size = 8 if tag == ord("i") else 2
        if at + size > len(body):
            raise WireError(f"cut at byte {at}")
        if tag == ord("i"):
            items.append(struct.unpack_from("<q", body, at)[0])
            at += 8
            continue
        (length,) = struct.unpack_from("<H", body, at)
        at += 2
        data = body[at : at + length]
        if len(data) != length:
            raise WireError(f"cut at byte {at}")
        at += length
        if tag == ord("s"):
            try:
                items.append(data.decode())
            except UnicodeDecodeError as exc:
                raise WireError(f"text that is not UTF-8 before byte {at}") from exc
        elif tag == ord("b"):
            items.append(data)
        elif tag == ord("l"):
            items.append(decode(data, depth=depth - 1))
        else:
            raise WireError(f"unknown tag {tag} before byte {at}")
    return items


async def read(reader: asyncio.StreamReader) -> list[Any]:
    """The next message; raises asyncio.IncompleteReadError at the end of the stream."""
    (length,) = struct.unpack("<H", await reader.readexactly(2))
    return decode(await reader.readexactly(length))
