"""Open what the host sealed: enveloped-data with the fund's key, then signed-data checked against the test CA (RFC 5652)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs7


class EnvelopeError(ValueError):
    """Says which layer could not be opened; holds nothing of what is inside."""


@dataclass(frozen=True)
class Signed:
    content: bytes
    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    signature_ok: bool
    detail: str

    def by_fingerprint(self, prefix: str) -> x509.Certificate | None:
        """The certificate whose SHA-256 (hex) begins with `prefix`."""
        return next((c for c in self.certificates if fingerprint(c).startswith(prefix)), None) if prefix else None


def fingerprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def encryption_algorithm(der: bytes) -> str:
    """asn1crypto's name of the content encryption, e.g. `aes128_cbc`; raises EnvelopeError."""
    try:
        info = cms.ContentInfo.load(der, strict=True)
        if info["content_type"].native != "enveloped_data":
            raise EnvelopeError("not an enveloped-data")
        algorithm = info["content"]["encrypted_content_info"]["content_encryption_algorithm"]
        return str(algorithm["algorithm"].native)
    except EnvelopeError:
        raise
    except Exception as exc:  # asn1crypto raises many kinds on hostile input
        raise EnvelopeError("not a readable CMS structure") from exc


def decrypt(der: bytes, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bytes:
    """Raises EnvelopeError."""
    try:
        return pkcs7.pkcs7_decrypt_der(der, certificate, key, [])
    except Exception as exc:  # the same: wrong recipient, padding, structure
        raise EnvelopeError("cannot be decrypted with the key of this fund") from exc


def open_signed(der: bytes) -> Signed:
    """The signed-data's content and whether its one signature holds; raises EnvelopeError when it cannot be read."""
    try:
        info = cms.ContentInfo.load(der, strict=True)
        if info["content_type"].native != "signed_data":
            raise EnvelopeError("inside is no signed-data")
        signed = info["content"]
        content = signed["encap_content_info"]["content"].native
        certificates = tuple(x509.load_der_x509_certificate(c.dump()) for c in signed["certificates"])
        signers = list(signed["signer_infos"])
        if not isinstance(content, bytes) or len(signers) != 1:
            raise EnvelopeError("one content and one signer are needed")
        signer_info = signers[0]
        wanted = signer_info["sid"].chosen
        serial = wanted["serial_number"].native
        issuer = wanted["issuer"].dump()
        signer = next(
            (c for c in certificates if c.serial_number == serial and c.issuer.public_bytes() == issuer), None
        )
        if signer is None:
            raise EnvelopeError("the signer's certificate is missing")
        detail = _verify(signer_info, content, signer)
    except EnvelopeError:
        raise
    except Exception as exc:
        raise EnvelopeError("the signed-data cannot be read") from exc
    return Signed(content, signer, certificates, not detail, detail or "RSA PKCS#1 v1.5 SHA-256")


def _verify(info: cms.SignerInfo, content: bytes, signer: x509.Certificate) -> str:
    """ "" or what is wrong."""
    attributes = {a["type"].native: a["values"][0].native for a in info["signed_attrs"]}
    if info["digest_algorithm"]["algorithm"].native != "sha256":
        return "digest is not SHA-256"
    if attributes.get("content_type") != "data":
        return "content type attribute"
    if attributes.get("message_digest") != hashlib.sha256(content).digest():
        return "message digest differs from the content"
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return "no RSA key"
    covered = b"\x31" + info["signed_attrs"].dump()[1:]  # signed as SET OF, carried as [0] IMPLICIT (RFC 5652 §5.4)
    try:
        key.verify(info["signature"].native, covered, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return "signature does not verify"
    return ""


def chain_fault(certificate: x509.Certificate, ca: x509.Certificate, today: date) -> str:
    """ "" when `ca` issued it and it is valid at noon of `today`; else why not."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return "not issued by the test CA"
    noon = datetime.combine(today, time(12), UTC)
    if not certificate.not_valid_before_utc <= noon <= certificate.not_valid_after_utc:
        return "not valid on this day"
    return ""
