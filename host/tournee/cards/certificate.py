"""The few fields of an X.509 certificate that a reader shows before any PIN: subject and issuer names. No verification here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tournee.cards import tlv
from tournee.cards.errors import CardDataError

_PLACE: Final = "certificat"
_STRINGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_NAMES: Final = {
    bytes.fromhex("550403"): "common_name",
    bytes.fromhex("550404"): "surname",
    bytes.fromhex("55040A"): "organisation",
    bytes.fromhex("55040C"): "title",
    bytes.fromhex("55042A"): "given_name",
}


@dataclass(frozen=True)
class Names:
    """Empty where the certificate says nothing."""

    common_name: str = ""
    surname: str = ""
    given_name: str = ""
    title: str = ""
    organisation: str = ""


def subject_and_issuer(der: bytes) -> tuple[Names, Names]:
    """Raises CardDataError for anything that is no certificate."""
    certificate = _sequence(tlv.read(der, _PLACE))
    tbs = _sequence(tlv.read(certificate, _PLACE))
    fields = [f for f in tlv.read(tbs, _PLACE) if f.tag != 0xA0]  # explicit version
    if len(fields) < 5:
        raise CardDataError(_PLACE, "champs absents")
    return _names(fields[4].value), _names(fields[2].value)


def _sequence(objects: list[tlv.Tlv]) -> bytes:
    if not objects or objects[0].tag != 0x30:
        raise CardDataError(_PLACE, "structure inattendue")
    return objects[0].value


def _names(value: bytes) -> Names:
    found: dict[str, str] = {}
    for relative in tlv.read(value, _PLACE):
        for pair in tlv.read(relative.value, _PLACE):
            parts = tlv.read(pair.value, _PLACE)
            if len(parts) == 2 and parts[0].tag == 0x06 and parts[1].tag in _STRINGS and parts[0].value in _NAMES:
                found[_NAMES[parts[0].value]] = parts[1].value.decode(_STRINGS[parts[1].tag], "replace")
    return Names(**found)
