"""Where the certificates of a CPS are: the CDF of its PKCS#15 volet (EF 7005, "lax": bit strings of real cards are malformed [OSC 2224])."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tournee.cards import tlv
from tournee.cards.errors import CardDataError

_PLACE: Final = "CDF 7005"
_SEQUENCE, _OCTETS, _UTF8 = 0x30, 0x04, 0x0C


@dataclass(frozen=True)
class CertificateEntry:
    """`id`: CKA_ID (last byte 01 signature, 02 authentication); `path` from the MF."""

    label: str
    id: bytes
    path: bytes


def certificates(cdf: bytes) -> list[CertificateEntry]:
    """Entries of the CDF; raises CardDataError."""
    return list(_entries(cdf))


def _entries(cdf: bytes) -> Iterator[CertificateEntry]:
    for entry in tlv.read(cdf, _PLACE):
        if entry.tag != _SEQUENCE:
            continue
        parts = tlv.read(entry.value, _PLACE)
        sequences = tlv.every(parts, _SEQUENCE)
        typed = tlv.first(parts, 0xA1)
        if len(sequences) < 2 or typed is None:
            raise CardDataError(_PLACE, "entrée incomplète")
        label = tlv.first(tlv.read(sequences[0], _PLACE), _UTF8) or b""
        identifier = tlv.first(tlv.read(sequences[1], _PLACE), _OCTETS) or b""
        path = _path(typed)
        if path:
            yield CertificateEntry(label.decode("utf-8", "replace"), identifier, path)


def _path(typed: bytes) -> bytes:
    """The first OCTET STRING inside the nested SEQUENCEs (X509CertificateAttributes → Path)."""
    data = typed
    for _ in range(4):
        objects = tlv.read(data, _PLACE)
        if (found := tlv.first(objects, _OCTETS)) is not None:
            return found
        nested = tlv.first(objects, _SEQUENCE)
        if nested is None:
            return b""
        data = nested
    return b""
