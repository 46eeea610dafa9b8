"""CPS4 (ChipDoc) and the volet CPS2ter at APDU level: what the agency's own middleware sends [ANS card-cps4.c, card-cps.c]."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tests.unit.sim_cards import PIN, Reader, reader, verify
from tournee_protocol import zones
from tournee_sim.cards.cps4 import KEY_AUTH, KEY_SIGN
from tournee_sim.cards.rsa import SHA256_PREFIX
from tournee_sim.cards.tlv import items

CHIPDOC = "01 A4 04 0C 08 80 25 00 00 01 FF 01 00"
VOLET = "00 A4 04 0C 08 80 25 00 00 01 FF 00 02"
CODE = PIN.encode("ascii").hex()


@pytest.fixture
def cps4(keys: Path) -> Reader:
    card = reader("cps4", keys)
    assert card.sw(CHIPDOC) == "9000"
    return card


def _key(cps4: Reader, fid: str) -> rsa.RSAPublicKey:
    assert cps4.sw("01 A4 00 0C 02 00 01") == "9000"
    assert cps4.sw(f"01 A4 09 0C 02 {fid}") == "9000"
    data = b""
    while True:
        answer = cps4.raw(b"\x01\xb0" + len(data).to_bytes(2, "big") + b"\xe7")
        if answer[-2] == 0x6C:
            answer = cps4.raw(b"\x01\xb0" + len(data).to_bytes(2, "big") + answer[-1:])
        if answer[-2:] != b"\x90\x00":
            break
        data += answer[:-2]
    key = x509.load_der_x509_certificate(data).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


@pytest.mark.parametrize(
    ("card_id", "atr"),
    [("cps4", "3B9B188001001225006480040100009044"), ("cps4-t0", "3BDC18FF00001225006480000401009000")],
)
def test_atrs(keys: Path, card_id: str, atr: str) -> None:
    assert reader(card_id, keys).card.atr == bytes.fromhex(atr)


def test_everything_of_chipdoc_is_on_channel_1(keys: Path) -> None:
    """6881 before the channel is open, 6985 where ChipDoc is not selected, then as the middleware finds its way back."""
    card = reader("cps4", keys)
    assert card.sw("01 B0 9C 00 0C") == "6881"
    assert card.sw("00 B0 9C 00 0C") == "6985"
    assert card.sw("01 A4 04 0C 07 A0 00 00 01 51 00 00") == "9000"
    assert card.sw("01 B0 9C 00 0C") == "6985"
    assert card.sw(VOLET) == "9000"
    assert card.sw(CHIPDOC) == "9000"
    serial = card.raw("01 B0 9C 00 0C")
    assert serial[:7].hex() == "5a0a8025000001"
    assert card.sw("01 A4 04 0C 08 80 25 00 00 01 FF 00 02") == "6A82"  # the volet is on the basic channel


def test_channels_by_manage_channel(keys: Path) -> None:
    card = reader("cps4", keys)
    assert card.raw("00 70 00 00 01") == b"\x01\x90\x00"
    assert card.sw("00 70 00 00 01") == "6A81"
    assert card.sw("01 B0 9C 00 0C") == "6985"
    assert card.sw(CHIPDOC) == "9000"
    assert card.sw("00 70 80 01") == "9000"
    assert card.sw("01 B0 9C 00 0C") == "6881"


def test_files_are_found_as_the_driver_looks_for_them(cps4: Reader) -> None:
    """The MF is stripped from a path; two bytes go with P1 00, longer paths by their last step with P1 09."""
    assert cps4.raw("01 A4 00 04 02 D0 03").hex()[:2] == "61"
    fcp = dict(items(next(items(cps4.raw(b"\x01\xc0\x00\x00" + bytes([0x27]))[:-2]))[1]))
    assert int.from_bytes(fcp[0x80], "big") == 12
    assert cps4.sw("01 A4 09 0C 02 50 31") == "6A82"
    assert cps4.sw("01 A4 00 0C 02 00 01") == "9000"
    assert cps4.sw("01 A4 09 0C 02 50 31") == "9000"
    assert cps4.sw("01 A4 00 0C 02 D0 03") == "9000"  # from inside the DF
    assert cps4.sw("01 A4 04 0C 0D E8 28 BD 08 0F 80 25 00 00 01 FF 00 10") == "9000"


@pytest.mark.parametrize(
    ("algorithm", "name", "pss"),
    [("0A", "sha1", False), ("28", "sha256", False), ("15", "sha1", True), ("2C", "sha256", True)],
)
def test_signature_over_a_hash(cps4: Reader, algorithm: str, name: str, pss: bool) -> None:
    """MSE 81 B6 `91 02 alg 90`, PSO 9E 9A with the hash as data."""
    digest = hashlib.new(name, b"SIMULATION").digest()
    sign = b"\x01\x2a\x9e\x9a" + bytes([len(digest)]) + digest
    assert cps4.sw(sign) == "6985"
    assert cps4.sw(f"01 22 81 B6 04 91 02 {algorithm} {KEY_SIGN | 0x80:02X}") == "9000"
    assert cps4.sw(sign) == "6982"
    assert cps4.sw(b"\x01" + verify()[1:]) == "9000"
    signature = cps4.follow(sign)
    hashed = hashes.SHA1() if name == "sha1" else hashes.SHA256()
    scheme: padding.PSS | padding.PKCS1v15 = padding.PKCS1v15()
    if pss:
        scheme = padding.PSS(padding.MGF1(hashed), padding.PSS.DIGEST_LENGTH)
    _key(cps4, "A001").verify(signature, digest, scheme, Prehashed(hashed))
    assert cps4.sw(b"\x01\x2a\x9e\x9a\x05" + bytes(5)) == "6A80"
    assert cps4.card.memory["sign"] == 1


def test_authentication_is_a_raw_decipher_and_padding_the_hosts(cps4: Reader) -> None:
    digest_info = SHA256_PREFIX + hashlib.sha256(b"SIMULATION").digest()
    block = b"\x00\x01" + b"\xff" * (253 - len(digest_info)) + b"\x00" + digest_info
    assert cps4.sw(f"01 22 41 B8 03 83 01 {KEY_AUTH:02X}") == "9000"
    assert cps4.chained("01 2A 80 86", block) == "6982"
    assert cps4.sw(b"\x01" + verify()[1:]) == "9000"
    assert cps4.sw(b"\x11\x2a\x80\x86\xff" + block[:255]) == "9000"
    signature = cps4.follow(b"\x01\x2a\x80\x86\x01" + block[255:])
    _key(cps4, "A002").verify(
        signature, hashlib.sha256(b"SIMULATION").digest(), padding.PKCS1v15(), Prehashed(hashes.SHA256())
    )
    assert cps4.chained("01 2A 80 86", block[:-1]) == "6A80"
    assert cps4.sw("01 88 00 00 01 AA") == "6D00"  # no INTERNAL AUTHENTICATE


def test_code_porteur_counter_change_and_unblocking(cps4: Reader) -> None:
    assert cps4.sw("01 20 00 01") == "63C3"
    assert cps4.sw("01 24 01 01 04 39 39 39 39") == "6982"
    for left in ("63C2", "63C1", "63C0"):
        assert cps4.sw("01 20 00 01 04 30 30 30 30") == left
    assert cps4.sw("01 20 00 01") == "6983"
    assert cps4.sw(f"01 20 00 01 04 {CODE}") == "6983"
    assert cps4.sw("01 2C 03 81") == "6982"
    assert cps4.sw("01 20 00 02 08 30 30 30 30 30 30 30 30") == "63C9"
    assert cps4.sw(f"01 20 00 02 08 {CODE}{CODE}") == "9000"
    assert cps4.sw("01 2C 03 81") == "9000"
    assert cps4.sw("01 24 01 01 04 39 39 39 39") == "9000"
    assert cps4.sw("01 20 00 01 04 39 39 39 39") == "9000"
    assert cps4.sw(f"01 20 00 01 04 {CODE}") == "63C2"


@pytest.mark.parametrize(("card_id", "back"), [("cps-medecin", "00 A4 04 00 08 80 25 00 00 01 FF 01 00"), ("cps4", "")])
def test_volet_cps2ter(keys: Path, card_id: str, back: str) -> None:
    """Class A0: one FID at a time, 9Fxx, `85 len size FID type`, the situations behind the code porteur."""
    card = reader(card_id, keys)
    assert card.sw("A0 A4 00 00 02 3F 00") == "6E00"  # not the selected application
    assert card.sw(VOLET) == "9000"
    assert card.sw("A0 A4 00 00 02 3F 00") == "9F07"
    assert card.raw("A0 C0 00 00 07").hex() == "85050000" + "3f0001" + "9000"
    assert card.sw("A0 C0 00 00 07") == "6985"
    assert card.sw("A0 A4 00 00 02 40 10") == "9F07"
    answer = card.raw("A0 C0 00 00 07")
    assert answer[4:6].hex() == "4010" and answer[6] == 4
    size = int.from_bytes(answer[2:4], "big")
    read = b"\xa0\xb0\x00\x00" + bytes([size])
    assert card.sw(read) == "9804"
    assert card.sw("A0 20 00 01 08 30 30 30 30 FF FF FF FF") == "9804"
    assert card.sw("A0 20 00 01 04 30 30 30 30") == "6700"
    assert card.sw(f"A0 20 00 01 08 {CODE} FF FF FF FF") == "9000"
    activity = card.raw(read)
    assert activity[-2:] == b"\x90\x00" and activity[0] == 0xEE
    assert card.sw(b"\xa0\xb0\x00\x01" + bytes([size])) == "9402"
    assert card.sw("A0 A4 00 00 02 7F 01") == "9F07"
    assert card.raw("A0 C0 00 00 07")[6] == 2
    assert card.raw("A0 F2 00 00 07")[4:7].hex() == "7f0102"
    assert card.sw("A0 B0 00 00 05") == "9408"
    assert card.sw("A0 A4 00 00 02 40 00") == "9F07"
    size = int.from_bytes(card.raw("A0 C0 00 00 07")[2:4], "big")
    zone = card.raw(b"\xa0\xb0\x00\x00" + bytes([min(size, 255)]))[:-2]
    assert zones.decode(zone)[0].id == 1 if size <= 255 else zone[:2] == b"\x00\x01"
    assert card.sw("A0 A4 00 00 02 40 1F") == "9404"
    assert card.sw("A0 A4 01 00 02 3F 00") == "6B00"
    assert card.sw("A0 E0 00 00 01 00") == "6D00"
    if back:
        assert card.sw("00 B0 9C 00 0C") == "6E00"  # the other way round: the volet knows no class 00
        assert card.sw(back) == "9000"
        assert card.sw("A0 A4 00 00 02 3F 00") == "6E00"
        assert card.sw("00 20 00 01 00") == "63C3"  # what was verified in the volet holds there alone
    else:
        assert card.sw(CHIPDOC) == "9000"
        assert card.sw("A0 A4 00 00 02 3F 00") == "9F07"  # channels do not disturb each other


def test_the_volet_spends_the_tries_of_the_one_code_porteur(keys: Path) -> None:
    card = reader("cps-medecin", keys)
    card.raw(VOLET)
    for _ in range(2):
        assert card.sw("A0 20 00 01 08 30 30 30 30 FF FF FF FF") == "9804"
    assert card.sw("A0 20 00 01 08 30 30 30 30 FF FF FF FF") == "9840"
    assert card.sw(f"A0 20 00 01 08 {CODE} FF FF FF FF") == "9840"
    card.tpdu.reset()
    assert card.sw("00 20 00 01 00") == "6983"
