"""CMS: the signature is made outside, and OpenSSL reads what we write."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from tournee.transmit.adapters import cms
from tournee.transmit.errors import EnvelopeError
from tournee_sim.pytest_plugin import need

CONTENT = bytes(range(256)) * 5 + b"\r\n.\n"  # binary: no canonicalisation may touch it
AT = datetime(2025, 1, 15, 20, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Holder:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def card(self, digest_info: bytes) -> bytes:
        """As the card does: PKCS#1 v1.5 over a DigestInfo made outside."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        prefix = bytes.fromhex("3031300d060960864801650304020105000420")
        assert digest_info.startswith(prefix) and len(digest_info) == len(prefix) + 32
        return self.key.sign(digest_info[len(prefix) :], padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def holder(name: str, *, curve: bool = False) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=30))
        .not_valid_after(AT + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return Holder(key, certificate)


@pytest.fixture(scope="module")
def cps() -> Holder:
    return holder("CPS SIMULATION")


@pytest.fixture(scope="module")
def vitale() -> Holder:
    return holder("VITALE SIMULATION")


@pytest.fixture(scope="module")
def fund() -> Holder:
    return holder("FONDS SIMULATION")


def _signed(cps: Holder, *others: Holder) -> bytes:
    pending = cms.begin(
        CONTENT, signer_certificate=cps.der, certificates=[h.der for h in (*others, cps)], signing_time=AT
    )
    return cms.finish(pending, cps.card(pending.digest_info))


def test_signed_data_holds_the_content_and_every_certificate_once(cps: Holder, vitale: Holder) -> None:
    signed = _signed(cps, vitale)
    assert CONTENT in signed
    found = pkcs7.load_der_pkcs7_certificates(signed)
    assert sorted(c.serial_number for c in found) == sorted(h.certificate.serial_number for h in (cps, vitale))


def test_signature_of_another_key_is_refused(cps: Holder, vitale: Holder) -> None:
    pending = cms.begin(CONTENT, signer_certificate=cps.der)
    with pytest.raises(EnvelopeError):
        cms.finish(pending, vitale.card(pending.digest_info))


def test_signature_over_other_content_is_refused(cps: Holder) -> None:
    pending = cms.begin(CONTENT, signer_certificate=cps.der)
    other = cms.begin(CONTENT + b"x", signer_certificate=cps.der)
    with pytest.raises(EnvelopeError):
        cms.finish(pending, cps.card(other.digest_info))


def test_envelope_is_aes128_and_opens_with_the_fund_key_only(fund: Holder, cps: Holder) -> None:
    sealed = cms.envelope(CONTENT, fund.pem)
    assert bytes.fromhex("0609608648016503040102") in sealed  # OID 2.16.840.1.101.3.4.1.2: AES-128-CBC
    assert CONTENT[:64] not in sealed
    assert isinstance(fund.key, rsa.RSAPrivateKey) and isinstance(cps.key, rsa.RSAPrivateKey)
    assert pkcs7.pkcs7_decrypt_der(sealed, fund.certificate, fund.key, []) == CONTENT
    with pytest.raises(ValueError):
        pkcs7.pkcs7_decrypt_der(sealed, cps.certificate, cps.key, [])


def test_certificate_without_rsa_key_is_refused(cps: Holder) -> None:
    with pytest.raises(EnvelopeError):
        cms.envelope(CONTENT, holder("EC", curve=True).pem)
    with pytest.raises(EnvelopeError):
        cms.envelope(CONTENT, "not a certificate")
    with pytest.raises(EnvelopeError):
        cms.begin(CONTENT, signer_certificate=b"\x30\x03abc")


def test_openssl_decrypts_and_verifies(cps: Holder, vitale: Holder, fund: Holder, tmp_path: Path) -> None:
    need("openssl")
    (tmp_path / "fund.pem").write_text(fund.pem)
    (tmp_path / "ca.pem").write_text(cps.pem)
    key = fund.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "fund.key").write_bytes(key)
    (tmp_path / "sealed.der").write_bytes(cms.envelope(_signed(cps, vitale), fund.pem))

    def openssl(*arguments: str) -> None:
        done = subprocess.run(["openssl", "cms", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    openssl(
        "-decrypt", "-binary", "-inform", "DER", "-in", "sealed.der", "-recip", "fund.pem", "-inkey", "fund.key",
        "-out", "signed.der",
    )  # fmt: skip
    openssl(
        "-verify", "-binary", "-inform", "DER", "-in", "signed.der", "-CAfile", "ca.pem", "-purpose", "any",
        "-attime", str(int(AT.timestamp())), "-out", "content",
    )  # fmt: skip
    assert (tmp_path / "content").read_bytes() == CONTENT
