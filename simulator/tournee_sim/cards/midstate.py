"""SHA-1 and SHA-256 continued from an intermediate state: the card hashes only the last block (IAS-ECC PSO HASH).

`hashlib` cannot load a state, hence these compression functions (FIPS 180-4), checked against it.
"""

from __future__ import annotations

import struct
from typing import Final

_MASK: Final = 0xFFFFFFFF


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % p for p in found):
            found.append(number)
        number += 1
    return found


def _root_bits(number: int, degree: int) -> int:
    """First 32 bits of the fractional part of the `degree`-th root, exactly, by integer search."""
    shifted = number << (32 * degree)
    low, high = 0, 1 << (32 + number.bit_length())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= shifted else (low, middle - 1)
    return low & _MASK


_K256: Final = tuple(_root_bits(p, 3) for p in _primes(64))
SHA256_START: Final = struct.pack(">8I", *(_root_bits(p, 2) for p in _primes(8)))
SHA1_START: Final = bytes.fromhex("67452301efcdab8998badcfe10325476c3d2e1f0")


def finish(name: str, state: bytes, hashed_bits: int, last: bytes) -> bytes:
    """Digest of a message whose first `hashed_bits` (a multiple of 512) gave `state`; `last` is the rest, at most 64 bytes.

    `name` is `sha1` or `sha256`; raises ValueError when the sizes do not fit.
    """
    compress, size = {"sha1": (_sha1_block, 20), "sha256": (_sha256_block, 32)}[name]
    if len(state) != size or hashed_bits % 512 or hashed_bits < 0 or len(last) > 64:
        raise ValueError(f"{name}: state of {len(state)} bytes, {hashed_bits} bits, last block of {len(last)} bytes")
    bits = hashed_bits + 8 * len(last)
    padded = last + b"\x80" + bytes(-(len(last) + 9) % 64) + struct.pack(">Q", bits)
    for at in range(0, len(padded), 64):
        state = compress(state, padded[at : at + 64])
    return state


def start(name: str) -> bytes:
    """State before anything is hashed."""
    return {"sha1": SHA1_START, "sha256": SHA256_START}[name]


def advance(name: str, state: bytes, blocks: bytes) -> bytes:
    """State after whole blocks of 64 bytes (what a host does before it hands over to the card)."""
    compress = {"sha1": _sha1_block, "sha256": _sha256_block}[name]
    for at in range(0, len(blocks), 64):
        state = compress(state, blocks[at : at + 64])
    return state


def _rotr(x: int, n: int) -> int:
    return (x >> n | x << (32 - n)) & _MASK


def _sha256_block(state: bytes, block: bytes) -> bytes:
    w = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        s0 = _rotr(w[i - 15], 7) ^ _rotr(w[i - 15], 18) ^ w[i - 15] >> 3
        s1 = _rotr(w[i - 2], 17) ^ _rotr(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append((w[i - 16] + s0 + w[i - 7] + s1) & _MASK)
    start_state = struct.unpack(">8I", state)
    a, b, c, d, e, f, g, h = start_state
    for i in range(64):
        t1 = h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + (e & f ^ ~e & g) + _K256[i] + w[i]
        t2 = (_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    return struct.pack(">8I", *((x + y) & _MASK for x, y in zip(start_state, (a, b, c, d, e, f, g, h), strict=True)))


def _sha1_block(state: bytes, block: bytes) -> bytes:
    w = list(struct.unpack(">16I", block))
    for i in range(16, 80):
        w.append(_rotr(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 31))
    start_state = struct.unpack(">5I", state)
    a, b, c, d, e = start_state
    for i in range(80):
        if i < 20:
            f, k = b & c | ~b & d, 0x5A827999
        elif i < 40:
            f, k = b ^ c ^ d, 0x6ED9EBA1
        elif i < 60:
            f, k = b & c | b & d | c & d, 0x8F1BBCDC
        else:
            f, k = b ^ c ^ d, 0xCA62C1D6
        a, b, c, d, e = (_rotr(a, 27) + f + e + k + w[i]) & _MASK, a, _rotr(b, 2), c, d
    return struct.pack(">5I", *((x + y) & _MASK for x, y in zip(start_state, (a, b, c, d, e), strict=True)))
