"""A CPS3 contact: identity and certificates (free), situations de facturation (after the PIN), signature, authentication."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tournee.cards import droits, iasecc, pkcs15, tlv
from tournee.cards.certificate import Names, subject_and_issuer
from tournee.cards.commands import Apdu, Program, VerifyPin
from tournee.cards.errors import CardBlocked, CardDataError, CardRefused, WrongPin
from tournee.cards.model import CpsCard, Holder
from tournee.cards.script import PLAIN, QUIET, SKIP, STOP, Step, apdu, read
from tournee.cards.steps import BLOCKED, OK, Answers, run
from tournee.terminal.model import Answer, PinResult
from tournee_protocol.scripts import StepFlag

EF_SN_ICC: Final = bytes.fromhex("3F00D003")
EF_CDF: Final = bytes.fromhex("3F0000017005")
EF_SIT_FACT: Final = bytes.fromhex("3F000001D110")
EF_CERTIFICATES: Final = {1: bytes.fromhex("3F000001A001"), 2: bytes.fromhex("3F000001A002")}
"""Read in the first script; where the CDF says otherwise they are read again from there. FIDs of a real card are not public: SV-SIM."""
ISSUER: Final = bytes.fromhex("8025000001")
"""Issuer identification number of the CPS: health, France, 00001 [ANS]."""
PROMPT: Final = "Code porteur CPS"
_SIGN, _AUTH = 1, 2


def read_public(atr: bytes) -> Program[CpsCard]:
    """What needs no PIN: serial number, certificates, the holder's names as the certificate gives them."""
    steps = [
        apdu("sn_select", iasecc.select(EF_SN_ICC), QUIET | STOP),
        _read("sn"),
        apdu("cdf_select", iasecc.select(EF_CDF), QUIET | SKIP),
        _read("cdf"),
    ]
    for number, path in EF_CERTIFICATES.items():
        steps += _certificate_steps(number, path)
    answers = yield from run("cps", steps)
    numero_serie, emetteur = _serial(answers.need("sn", "EF.SN.ICC"))
    paths = _paths(answers.data("cdf"))
    moved = {n: p for n, p in paths.items() if p != EF_CERTIFICATES[n]}
    found = answers
    if moved:
        found = yield from run("cps", [s for n, p in moved.items() for s in _certificate_steps(n, p)])
    ders = {n: _der((found if n in moved else answers).data(f"certificate{n}")) for n in (_SIGN, _AUTH)}
    subject, issuer = _names(ders[_SIGN] or ders[_AUTH])
    return CpsCard(
        atr=atr,
        numero_serie=numero_serie,
        emetteur=emetteur,
        simulation="SIMULAT" in issuer.common_name.upper() + issuer.organisation.upper(),
        holder=_holder(subject),
        profession=subject.title,
        certificat_signature=ders[_SIGN],
        certificat_authentification=ders[_AUTH],
        situations=None,
    )


def read_situations(card: CpsCard) -> Program[CpsCard]:
    """`card` with its holder and situations; raises NotVerified when the PIN must be presented."""
    steps = [apdu("select", iasecc.select(EF_SIT_FACT), QUIET | STOP), _read("zone", STOP)]
    answers = yield from run("cps", steps)
    holder, situations = droits.situations(answers.need("zone", "situations de facturation"))
    return replace(card, holder=holder, situations=situations)


def pin_tries() -> Program[int | None]:
    """Tries left, None when the PIN is verified already. Asks nothing and costs no try."""
    answer: Answer = yield Apdu("cps", iasecc.PIN_STATUS)
    if answer.sw == OK:
        return None
    if answer.sw == BLOCKED:
        return 0
    if answer.sw >> 4 == 0x63C:
        return answer.sw & 0x0F
    raise CardRefused("état du code porteur", answer.sw)


def verify(prompt: str = PROMPT) -> Program[None]:
    """Asks the PIN once; raises WrongPin, CardBlocked or what the keypad says."""
    result: PinResult = yield VerifyPin("cps", iasecc.pin_request(prompt))
    if result.sw == OK:
        return
    if result.sw == BLOCKED or result.tries_left == 0 or result.sw == 0x63C0:
        raise CardBlocked
    if result.sw >> 4 == 0x63C:
        raise WrongPin(result.sw & 0x0F)
    raise CardRefused("présentation du code porteur", result.sw)


def sign(message: bytes) -> Program[bytes]:
    """256 bytes by CPS_PRIV_SIG: RSA PKCS#1 v1.5, SHA-256 over `message` (1 … 55 bytes). Raises NotVerified."""
    answers = yield from run("cps", iasecc.sign_steps(message))
    return _signature(answers)


def authenticate(digest_info: bytes) -> Program[bytes]:
    """256 bytes by CPS_PRIV_AUT over a DigestInfo. Raises NotVerified."""
    answers = yield from run("cps", iasecc.authenticate_steps(digest_info))
    return _signature(answers)


def _read(name: str, flags: StepFlag = PLAIN) -> Step:
    return read(name, chunk=iasecc.READ_CHUNK, flags=flags)


def _certificate_steps(number: int, path: bytes) -> list[Step]:
    return [apdu(f"select{number}", iasecc.select(path), QUIET | SKIP), _read(f"certificate{number}")]


def _signature(answers: Answers) -> bytes:
    signature = answers.need("signature", "signature")
    if len(signature) != iasecc.SIGNATURE_BYTES:
        raise CardDataError("signature", f"{len(signature)} octets au lieu de {iasecc.SIGNATURE_BYTES}")
    return signature


def _serial(data: bytes) -> tuple[str, str]:
    """EF.SN.ICC `5A 0A` + issuer (5) + 8 BCD digits + Luhn digit and F [OSC 2275]."""
    value = tlv.first(tlv.read(data, "EF.SN.ICC"), 0x5A)
    if value is None or len(value) != 10:
        raise CardDataError("EF.SN.ICC", "numéro de série absent")
    return value[5:9].hex().upper(), value[:5].hex().upper()


def _paths(cdf: bytes | None) -> dict[int, bytes]:
    """Where the two certificates are; the usual places when the CDF does not say."""
    if cdf is None:
        return {}
    try:
        entries = pkcs15.certificates(cdf)
    except CardDataError:
        return {}
    return {e.id[-1]: e.path for e in entries if e.id and e.id[-1] in (_SIGN, _AUTH)}


def _der(data: bytes | None) -> bytes | None:
    return tlv.whole(data, "certificat") if data else None


def _names(der: bytes | None) -> tuple[Names, Names]:
    return subject_and_issuer(der) if der else (Names(), Names())


def _holder(subject: Names) -> Holder | None:
    """From the certificate: CN is the national id, its first character the type, its last the key (DHM) [S]."""
    if not subject.common_name:
        return None
    number = subject.common_name
    return Holder("", number[:1], number[1:-1], number[-1:], "", subject.surname, subject.given_name)
