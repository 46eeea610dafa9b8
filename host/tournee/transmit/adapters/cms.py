"""CMS around a file: signed-data whose signature a card makes, inside enveloped-data for the fund's mailbox.

SHA-256 with RSA PKCS#1 v1.5; AES-128-CBC with RSA key transport [IMPL TAXI; SPEC S002: AES-128]. RFC 5652.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PendingSignature:
    """A signed-data that lacks its signature. The card signs `digest_info` (DER DigestInfo, 51 bytes) with PKCS#1 v1.5."""

    digest_info: bytes
    content: bytes
    signed_attributes: bytes  # DER SET OF
    certificates: tuple[bytes, ...]  # DER
    signer_certificate: bytes  # DER


def begin(
    content: bytes,
    *,
    signer_certificate: bytes,
    certificates: Sequence[bytes] = (),
    signing_time: datetime | None = None,
) -> PendingSignature:
    """What the card must sign. Certificates are DER; the signer's is added to the set."""
    raise NotImplementedError


def finish(pending: PendingSignature, signature: bytes) -> bytes:
    """DER ContentInfo(signed-data); raises EnvelopeError when the signature does not verify with the signer's certificate."""
    raise NotImplementedError


def envelope(content: bytes, recipient_certificate_pem: str) -> bytes:
    """DER ContentInfo(enveloped-data, AES-128-CBC); raises EnvelopeError for a certificate without an RSA key."""
    raise NotImplementedError
