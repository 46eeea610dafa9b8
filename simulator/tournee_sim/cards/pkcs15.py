"""PKCS#15 directory files of the CPS (ISO 7816-15), DER by hand because the real card's bit strings are malformed.

Public: labels, references, FIDs 5031 5032 7001 7005 [ANS, OSC]; the other FIDs are SV-SIM (profile data).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tournee_sim.cards.tlv import tlv


@dataclass(frozen=True)
class KeyEntry:
    """A row of PrKDF."""

    label: str
    id: bytes
    reference: int
    usage: int  # KeyUsageFlags, bit 0 first


@dataclass(frozen=True)
class ObjectEntry:
    """A row of CDF or DODF."""

    label: str
    path: bytes
    id: bytes = b""
    private: bool = False


AUTH_ID = b"\x02"
KEY_USAGE_SIGN_NONREPUDIATION = 1 << 9
KEY_USAGE_DECRYPT_SIGN = 1 << 1 | 1 << 2


def odf(private_keys: bytes, certificates: bytes, data_objects: bytes, auth_objects: bytes) -> bytes:
    """The four paths under their context tags."""
    rows = ((0xA0, private_keys), (0xA4, certificates), (0xA7, data_objects), (0xA8, auth_objects))
    return b"".join(tlv(tag, tlv(0x30, tlv(0x04, path))) for tag, path in rows)


def token_info(label: str, serial: bytes, manufacturer: str) -> bytes:
    return tlv(
        0x30,
        tlv(0x02, b"\0"),
        tlv(0x04, serial),
        tlv(0x0C, manufacturer.encode()),
        tlv(0x80, label.encode()),
        tlv(0x03, b"\x04\x10"),  # prnGeneration
    )


def aodf(label: str, path: bytes, *, lax: bool) -> bytes:
    """Code porteur: 4 digits, ASCII, reference 1 [ANS]; `lax` writes the one-byte bit strings of the real card."""
    attributes = tlv(
        0x30,
        tlv(0x03, b"\x10" if lax else b"\x04\x10"),  # initialized
        tlv(0x0A, b"\x01"),  # ascii-numeric
        tlv(0x02, b"\x04"),
        tlv(0x02, b"\x04"),
        tlv(0x02, b"\x04"),
        tlv(0x80, b"\x01"),
        tlv(0x30, tlv(0x04, path)),
    )
    common = tlv(0x30, tlv(0x0C, label.encode()), tlv(0x03, b"\xc0" if lax else b"\x06\xc0"))
    return tlv(0x30, common, tlv(0x30, tlv(0x04, AUTH_ID)), tlv(0xA1, attributes))


def prkdf(keys: Iterable[KeyEntry], path: bytes, bits: int) -> bytes:
    """Private RSA keys, without algorithm references as on the real card [OSC]."""
    return b"".join(
        tlv(
            0x30,
            tlv(0x30, tlv(0x0C, key.label.encode()), tlv(0x03, b"\x07\x80"), tlv(0x04, AUTH_ID)),
            tlv(
                0x30,
                tlv(0x04, key.id),
                tlv(0x03, _named_bits(key.usage)),
                tlv(0x03, b"\x03\xb8"),
                tlv(0x02, _integer(key.reference)),
            ),
            tlv(0xA1, tlv(0x30, tlv(0x30, tlv(0x04, path)), tlv(0x02, _integer(bits)))),
        )
        for key in keys
    )


def cdf(certificates: Iterable[ObjectEntry], *, lax: bool) -> bytes:
    return b"".join(
        tlv(
            0x30,
            tlv(0x30, tlv(0x0C, c.label.encode()), tlv(0x03, b"\x00" if lax else b"\x06\x00")),
            tlv(0x30, tlv(0x04, c.id)),
            tlv(0xA1, tlv(0x30, tlv(0x30, tlv(0x04, c.path)))),
        )
        for c in certificates
    )


def dodf(objects: Iterable[ObjectEntry], application: str) -> bytes:
    rows = []
    for o in objects:
        flags = b"\x07\x80" if o.private else b"\x06\x00"
        protection = tlv(0x04, AUTH_ID) if o.private else b""
        rows.append(
            tlv(
                0x30,
                tlv(0x30, tlv(0x0C, o.label.encode()), tlv(0x03, flags), protection),
                tlv(0x30, tlv(0x0C, application.encode())),
                tlv(0xA1, tlv(0x30, tlv(0x04, o.path))),
            )
        )
    return b"".join(rows)


def _integer(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _named_bits(flags: int) -> bytes:
    """BIT STRING content: bit 0 is the most significant, trailing zero bits left out."""
    last = flags.bit_length()
    size = (last + 7) // 8
    bits = sum(1 << (8 * size - 1 - n) for n in range(last) if flags >> n & 1)
    return bytes([8 * size - last]) + bits.to_bytes(size, "big")
