"""A signature of an invoice or a lot by one card, as a program for `cards.driver.run`; both RSA PKCS#1 v1.5 SHA-256, 256 bytes."""

from __future__ import annotations

from tournee.cards import cps, svsim
from tournee.cards.commands import Program
from tournee.signing.message import Kind, message


def by_cps(kind: Kind, numero: int, digest: bytes) -> Program[bytes]:
    """CPS_PRIV_SIG by the public IAS-ECC sequence [ANS, captured]; raises NotVerified before the PIN."""
    return cps.sign(message(kind, numero, digest))


def by_vitale(numero: int, digest: bytes) -> Program[bytes]:
    """The Vitale's SV-SIM key (SIMULATION); a Vitale signs invoices only. Raises NotVerified before a CPS was shown to it."""
    return svsim.sign(message("F", numero, digest))
