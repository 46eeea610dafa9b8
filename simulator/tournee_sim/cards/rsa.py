"""RSA as a card does it: PKCS#1 v1.5 over what it is given (RFC 8017 §8.2.1, §7.2.2)."""

from __future__ import annotations

from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class PaddingError(ValueError):
    """Data too long for the key, or a cryptogram that is none."""


class CardKey:
    """A private key of a card; sizes in bytes."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    @property
    def size(self) -> int:
        return self._key.key_size // 8

    def sign(self, digest_info: bytes) -> bytes:
        """Type 1 block around `digest_info`, at most 40 % of the modulus; raises PaddingError."""
        if len(digest_info) > self.size * 2 // 5:
            raise PaddingError("more than 40 % of the modulus")
        block = b"\x00\x01" + b"\xff" * (self.size - len(digest_info) - 3) + b"\x00" + digest_info
        return self.raw(block)

    def sign_pss(self, digest: bytes, name: str) -> bytes:
        """PSS over a hash `sha1` or `sha256`, same hash in MGF1, salt as long (RFC 8017 §8.1.1)."""
        algorithm = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}[name]
        scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        return self._key.sign(digest, scheme, Prehashed(algorithm))

    def decipher(self, cryptogram: bytes) -> bytes:
        """Content of a type 2 block; raises PaddingError."""
        if len(cryptogram) != self.size:
            raise PaddingError(f"cryptogram of {len(cryptogram)} bytes")
        block = self.raw(cryptogram)
        end = block.find(b"\0", 2)
        if block[:2] != b"\x00\x02" or end < 10:
            raise PaddingError("no type 2 block")
        return block[end + 1 :]

    def raw(self, block: bytes) -> bytes:
        """The private operation on one block; raises PaddingError unless it is as long as the modulus and below it."""
        if len(block) != self.size:
            raise PaddingError(f"block of {len(block)} bytes")
        numbers = self._numbers
        value = int.from_bytes(block, "big")
        if value >= numbers.public_numbers.n:
            raise PaddingError("not below the modulus")
        m1 = pow(value, numbers.dmp1, numbers.p)
        m2 = pow(value, numbers.dmq1, numbers.q)
        result = m2 + (m1 - m2) * numbers.iqmp % numbers.p * numbers.q
        return result.to_bytes(self.size, "big")

    @cached_property
    def _numbers(self) -> rsa.RSAPrivateNumbers:
        return self._key.private_numbers()
