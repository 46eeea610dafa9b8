"""The SV-SIM v1 part of a Vitale (SIMULATION, docs/ARCHITECTURE.md): rights opened by the CPS, the Vitale's signature."""

from __future__ import annotations

import hashlib
from typing import Final

from tournee.cards import cps, droits, iasecc
from tournee.cards.commands import Program
from tournee.cards.errors import CardDataError
from tournee.cards.model import Droits
from tournee.cards.script import QUIET, STOP, Step, apdu, read
from tournee.cards.steps import run

AID: Final = bytes.fromhex("F053562D53494D01")
SELECT: Final = bytes.fromhex("00A4040008") + AID
SFI_RIGHTS: Final = 1
SFI_CERTIFICATE: Final = 2
SFI_LABEL: Final = 3
CHALLENGE_BYTES: Final = 8
MESSAGE_MAX: Final = 55
SIGNATURE_BYTES: Final = 256
_RIGHTS: Final = "droits de la carte Vitale"
_CHUNK: Final = 255
_ZONE_BYTES: Final = 7500


def open_rights(serial: bytes, cps_certificate: bytes) -> Program[Droits]:
    """The Vitale learns that a CPS is there (challenge, CPS INTERNAL AUTHENTICATE, certificate, signature) and gives the rights.

    Raises NotVerified when the CPS wants its PIN."""
    start = [apdu("select", SELECT, QUIET | STOP), apdu("challenge", bytes.fromhex("0084000008"), STOP)]
    answers = yield from run("vitale", start)
    challenge = answers.need("challenge", "défi de la carte Vitale")
    if len(challenge) != CHALLENGE_BYTES:
        raise CardDataError("défi", f"{len(challenge)} octets au lieu de {CHALLENGE_BYTES}")
    digest = hashlib.sha256(challenge + serial).digest()
    signature = yield from cps.authenticate(iasecc.digest_info(digest))
    steps = [
        *chained("certificate", bytes.fromhex("002A00BE"), cps_certificate),
        *chained("proof", bytes.fromhex("00820000"), signature),
        _read_zone(),
    ]
    answers = yield from run("vitale", steps)
    answers.need("proof", "authentification de la CPS par la carte Vitale")
    return droits.droits(answers.need("zone", _RIGHTS))


def read_rights() -> Program[Droits]:
    """The rights zone; raises NotVerified when `open_rights` must come first."""
    answers = yield from run("vitale", [apdu("select", SELECT, QUIET | STOP), _read_zone()])
    return droits.droits(answers.need("zone", _RIGHTS))


def sign(message: bytes) -> Program[bytes]:
    """256 bytes: RSA PKCS#1 v1.5, SHA-256 over `message` (1 … 55 bytes). Raises NotVerified when `open_rights` must come first."""
    if not 1 <= len(message) <= MESSAGE_MAX:
        raise ValueError(f"the card signs 1 to {MESSAGE_MAX} bytes, not {len(message)}")
    command = bytes.fromhex("805A0000") + bytes([len(message)]) + message + b"\x00"
    answers = yield from run("vitale", [apdu("select", SELECT, QUIET | STOP), apdu("signature", command, STOP)])
    signature = answers.need("signature", "signature de la carte Vitale")
    if len(signature) != SIGNATURE_BYTES:
        raise CardDataError("signature", f"{len(signature)} octets au lieu de {SIGNATURE_BYTES}")
    return signature


def _read_zone() -> Step:
    return read("zone", sfi=SFI_RIGHTS, limit=_ZONE_BYTES, flags=STOP)


def chained(name: str, header: bytes, data: bytes) -> list[Step]:
    """`data` over as many commands as needed, CLA 10 on all but the last (ISO 7816-4 command chaining); the last has the answer `name`."""
    parts = [data[i : i + _CHUNK] for i in range(0, len(data), _CHUNK)]
    steps = []
    for number, part in enumerate(parts, 1):
        body = header[1:] + bytes([len(part)]) + part
        if number < len(parts):
            steps.append(apdu(f"{name}{number}", bytes([header[0] | 0x10]) + body, QUIET | STOP))
        else:
            steps.append(apdu(name, header[:1] + body, STOP))
    return steps
