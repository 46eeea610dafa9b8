"""BER-TLV as the cards' files use it: definite lengths, tags of one to three bytes."""

from __future__ import annotations

from collections.abc import Iterator


class TlvError(ValueError):
    """Bytes that are no BER-TLV."""


def tlv(tag: int, *values: bytes) -> bytes:
    """One object; `tag` as it stands in the file (0x65, 0x7F21, 0xBF8101)."""
    value = b"".join(values)
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    elif size < 0x100:
        length = bytes([0x81, size])
    else:
        length = b"\x82" + size.to_bytes(2, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length + value


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each object in turn; raises TlvError."""
    at = 0
    while at < len(data):
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        if at + length > len(data):
            raise TlvError(f"tag {tag:X}: {length} bytes announced, {len(data) - at} left")
        yield tag, data[at : at + length]
        at += length


def _tag(data: bytes, at: int) -> tuple[int, int]:
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:
        while True:
            if at >= len(data):
                raise TlvError("ends inside a tag")
            tag = tag << 8 | data[at]
            at += 1
            if not data[at - 1] & 0x80:
                break
    return tag, at


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise TlvError("ends before a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if size not in (1, 2) or at + 1 + size > len(data):
        raise TlvError(f"length byte {first:02X}")
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
