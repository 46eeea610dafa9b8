"""CMS around a file: signed-data whose signature a card makes, inside enveloped-data for the fund's mailbox.

SHA-256 with RSA PKCS#1 v1.5; AES-128-CBC with RSA key transport [IMPL TAXI; SPEC S002: AES-128]. RFC 5652.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs7

from tournee.transmit.errors import EnvelopeError


@dataclass(frozen=True)
class PendingSignature:
    """A signed-data that lacks its signature. The card signs `digest_info` (DER DigestInfo, 51 bytes) with PKCS#1 v1.5."""

    digest_info: bytes
    content: bytes
    signed_attributes: bytes  # DER SET OF
    certificates: tuple[bytes, ...]  # DER, the signer's first
    signer_certificate: bytes  # DER

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed attributes, 32 bytes."""
        return hashlib.sha256(self.signed_attributes).digest()


def begin(
    content: bytes,
    *,
    signer_certificate: bytes,
    certificates: Sequence[bytes] = (),
    signing_time: datetime | None = None,
) -> PendingSignature:
    """What the card must sign. Certificates are DER; the signer's is added to the set. Raises EnvelopeError."""
    chosen = tuple(dict.fromkeys((signer_certificate, *certificates)))
    for der in chosen:
        _certificate(der)
    attributes = [
        cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
        cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
    ]
    if signing_time is not None:
        if signing_time.tzinfo is None:
            raise ValueError("signing_time: aware date-time")
        moment = core.UTCTime(signing_time.astimezone(UTC))
        attributes.append(cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": moment})]}))
    signed: bytes = cms.CMSAttributes(attributes).dump()
    info = algos.DigestInfo(
        {
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256", "parameters": core.Null()}),
            "digest": hashlib.sha256(signed).digest(),
        }
    )
    return PendingSignature(info.dump(), content, signed, chosen, signer_certificate)


def finish(pending: PendingSignature, signature: bytes) -> bytes:
    """DER ContentInfo(signed-data); raises EnvelopeError when the signature does not verify with the signer's certificate."""
    try:
        _public_key(pending.signer_certificate).verify(
            signature, pending.digest, padding.PKCS1v15(), Prehashed(SHA256())
        )
    except InvalidSignature as exc:
        raise EnvelopeError(
            "La signature de l'envoi ne correspond pas à la carte CPS.", "Remettez la carte CPS et recommencez l'envoi."
        ) from exc
    signer = asn1_x509.Certificate.load(pending.signer_certificate)
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                        {"issuer": signer.issuer, "serial_number": signer.serial_number}
                    )
                }
            ),
            "digest_algorithm": sha256,
            "signed_attrs": cms.CMSAttributes.load(pending.signed_attributes),
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
            "signature": signature,
        }
    )
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [sha256],
            "encap_content_info": {"content_type": "data", "content": pending.content},
            "certificates": [asn1_x509.Certificate.load(der) for der in pending.certificates],
            "signer_infos": [info],
        }
    )
    der: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return der


def envelope(content: bytes, recipient_certificate_pem: str) -> bytes:
    """DER ContentInfo(enveloped-data, AES-128-CBC); raises EnvelopeError for a certificate without an RSA key."""
    try:
        certificate = x509.load_pem_x509_certificate(recipient_certificate_pem.encode())
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            raise ValueError("no RSA key")
    except ValueError as exc:
        raise EnvelopeError(
            "Le certificat de la caisse ne permet pas de chiffrer.", "Mettez l'annuaire des destinations à jour."
        ) from exc
    return (
        pkcs7.PKCS7EnvelopeBuilder()
        .set_data(content)
        .add_recipient(certificate)
        .set_content_encryption_algorithm(AES128)
        .encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as exc:
        raise EnvelopeError("Un certificat de carte est illisible.", "Remettez la carte et recommencez.") from exc


def _public_key(der: bytes) -> rsa.RSAPublicKey:
    key = _certificate(der).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise EnvelopeError("Le certificat de la carte CPS n'a pas de clé RSA.", "Employez une carte CPS.")
    return key
