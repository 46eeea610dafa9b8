"""BER-TLV as the cards write it: tags of one or two bytes, lengths 00–7F, 81, 82; a tag 00 ends the data (padding)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tournee.cards.errors import CardDataError


@dataclass(frozen=True)
class Tlv:
    tag: int
    value: bytes

    @property
    def constructed(self) -> bool:
        first = self.tag >> 8 if self.tag > 0xFF else self.tag
        return bool(first & 0x20)


def read(data: bytes, place: str) -> list[Tlv]:
    """All objects of one level; raises CardDataError naming `place`."""
    return list(_objects(data, place))


def first(objects: Sequence[Tlv], tag: int) -> bytes | None:
    return next((o.value for o in objects if o.tag == tag), None)


def every(objects: Sequence[Tlv], tag: int) -> list[bytes]:
    return [o.value for o in objects if o.tag == tag]


def whole(data: bytes, place: str) -> bytes:
    """The first object with its header, without the padding after it (a certificate in a larger file)."""
    _, end = _object(data, 0, place)
    return data[:end]


def _objects(data: bytes, place: str) -> Iterator[Tlv]:
    at = 0
    while at < len(data) and data[at] not in (0x00, 0xFF):
        found, at = _object(data, at, place)
        yield found


def _object(data: bytes, at: int, place: str) -> tuple[Tlv, int]:
    start = at
    try:
        tag = data[at]
        at += 1
        if tag & 0x1F == 0x1F:
            tag = tag << 8 | data[at]
            at += 1
        length = data[at]
        at += 1
        if length > 0x82 or length == 0x80:
            raise CardDataError(place, f"longueur invalide à l'octet {start}")
        if length > 0x80:
            size = length - 0x80
            length = int.from_bytes(data[at : at + size], "big")
            at += size
    except IndexError:
        raise CardDataError(place, f"objet coupé à l'octet {start}") from None
    if at + length > len(data):
        raise CardDataError(place, f"objet coupé à l'octet {start}")
    return Tlv(tag, data[at : at + length]), at + length
