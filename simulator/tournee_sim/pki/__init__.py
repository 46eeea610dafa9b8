"""Keys and certificates of the simulation, made at run time and kept in one private directory. SIMULATION.

`Pki(dir)` is safe to use from several processes at once. `Pki()` takes `TOURNEE_TEST_KEYS`. RSA 2048, SHA-256, valid 2024-01-01 … 2040-12-31.
Subjects follow what is public of CPS certificates (title, SN, GN, CN = national id; IGC-Santé layout [S]); all names say SIMULATEUR.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_NAME = "SIMULATEUR - NE PAS UTILISER"
NOT_BEFORE = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
NOT_AFTER = dt.datetime(2040, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
KEYS_VARIABLE = "TOURNEE_TEST_KEYS"


class PkiError(RuntimeError):
    """The key directory cannot be used; says which and what to do."""


@dataclass(frozen=True)
class Identity:
    """A private key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


@dataclass(frozen=True)
class CpsIdentity:
    """The two key pairs of a CPS: `sign` CPS_PRIV_SIG (nonRepudiation), `auth` CPS_PRIV_AUT (digitalSignature, keyEncipherment)."""

    sign: Identity
    auth: Identity


class Pki:
    """Test CA, cards and funds of one key directory; everything is made when first asked for, and the same ever after."""

    def __init__(self, directory: Path | str | None = None) -> None:
        chosen = directory or os.environ.get(KEYS_VARIABLE)
        if not chosen:
            raise PkiError(f"no directory for the test keys: give --keys DIR or set {KEYS_VARIABLE}")
        self.directory = Path(chosen)
        self._loaded: dict[str, Identity] = {}
        """Reading a key checks it, which costs a tenth of a second."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.directory.chmod(0o700)
        except OSError as exc:
            raise PkiError(f"{self.directory}: {exc.strerror}; choose another directory for the test keys") from exc

    @cached_property
    def _ca(self) -> Identity:
        return self._identity("ca", _ca_certificate)

    @property
    def ca(self) -> x509.Certificate:
        """Certificate of the test CA."""
        return self._ca.certificate

    @property
    def ca_pem(self) -> str:
        return self._ca.pem

    def fund(self, code: str) -> Identity:
        """Mailbox of a fund; `code` = régime (2) + caisse (3), e.g. `01991`. Key for enciphering and for signing returns."""
        subject = _name(organisation=f"CAISSE {code} SIMULATION", common=f"caisse-{code}@simulation.invalid")
        return self._issue(f"fund-{_safe(code)}", subject, _usage(digital_signature=True, key_encipherment=True))

    def cps(self, card_id: str) -> CpsIdentity:
        """Key pairs of a practitioner of the catalogue (`tournee_sim.people`)."""
        from tournee_sim.people import practitioner

        person = practitioner(card_id)
        subject = _name(
            organisation="SIMULATION",
            title=person.titre,
            surname=person.nom,
            given_name=person.prenom,
            common=person.numero_national,
        )
        sign = self._issue(f"{_safe(card_id)}-sign", subject, _usage(content_commitment=True))
        auth = self._issue(
            f"{_safe(card_id)}-auth", subject, _usage(digital_signature=True, key_encipherment=True), tls=True
        )
        return CpsIdentity(sign, auth)

    def vitale(self, card_id: str) -> Identity:
        """Signature key of a Vitale (SV-SIM); its certificate names the card's serial number, never a person."""
        from tournee_sim.people import vitale

        subject = _name(organisation="VITALE SIMULATION", common=f"VITALE {vitale(card_id).numero_serie}")
        return self._issue(f"{_safe(card_id)}-sign", subject, _usage(content_commitment=True))

    def _issue(self, name: str, subject: x509.Name, usage: x509.KeyUsage, *, tls: bool = False) -> Identity:
        ca = self._ca  # before the lock is taken for the new key: it is not reentrant

        def make(key: rsa.RSAPrivateKey) -> x509.Certificate:
            builder = (
                _builder(subject, ca.certificate.subject, key.public_key())
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(usage, critical=True)
                .add_extension(_authority(ca), critical=False)
            )
            if tls:
                purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
                builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            return builder.sign(ca.key, hashes.SHA256())

        return self._identity(name, make)

    def _identity(self, name: str, make: Callable[[rsa.RSAPrivateKey], x509.Certificate]) -> Identity:
        if name in self._loaded:
            return self._loaded[name]
        path = self.directory / f"{name}.pem"
        if not path.exists():
            with self._lock():
                if not path.exists():
                    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                    _write(path, key, make(key))
        self._loaded[name] = _load(path)
        return self._loaded[name]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        descriptor = os.open(self.directory / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _safe(name: str) -> str:
    if not name or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise PkiError(f"{name!r} is no name for a key: letters, digits, - and _ only")
    return name


def _name(organisation: str, common: str, title: str = "", surname: str = "", given_name: str = "") -> x509.Name:
    parts = [(NameOID.COUNTRY_NAME, "FR"), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.TITLE, title)]
    parts += [(NameOID.SURNAME, surname), (NameOID.GIVEN_NAME, given_name), (NameOID.COMMON_NAME, common)]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_encipherment: bool = False,
    ca: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority(ca: Identity) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())


def _ca_certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    subject = _name(organisation="SIMULATION", common=CA_NAME)
    return (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(private + certificate.public_bytes(serialization.Encoding.PEM))
    temporary.rename(path)


def _load(path: Path) -> Identity:
    data = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(data, password=None)
        certificate = x509.load_pem_x509_certificate(data)
    except ValueError as exc:
        raise PkiError(f"{path}: not a key of the simulation; delete it, it will be made again") from exc
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PkiError(f"{path}: not an RSA key; delete it, it will be made again")
    return Identity(key, certificate)
