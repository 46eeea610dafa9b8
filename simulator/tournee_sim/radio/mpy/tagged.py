"""Values between the MicroPython `bluetooth` module and its radio host: tagged, length first, little-endian. Runs on both sides.

`u16 length` then items: `n` None, `t`/`f` bool, `i` int64, `s` text, `b` bytes, `l` list (the last three with a u16 length).
"""

import struct


class WireError(ValueError):
    """Bytes that are no message; names the offset."""


def encode(values: "list[object] | tuple[object, ...]") -> bytes:
    """Raises struct.error or OverflowError for an int outside 64 bits or a message above 65535 bytes."""
    out = bytearray(2)
    for value in values:
        if value is None:
            out += b"n"
        elif isinstance(value, bool):
            out += b"t" if value else b"f"
        elif isinstance(value, int):
            out += b"i" + struct.pack("<q", value)
        elif isinstance(value, (list, tuple)):
            out += b"l" + encode(value)
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
            out += (b"s" if isinstance(value, str) else b"b") + struct.pack("<H", len(data)) + data
    struct.pack_into("<H", out, 0, len(out) - 2)
    return bytes(out)


def decode(data: "bytes | bytearray", at: int, end: int, depth: int = 8) -> "list[object]":
    """The items of `data[at:end]`, a message without its length; lists come as lists.

    Raises WireError, also for lists nested deeper than `depth`.
    """
    if depth < 0:
        raise WireError("lists nested too deeply")
    items: "list[object]" = []
    while at < end:
        tag = data[at]
        at += 1
        if tag == 0x6E:  # n
            items.append(None)
            continue
        if tag == 0x74 or tag == 0x66:  # t, f
            items.append(tag == 0x74)
            continue
        size = 8 if tag == 0x69 else 2
        if at + size > end:
            raise WireError("cut at byte %d" % at)
        if tag == 0x69:  # i
            items.append(struct.unpack_from("<q", data, at)[0])
            at += 8
            continue
        first = at + 2
        at = first + struct.unpack_from("<H", data, first - 2)[0]
        if at > end:
            raise WireError("cut at byte %d" % first)
        items.append(_item(tag, data, first, at, depth))
    return items


def _item(tag: int, data: "bytes | bytearray", at: int, end: int, depth: int) -> object:
    if tag == 0x6C:  # l
        return decode(data, at, end, depth - 1)
    if tag == 0x62:  # b
        return bytes(data[at:end])
    if tag != 0x73:  # s
        raise WireError("unknown tag %d before byte %d" % (tag, at))
    try:
        return str(data[at:end], "utf8")
    except UnicodeError:
        pass
    raise WireError("text that is not UTF-8 before byte %d" % end)
