"""A card of the catalogue, ready to be put in a slot: profile + person + keys + what it remembers."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from stdnum import luhn

from tournee_sim.cards import cps4, pkcs15
from tournee_sim.cards.core import Card
from tournee_sim.cards.cps3 import KEY_AUTH, KEY_SIGN, Cps3
from tournee_sim.cards.generic import GenericCard
from tournee_sim.cards.memory import CardMemory
from tournee_sim.cards.plain import PlainCard
from tournee_sim.cards.profile import Profile, load
from tournee_sim.cards.rsa import CardKey
from tournee_sim.cards.tlv import tlv
from tournee_sim.cards.vitale1 import Vitale1
from tournee_sim.cards.vitale2 import Vitale2
from tournee_sim.faults import parse
from tournee_sim.people import Practitioner, UnknownCard, Vitale, card_ids, negative, practitioner, unaccented, vitale
from tournee_sim.pki import CpsIdentity, Pki

CPS_ISSUER = bytes.fromhex("8025000001")  # health, France, 00001 [ANS]
VITALE_ISSUER = bytes.fromhex("8025000002")  # SV-SIM
SIMULATION_LABEL = "CPX IAS"
_KEY_ID = bytes.fromhex("E828BD080F8025000001FF0010")
_AID_VITALE = bytes.fromhex("D250000002564954414C45")
_AID_MF_VITALE = bytes.fromhex("D2500000024D465F564954414C45")
_DF = bytes.fromhex("3F000001")
_CPS3_KEYS = (KEY_SIGN, KEY_AUTH)


def make_card(card_id: str, *, pki: Pki, pin: str = "", state: Path | None = None) -> Card:
    """The card `card_id`; raises UnknownCard. `pin`: 4 digits, for a CPS. `state`: directory of what cards remember, None for memory."""
    if card_id not in card_ids():
        raise UnknownCard(f"no card {card_id!r}; there are: {', '.join(card_ids())}")
    path = state / f"{card_id}.json" if state else None
    wrong = negative().get(card_id)
    if wrong is None:
        return _make(card_id, pki, pin, path)
    card = _make(wrong.card, pki, pin, path)
    card.id = card_id
    card.born_with = tuple(parse(**fault) for fault in wrong.faults)
    return card


def _make(card_id: str, pki: Pki, pin: str, path: Path | None) -> Card:
    if card_id == "vitale-ancienne":
        profile = load("vitale1")
        return Vitale1(card_id, profile, profile.tree({}), CardMemory(path))
    if card_id.startswith("cps-"):
        return _cps(practitioner(card_id), pki, pin, path)
    if card_id.startswith("cps4"):
        return _cps4(card_id, practitioner("cps-medecin"), pki, pin, path)
    if card_id.startswith("vitale-"):
        return _vitale(vitale(card_id), pki, path)
    if card_id.startswith("generic-"):
        profile = _variant(load("generic-t1"), card_id)
        return GenericCard(card_id, profile, profile.tree({}), CardMemory(path))
    profile = load({"carte-muette": "mute", "carte-inconnue": "agent", "carte-bancaire": "bank"}[card_id])
    return PlainCard(card_id, profile, profile.tree({}), CardMemory(path))


def random_pin() -> str:
    """Four digits of the day, from the system's generator."""
    return f"{secrets.randbelow(10_000):04d}"


def serial(issuer: bytes, number: str) -> bytes:
    """`5A 0A` issuer, 8 BCD digits, Luhn digit over all, F."""
    digits = issuer.hex() + number
    return tlv(0x5A, bytes.fromhex(digits + luhn.calc_check_digit(digits) + "F"))


def _cps(person: Practitioner, pki: Pki, pin: str, path: Path | None) -> Cps3:
    _check_pin(pin)
    profile = load("cps3-contact")
    identity = pki.cps(person.id)
    keys = {KEY_SIGN: CardKey(identity.sign.key), KEY_AUTH: CardKey(identity.auth.key)}
    memory = CardMemory(path, tries_left=person.essais_restants)
    files = _cps_files(person, identity, profile, _CPS3_KEYS)
    return Cps3(person.id, profile, profile.tree(files), keys, pin, memory, load("cps2ter").tree(files))


def _cps4(card_id: str, person: Practitioner, pki: Pki, pin: str, path: Path | None) -> cps4.Cps4:
    """The same person's card of the next generation."""
    _check_pin(pin)
    profile = _variant(load("cps4"), card_id)
    identity = pki.cps(person.id)
    keys = {cps4.KEY_SIGN: CardKey(identity.sign.key), cps4.KEY_AUTH: CardKey(identity.auth.key)}
    memory = CardMemory(path, tries_left=3, puk_left=cps4.PUK_TRIES)
    files = _cps_files(person, identity, profile, (cps4.KEY_SIGN, cps4.KEY_AUTH))
    return cps4.Cps4(card_id, profile, profile.tree(files), keys, pin, memory, load("cps2ter").tree(files))


def _variant(profile: Profile, card_id: str) -> Profile:
    """With the ATR that the profile has for this id."""
    atr = profile.quirk("atrs").get(card_id)
    return replace(profile, atr=bytes.fromhex(atr)) if atr else profile


def _check_pin(pin: str) -> None:
    if len(pin) != 4 or not pin.isascii() or not pin.isdigit():
        raise ValueError("the code porteur is 4 digits")


def _cps_files(
    person: Practitioner, identity: CpsIdentity, profile: Profile, keys: tuple[int, int]
) -> dict[str, bytes]:
    """Contents by name; `keys`: references of the signature and of the authentication key."""
    sign_id, auth_id = (_KEY_ID + bytes([reference & 0x7F]) for reference in keys)
    lax = bool(profile.quirk("lax_bit_strings"))

    def path(fid: str) -> bytes:
        return _DF + bytes.fromhex(fid)

    objects = [
        pkcs15.ObjectEntry("CPS_ID_CARD", path("D101")),
        pkcs15.ObjectEntry("CPS_NAME_PS", path("D102")),
        pkcs15.ObjectEntry("CPS_LANG_PS", path("D103")),
        pkcs15.ObjectEntry("CPS_INFO_PS", path("D104")),
        pkcs15.ObjectEntry("CPS_DATA", path("D107")),
        pkcs15.ObjectEntry("CPS_SIT_FACT", path("D110"), private=True),
    ]
    activities = {}
    for number, situation in enumerate(person.situations, 1):
        objects.append(
            pkcs15.ObjectEntry(f"CPS_ACTIVITY_{number:02d}_PS", path(f"D1{0x1F + number:02X}"), private=True)
        )
        structure = situation.get("type_structure") + situation.get("numero_structure") + situation.get("cle_structure")
        activities[f"activity_{number:02d}"] = tlv(
            0xEE,
            tlv(0x84, situation.get("raison_sociale").encode("latin-1")),
            tlv(0x85, structure.encode("ascii")),
            tlv(0x86, situation.get("secteur_activite").encode("ascii")),
        )
    usages = (
        pkcs15.KeyEntry("CPS_PRIV_SIG", sign_id, keys[0], pkcs15.KEY_USAGE_SIGN_NONREPUDIATION, (pkcs15.PSO_CDS,)),
        pkcs15.KeyEntry(
            "CPS_PRIV_AUT",
            auth_id,
            keys[1],
            pkcs15.KEY_USAGE_DECRYPT_SIGN,
            (pkcs15.PSO_DECRYPT, pkcs15.INT_AUTH),
        ),
    )
    certificates = (
        pkcs15.ObjectEntry("CPS_PUB_SIG", path("A001"), sign_id),
        pkcs15.ObjectEntry("CPS_PUB_AUT", path("A002"), auth_id),
    )
    card_number = serial(CPS_ISSUER, person.numero_carte)
    card = (b"\x00", person.numero_national.encode("ascii"), b"20401231", b"80")
    if person.mise_a_jour:
        begin, end = (bytes.fromhex(moment) for moment in person.mise_a_jour)
        activities["actua"] = tlv(0xEC, tlv(0x81, begin), tlv(0x82, end))  # BCD [ANS]
    return activities | {
        "dir": _cps_dir(),
        "serial": card_number,
        "odf": pkcs15.odf(path("7002"), path("7005"), path("7006"), path("7001")),
        "token_info": pkcs15.token_info(SIMULATION_LABEL, card_number[2:], "SIMULATEUR"),
        "aodf": pkcs15.aodf("Code porteur de la carte CPX", bytes.fromhex("3F00"), lax=lax),
        "prkdf": pkcs15.prkdf(usages, _DF, 2048),
        "cdf": pkcs15.cdf(certificates, lax=lax),
        "dodf": pkcs15.dodf(objects, "CPS"),
        "certificate_sign": identity.sign.der,
        "certificate_auth": identity.auth.der,
        "id_card": tlv(0xE1, *(tlv(tag, value) for tag, value in zip((0x80, 0x81, 0x82, 0x83), card, strict=True))),
        "name_ps": tlv(
            0xE2,
            tlv(0x80, person.civilite.encode("ascii")),
            tlv(0x81, person.nom.encode("latin-1")),
            tlv(0x82, person.prenom.encode("latin-1")),
        ),
        "lang_ps": tlv(0xE3, tlv(0x80, b"fr")),
        "info_ps": tlv(
            0xE4, tlv(0x80, person.profession.encode("ascii")), tlv(0x81, person.qualification.encode("ascii"))
        ),
        "cps_data": b"SIMULATION SV-SIM 1",
        "sit_fact": person.zone_facturation(),
    }


def _cps_dir() -> bytes:
    contact, contactless = _KEY_ID, _KEY_ID[:-1] + b"\x20"

    def entry(aid: bytes, label: bytes, fid: str) -> bytes:
        return tlv(
            0x61,
            tlv(0x4F, aid),
            tlv(0x50, label),
            tlv(0x51, bytes.fromhex("3F00" + fid)),
            tlv(0x73, tlv(0x4F, contact)),
        )

    return entry(contact, b"CPX IAS", "0001") + entry(contactless, b"CPX IAS CL", "0002")


def _vitale(card: Vitale, pki: Pki, path: Path | None) -> Vitale2:
    profile = load("vitale2")
    identity = pki.vitale(card.id)
    number = serial(VITALE_ISSUER, card.numero_serie)
    files = {
        "dir": b"".join(tlv(0x61, tlv(0x4F, aid)) for aid in (_AID_MF_VITALE, _AID_VITALE)),
        "serial": number,
        "identities": _identities(card),
        "nirs": b"".join(tlv(0x65, tlv(0x93, (b.nir + b.cle_nir).encode("ascii"))) for b in card.beneficiaires),
        "cvc": tlv(0x7F21, tlv(0x5F37, bytes(128)), tlv(0x5F38, bytes(60))),
        "pointers": _pointers(),
        "rights": card.zone_droits(),
        "certificate": identity.der,
    }
    key = CardKey(identity.key)
    return Vitale2(card.id, profile, profile.tree(files), key, number[2:], pki.ca, CardMemory(path))


def _identities(card: Vitale) -> bytes:
    rows = [
        tlv(
            0x65,
            tlv(0x80, _latin(b.nom)),
            tlv(0x81, _latin(b.prenom)),
            tlv(0x82, b.naissance.encode("ascii")),
            tlv(0x90, b"FR"),
        )
        for b in card.beneficiaires
    ]
    return b"".join(rows) + tlv(0x66, tlv(0x80, card.debut_validite.encode("ascii")))


def _latin(text: str) -> bytes:
    """Latin-1 as on the card; what Latin-1 lacks loses its accent."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return unaccented(text).encode("ascii")


def _pointers() -> bytes:
    """`E0 { A0 { 82 application … } 80 file … }` [CPK]: a file is name (8), index of its application (2), FID (2)."""
    applications = tlv(0xA0, tlv(0x82, bytes.fromhex("00010000") + _AID_VITALE))
    names = ((b"POINTERS", 0x2001), (b"NIR     ", 0x2002), (b"DROITS  ", 0x2003), (b"AMC     ", 0x2004))
    return tlv(0xE0, applications, *(tlv(0x80, name + b"\x00\x01" + fid.to_bytes(2, "big")) for name, fid in names))
