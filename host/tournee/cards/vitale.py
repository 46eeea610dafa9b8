"""A Vitale 2: what anybody may read (identities, NIRs), by the APDUs that real software sends [RUF, CPK]."""

from __future__ import annotations

from datetime import date
from typing import Final

from tournee.cards import svsim, tlv
from tournee.cards.commands import Program
from tournee.cards.errors import CardDataError, CardRefused
from tournee.cards.model import Beneficiaire, VitaleCard
from tournee.cards.script import QUIET, SKIP, STOP, apdu, read
from tournee.cards.steps import run

AID_VITALE: Final = bytes.fromhex("D250000002564954414C45")
SELECT_MF: Final = bytes.fromhex("00A40000023F00")
SELECT_PAN: Final = bytes.fromhex("00A40000022F02")
SELECT_VITALE: Final = bytes.fromhex("00A404000B") + AID_VITALE
_IDENTITIES: Final = "identités (MF, SFI 2)"
_NIRS: Final = "NIR (VITALE, SFI 2)"
_TEMPLATE: Final = 0x65
_CARD_TEMPLATE: Final = 0x66
_FILE_BYTES: Final = 4096


def read_public(atr: bytes) -> Program[VitaleCard]:
    """One script; the SV-SIM part (certificate, label) is left out on a card that has none."""
    steps = [
        apdu("mf", SELECT_MF, QUIET | STOP),
        read("identities", sfi=2, limit=_FILE_BYTES, flags=STOP),
        apdu("pan_select", SELECT_PAN, QUIET | SKIP),
        read("pan", limit=64),
        apdu("vitale", SELECT_VITALE, QUIET | STOP),
        read("nirs", sfi=2, limit=_FILE_BYTES, flags=STOP),
        apdu("svsim", svsim.SELECT, QUIET | STOP),
        read("label", sfi=svsim.SFI_LABEL, limit=64),
        read("certificate", sfi=svsim.SFI_CERTIFICATE, limit=_FILE_BYTES),
    ]
    answers = yield from run("vitale", steps)
    try:
        identities = tlv.read(answers.need("identities", _IDENTITIES), _IDENTITIES)
    except CardRefused as exc:
        remedy = "Vérifiez que c'est une carte Vitale, puce vers l'avant."
        raise CardRefused("lecture de la carte Vitale", exc.sw, remedy) from None
    nirs = tlv.read(answers.need("nirs", _NIRS), _NIRS)
    certificate = answers.data("certificate")
    pan = _pan(answers.data("pan"))
    return VitaleCard(
        atr=atr,
        numero_serie=serial_text(pan),
        identifiant=pan.hex().upper(),
        debut_validite=_validity(identities),
        simulation=b"SIMULATION" in (answers.data("label") or b""),
        beneficiaires=_people(identities, nirs),
        certificat=tlv.whole(certificate, "certificat") if certificate else None,
        droits=None,
    )


def serial_text(serial: bytes) -> str:
    """The 8 printed digits where the number is built like an EF.SN.ICC, else hexadecimal; empty without a number."""
    text = serial.hex().upper()
    if len(serial) == 10 and text[10:18].isdigit() and text[19] == "F":
        return text[10:18]
    return text


def _pan(data: bytes | None) -> bytes:
    return tlv.first(tlv.read(data or b"", "EF 2F02"), 0x5A) or b""


def _people(identities: list[tlv.Tlv], nirs: list[tlv.Tlv]) -> tuple[Beneficiaire, ...]:
    """The n-th template of one file and the n-th of the other are the same person [RUF]."""
    names = tlv.every(identities, _TEMPLATE)
    numbers = tlv.every(nirs, _TEMPLATE)
    if not names:
        raise CardDataError(_IDENTITIES, "aucun bénéficiaire")
    if len(numbers) > len(names):
        raise CardDataError(_NIRS, f"{len(numbers)} numéros pour {len(names)} personnes")
    numbers += [b""] * (len(names) - len(numbers))
    return tuple(_person(n, a, b) for n, (a, b) in enumerate(zip(names, numbers, strict=True), 1))


def _person(rang: int, identity: bytes, number: bytes) -> Beneficiaire:
    fields = tlv.read(identity, _IDENTITIES)
    return Beneficiaire(
        rang=rang,
        nom=_text(tlv.first(fields, 0x80)),
        prenom=_text(tlv.first(fields, 0x81)),
        date_naissance=_text(tlv.first(fields, 0x82)),
        nationalite=_text(tlv.first(fields, 0x90)),
        nir=_text(tlv.first(tlv.read(number, _NIRS), 0x93)),
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("latin-1").strip(" \0")


def _validity(identities: list[tlv.Tlv]) -> date | None:
    template = tlv.first(identities, _CARD_TEMPLATE)
    text = _text(tlv.first(tlv.read(template, _IDENTITIES), 0x80)) if template else ""
    if len(text) < 8 or not text[:8].isdigit():
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
