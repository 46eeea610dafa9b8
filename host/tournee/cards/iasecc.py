"""IAS-ECC commands of a CPS3 contact, T=0 [C: ANS, OpenSC; captured sequences in the facts §2.4].

`sign_steps` is the public signature sequence: what is signed is at most 55 bytes, so that PSO HASH carries it as the last block
(SHA-256 pads a last block of 64 bytes with 9) and the card computes the whole hash.
"""

from __future__ import annotations

from typing import Final

from tournee.cards.script import QUIET, STOP, Step, apdu
from tournee.terminal.model import PinRequest

MF: Final = bytes.fromhex("3F00")
DF_CONTACT: Final = bytes.fromhex("3F000001")
READ_CHUNK: Final = 0xE7
"""Largest Le of a READ that real middleware sends [ANS]."""
PIN_REFERENCE: Final = 0x01
PIN_DIGITS: Final = 4
KEY_SIGN: Final = 0x81
KEY_AUTH: Final = 0x82
SIGNATURE_BYTES: Final = 256
LAST_BLOCK_MAX: Final = 55
PIN_STATUS: Final = bytes([0x00, 0x20, 0x00, PIN_REFERENCE])
"""VERIFY without data: 9000 verified, 63Cx tries left, 6983 blocked."""
_SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")


def select(path: bytes) -> bytes:
    """By absolute path, no data in the answer (P2=0C)."""
    return bytes([0x00, 0xA4, 0x09, 0x0C, len(path)]) + path


def pin_request(prompt: str, timeout_s: int = 60) -> PinRequest:
    """VERIFY of the code porteur: 4 ASCII digits, not padded (as ANS and OpenSC send it)."""
    return PinRequest(PIN_STATUS, PIN_DIGITS, PIN_DIGITS, prompt, timeout_s=timeout_s)


def sign_steps(message: bytes) -> list[Step]:
    """PSO HASH + COMPUTE DIGITAL SIGNATURE with CPS_PRIV_SIG, SHA-256 RSA PKCS#1 v1.5; `message` 1 … 55 bytes. Answer: `signature`."""
    if not 1 <= len(message) <= LAST_BLOCK_MAX:
        raise ValueError(f"the card hashes 1 to {LAST_BLOCK_MAX} bytes here, not {len(message)}")
    block = bytes([0x90, 0x00, 0x80, len(message)]) + message
    return [
        apdu("df", select(DF_CONTACT), QUIET | STOP),
        apdu("mse_ht", bytes.fromhex("002241AA03800140"), QUIET | STOP),
        apdu("hash", bytes([0x00, 0x2A, 0x90, 0xA0, len(block)]) + block, QUIET | STOP),
        apdu("mse_dst", bytes.fromhex("002241B606800142") + bytes([0x84, 0x01, KEY_SIGN]), QUIET | STOP),
        apdu("signature", bytes.fromhex("002A9E9A00"), STOP),
    ]


def authenticate_steps(digest_info: bytes) -> list[Step]:
    """INTERNAL AUTHENTICATE with CPS_PRIV_AUT: RSA PKCS#1 v1.5 type 1 over `digest_info`. Answer: `signature`."""
    if not 1 <= len(digest_info) <= 102:  # 40 % of the modulus, as PKCS#15 middleware allows
        raise ValueError(f"a DigestInfo is 1 to 102 bytes, not {len(digest_info)}")
    command = bytes([0x00, 0x88, 0x00, 0x00, len(digest_info)]) + digest_info + b"\x00"
    return [
        apdu("df", select(DF_CONTACT), QUIET | STOP),
        apdu("mse_at", bytes.fromhex("002241A406800102") + bytes([0x84, 0x01, KEY_AUTH]), QUIET | STOP),
        apdu("signature", command, STOP),
    ]


def digest_info(sha256: bytes) -> bytes:
    """DER DigestInfo of a SHA-256 digest (32 bytes) [RFC 8017 §9.2]."""
    if len(sha256) != 32:
        raise ValueError(f"SHA-256 is 32 bytes, not {len(sha256)}")
    return _SHA256_INFO + sha256
