"""Vitale 2 at APDU level: the public reading byte for byte, and the SV-SIM application."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.unit.sim_cards import Reader, reader, verify
from tournee_protocol import zones
from tournee_sim import people
from tournee_sim.cards.rsa import SHA256_PREFIX
from tournee_sim.cards.tlv import items
from tournee_sim.pki import Pki

SVSIM = "00 A4 04 0C 08 F0 53 56 2D 53 49 4D 01"


@pytest.fixture
def vitale(keys: Path) -> Reader:
    return reader("vitale-famille", keys)


def test_atr(vitale: Reader) -> None:
    assert vitale.card.atr.hex(" ").upper() == "3B 75 13 00 00 47 09 EA 90 00"


def test_the_four_public_commands(vitale: Reader) -> None:
    """SELECT MF, SFI 2, SELECT VITALE, SFI 2: 61 22, identities, 61 1F, NIRs [RUF; §5.1 of the facts]."""
    assert vitale.raw("00 A4 00 00 02 3F 00").hex() == "6122"
    assert vitale.raw("00 C0 00 00 22")[-2:].hex() == "9000"
    identities = vitale.raw("00 B0 82 00 00")
    assert (len(identities), identities[-2:].hex()) == (258, "9000")
    assert vitale.raw("00 A4 04 00 0B D2 50 00 00 02 56 49 54 41 4C 45").hex() == "611f"
    nirs = vitale.raw("00 B0 82 00 00")
    assert (len(nirs), nirs[-2:].hex()) == (258, "9000")

    people_ = [dict(items(value)) for tag, value in items(identities[:-2].rstrip(b"\0")) if tag == 0x65]
    numbers = [dict(items(value))[0x93] for tag, value in items(nirs[:-2].rstrip(b"\0")) if tag == 0x65]
    assert len(people_) == len(numbers) == 5
    assert people_[0][0x81] == "Amélie".encode("latin-1")
    assert people_[2][0x82] == people_[3][0x82] == b"20180311"  # the twins
    for number in numbers:
        nir, key = number[:13].decode(), number[13:].decode()
        assert nir[5:7] == "99"
        assert int(key) == 97 - int(nir) % 97


def test_start_of_validity_after_the_people(vitale: Reader) -> None:
    identities = vitale.follow("00 B0 82 00 00").rstrip(b"\0")
    last = list(items(identities))[-1]
    assert last == (0x66, bytes.fromhex("8008") + b"20240101")


def test_pointers_lead_to_files(vitale: Reader) -> None:
    """2001: `E0 { A0 { 82 … } 80 … }`, a file entry is name, application, FID [CPK]; the rights files refuse."""
    vitale.raw("00 A4 04 00 0B D2 50 00 00 02 56 49 54 41 4C 45")
    assert vitale.sw("00 A4 02 0C 02 20 01") == "9000"
    ((tag, value),) = items(vitale.follow("00 B0 00 00 00"))
    assert tag == 0xE0
    files = {v[:8]: v[10:12] for t, v in items(value) if t == 0x80}
    read = {}
    for name, fid in files.items():
        assert vitale.sw(b"\x00\xa4\x02\x0c\x02" + fid) == "9000"
        read[name.decode().strip()] = vitale.sw("00 B0 00 00 01")
    assert read == {"POINTERS": "9000", "NIR": "9000", "DROITS": "6982", "AMC": "6982"}


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("00 A4 04 00 05 11 22 33 44 55", "6A82"),
        ("00 A4 00 00 02 20 01", "6A82"),
        ("00 A4 00 00 01 3F", "6A80"),
        ("00 A4 09 00 02 3F 00", "6A86"),
        ("00 B0 83 00 00", "6A82"),
        ("BC B0 00 00 08", "6E00"),
        ("00 20 00 01 00", "6D00"),
        ("00 82 00 00 01 00", "6985"),
        ("80 5A 00 00 01 00", "6985"),
    ],
)
def test_refusals(vitale: Reader, apdu: str, sw: str) -> None:
    assert vitale.sw(apdu) == sw


def test_reading_past_the_end(vitale: Reader) -> None:
    vitale.raw("00 B0 82 00 00")
    assert vitale.sw("00 B0 01 00 00") == "6B00"
    assert vitale.sw("00 B0 00 F0 00") == "6C10"


def _authenticate(vitale: Reader, cps: Reader, *, spoil: bool = False) -> str:
    """The host's part of the mutual presence; SW of EXTERNAL AUTHENTICATE."""
    vitale.raw("00 A4 00 0C 02 3F 00")
    vitale.raw("00 A4 02 0C 02 2F 02")
    serial = vitale.follow("00 B0 00 00 00")[2:]
    assert vitale.sw(SVSIM) == "9000"
    challenge = vitale.follow("00 84 00 00 08")
    cps.raw(verify())
    cps.raw("00 22 41 A4 06 80 01 02 84 01 82")
    digest = SHA256_PREFIX + hashlib.sha256(challenge + serial + (b"x" if spoil else b"")).digest()
    signature = cps.follow(b"\x00\x88\x00\x00" + bytes([len(digest)]) + digest)
    assert vitale.chained("00 2A 00 BE", cps.file("3F000001A002")) == "9000"
    return vitale.chained("00 82 00 00", signature)


def test_rights_need_the_presence_of_a_cps(vitale: Reader, keys: Path) -> None:
    assert vitale.sw(SVSIM) == "9000"
    assert vitale.follow("00 B0 83 00 00") == b"SIMULATION SV-SIM 1"
    assert vitale.sw("00 B0 81 00 00") == "6982"
    assert vitale.sw("80 5A 00 00 01 00") == "6982"
    assert _authenticate(vitale, reader("cps-infirmiere", keys)) == "9000"
    zone = b""
    first = vitale.follow("00 B0 81 00 00")
    zone += first
    while len(zone) < len(people.vitale("vitale-famille").zone_droits()):
        zone += vitale.follow(b"\x00\xb0" + len(zone).to_bytes(2, "big") + b"\x00")
    groups = zones.decode(zone)
    assert zones.check(groups) == ()
    assert [g.id for g in groups].count(104) == 5
    assert groups[0].get("caisse") == "991"
    vitale.tpdu.reset()
    vitale.raw(SVSIM)
    assert vitale.sw("00 B0 81 00 00") == "6982"


def test_a_wrong_signature_or_a_second_use_of_a_challenge(vitale: Reader, keys: Path) -> None:
    cps = reader("cps-medecin", keys)
    assert _authenticate(vitale, cps, spoil=True) == "6300"
    assert vitale.chained("00 82 00 00", bytes(256)) == "6985"
    assert vitale.sw("00 B0 81 00 00") == "6982"


def test_certificates_that_are_not_a_cps(vitale: Reader, keys: Path, tmp_path: Path) -> None:
    vitale.raw(SVSIM)
    pki = Pki(keys)
    assert vitale.chained("00 2A 00 BE", pki.vitale("vitale-seule").der) == "6A80"
    assert vitale.chained("00 2A 00 BE", Pki(tmp_path).cps("cps-medecin").auth.der) == "6A80"
    assert vitale.chained("00 2A 00 BE", b"0" * 300) == "6A80"


def test_signature(vitale: Reader, keys: Path) -> None:
    assert _authenticate(vitale, reader("cps-medecin", keys)) == "9000"
    message = b"SVSIM1F000000001" + bytes(32)
    assert vitale.sw(b"\x80\x5a\x00\x00" + bytes([len(message)]) + message) == "6100"
    signature = vitale.raw("00 C0 00 00 00")[:-2]
    key = x509.load_der_x509_certificate(_certificate(vitale)).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    assert vitale.sw(b"\x80\x5a\x00\x00\x38" + bytes(56)) == "6700"
    assert vitale.card.memory["sign"] == 1


def _certificate(vitale: Reader) -> bytes:
    data = vitale.follow("00 B0 82 00 00")
    while True:
        answer = vitale.raw(b"\x00\xb0" + len(data).to_bytes(2, "big") + b"\x00")
        if answer[-2] == 0x6C:
            answer = vitale.raw(b"\x00\xb0" + len(data).to_bytes(2, "big") + answer[-1:])
        if answer[-2:] == b"\x6b\x00":
            return data
        data += answer[:-2]


def test_vitale_1_has_its_own_class_and_commands(keys: Path) -> None:
    old = reader("vitale-ancienne", keys)
    assert old.card.atr.hex(" ").upper() == "3F 65 25 00 A3 09 6A 90 00"
    assert old.raw("BC C0 00 00 08").hex() == "0000000000002180" + "9000"
    assert old.raw("BC B0 02 88 13") == b"SIMULATION SV-SIM 1" + b"\x90\x00"
    assert old.sw("BC B0 00 00 08") == "6B00"
    assert old.sw("BC B0 21 80 05") == "6B00"
    assert old.sw("00 A4 00 00 02 3F 00") == "6E00"


def test_other_cards_of_the_catalogue(keys: Path) -> None:
    assert reader("carte-muette", keys).card.atr == b""
    agent = reader("carte-inconnue", keys)
    assert agent.card.atr.hex(" ").upper() == "3B 67 00 00 2D 20 16 01 78 90 00"
    assert agent.sw("00 A4 00 00 02 3F 00") == "6E00"
