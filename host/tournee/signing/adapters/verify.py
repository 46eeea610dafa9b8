"""Verifies what a card signed, with `cryptography`."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tournee.signing.errors import SignatureInvalid


def verify(certificate: bytes, text: bytes, signature: bytes) -> None:
    """RSA PKCS#1 v1.5 SHA-256 by the key of `certificate` (DER); raises SignatureInvalid. The certificate's own chain is not checked here."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        raise SignatureInvalid("certificat illisible") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureInvalid("la clé du certificat n'est pas RSA")
    try:
        key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise SignatureInvalid("elle ne correspond pas à ce qui est signé") from None
