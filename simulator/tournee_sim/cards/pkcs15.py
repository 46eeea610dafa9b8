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
    rules: tuple[int, ...]  # accessMode of each access rule; all need the code porteur


@dataclass(frozen=True)
class ObjectEntry:
    """A row of CDF or DODF."""

    label: str
    path: bytes
    id: bytes = b""
    private: bool = False


AUTH_ID = b"\x01"
"""Identifier of the code porteur; keys and protected objects name it [ANS]."""
UNBLOCK_ID = b"\x02"
"""The code porteur is itself protected by the unblocking code [OSC 2224; which of the two ids 02 is: deduced]."""
PSO_CDS, PSO_DECRYPT, INT_AUTH = 1 << 5, 1 << 7, 1 << 9  # bits of accessMode, ISO 7816-15
KEY_USAGE_SIGN_NONREPUDIATION = 1 << 9
KEY_USAGE_DECRYPT_SIGN = 1 << 1 | 1 << 2
_SIGN, _DECIPHER, _HASH = 1 << 1, 1 << 5, 1 << 6  # bits of supportedOperations
_ALGORITHMS = (  # PKCS#11 mechanism, operation, OID, the card's reference
    (0x220, _HASH, "2B0E03021A", 0x10),  # SHA-1
    (0x250, _HASH, "608648016503040201", 0x40),  # SHA-256
    (0x006, _SIGN, "2A864886F70D010105", 0x12),  # SHA1-RSA-PKCS
    (0x040, _SIGN, "2A864886F70D01010B", 0x42),  # SHA256-RSA-PKCS
    (0x001, _SIGN, "2A864886F70D010101", 0x02),  # RSA-PKCS, INTERNAL AUTHENTICATE
    (0x001, _DECIPHER, "2A864886F70D010101", 0x1A),
)


def odf(private_keys: bytes, certificates: bytes, data_objects: bytes, auth_objects: bytes) -> bytes:
    """The four paths under their context tags."""
    rows = ((0xA0, private_keys), (0xA4, certificates), (0xA7, data_objects), (0xA8, auth_objects))
    return b"".join(tlv(tag, tlv(0x30, tlv(0x04, path))) for tag, path in rows)


def token_info(label: str, serial: bytes, manufacturer: str) -> bytes:
    """TokenInfo with the supported algorithms: the keys name none, readers look here [OSC; references: ANS]."""
    algorithms = [
        tlv(
            0x30,
            tlv(0x02, bytes([number])),
            tlv(0x02, _integer(mechanism)),
            tlv(0x05),
            tlv(0x03, _named_bits(operation)),
            tlv(0x06, bytes.fromhex(oid)),
            tlv(0x02, _integer(reference)),
        )
        for number, (mechanism, operation, oid, reference) in enumerate(_ALGORITHMS, 1)
    ]
    return tlv(
        0x30,
        tlv(0x02, b"\0"),
        tlv(0x04, serial),
        tlv(0x0C, manufacturer.encode()),
        tlv(0x80, label.encode()),
        tlv(0x03, b"\x04\x10"),  # prnGeneration
        tlv(0xA2, *algorithms),
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
    flags = tlv(0x03, b"\xc0" if lax else b"\x06\xc0")
    common = tlv(0x30, tlv(0x0C, label.encode()), flags, tlv(0x04, UNBLOCK_ID))
    return tlv(0x30, common, tlv(0x30, tlv(0x04, AUTH_ID)), tlv(0xA1, attributes))


def prkdf(keys: Iterable[KeyEntry], path: bytes, bits: int) -> bytes:
    """Private RSA keys, without algorithm references as on the real card [OSC]."""
    return b"".join(
        tlv(
            0x30,
            tlv(
                0x30,
                tlv(0x0C, key.label.encode()),
                tlv(0x03, b"\x07\x80"),
                tlv(0x04, AUTH_ID),
                tlv(0x30, *(tlv(0x30, tlv(0x03, _named_bits(rule)), tlv(0x04, AUTH_ID)) for rule in key.rules)),
            ),
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
