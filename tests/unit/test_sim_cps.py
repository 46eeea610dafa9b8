"""CPS3 at APDU level: the bytes that are public, the quirks, the code porteur, the two keys."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from stdnum import luhn

from tests.unit.sim_cards import PIN, Reader, reader, verify
from tournee_protocol import zones
from tournee_sim.cards import midstate
from tournee_sim.cards.rsa import SHA256_PREFIX
from tournee_sim.cards.tlv import items
from tournee_sim.pki import Pki


@pytest.fixture
def cps(keys: Path) -> Reader:
    return reader("cps-medecin", keys)


def _public_key(cps: Reader, path: str) -> rsa.RSAPublicKey:
    key = x509.load_der_x509_certificate(cps.file(path)).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def test_atr(cps: Reader) -> None:
    assert cps.card.atr.hex(" ").upper() == "3B AC 00 40 2A 00 12 25 00 64 80 00 03 10 00 90 00"


def test_fcp_has_the_bytes_of_the_real_trace(cps: Reader) -> None:
    """SELECT 3F00/D003 -> 61 27, then 39 bytes [OSC trace]."""
    assert cps.raw("00 A4 09 04 04 3F 00 D0 03").hex() == "6127"
    fcp = cps.raw("00 C0 00 00 27")
    assert fcp.hex(" ").upper() == (
        "62 25 80 02 00 0C 82 01 01 83 02 D0 03 88 01 E0 A1 12 8C 07 7B FF FF FF FF FF 00"
        " 9C 07 7B FF FF FF FF FF 00 8A 01 05 90 00"
    )
    cps.raw("00 A4 09 04 04 3F 00 2F 00")
    assert "8C 07 7B 45 FF FF FF 45 00" in cps.raw("00 C0 00 00 27").hex(" ").upper()


def test_ef_atr_and_ef_dir_have_their_public_sizes(cps: Reader) -> None:
    """EF.ATR 0x39 bytes with a leading 80 that is no TLV, EF.DIR 0x65 [OSC c581d1b, PR 2217]."""
    atr = cps.file("3F002F01")
    assert (len(atr), atr[:4].hex()) == (0x39, "804301b8")
    directory = cps.file("3F002F00")
    assert len(directory) == 0x65
    assert [tag for tag, _ in items(directory)] == [0x61, 0x61]


def test_serial_number_by_sfi_with_luhn(cps: Reader) -> None:
    """READ BINARY SFI 1C with a Le too long is 6C 0C (OpenSC's way), the value ends with a Luhn digit."""
    assert cps.raw("00 B0 9C 00 C0").hex() == "6c0c"
    number = cps.follow("00 B0 9C 00 C0")
    assert number[:7].hex() == "5a0a8025000001"
    digits = number[2:].hex().rstrip("f")
    assert luhn.is_valid(digits)


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("00 A4 00 00 02 3F 00", "6A86"),  # the form a Vitale takes: this is how readers tell them apart [RUF]
        ("00 A4 00 0C 02 3F 00", "9000"),
        ("00 A4 04 00 08 80 25 00 00 01 FF 01 00", "9000"),
        ("00 A4 04 00 0D E8 28 BD 08 0F 80 25 00 00 01 FF 00 10", "6A86"),
        ("00 A4 04 0C 0D E8 28 BD 08 0F 80 25 00 00 01 FF 00 10", "9000"),
        ("00 A4 09 04 04 3F 00 D0 10", "6A82"),  # EF_ACTUA: absent until the first update
        ("00 A4 09 04 02 2F 00", "6127"),
        ("00 A4 02 00 02 A0 01", "6A86"),
        ("00 A4 03 0C 02 2F 00", "6A86"),
        ("00 A4 09 0C 01 3F", "6A80"),
        ("A0 A4 00 00 02 3F 00", "6E00"),  # CPS2ter volet not selected
        ("00 FE 00 00 00", "6D00"),
        ("00 B0 00 00 10", "6986"),
        ("00 84 00 00 10", "6C08"),
        ("00 2A 9E 9A 00", "6985"),
        ("00 88 00 00 01 00", "6985"),
    ],
)
def test_quirks_from_the_mf(cps: Reader, apdu: str, sw: str) -> None:
    assert cps.sw(apdu) == sw


def test_actua_is_there_after_the_first_update(keys: Path) -> None:
    """`EC { 81 start, 82 end }`, BCD AAAAMMJJhhmmss [ANS]; absent before (6A82, see above)."""
    updated = reader("cps-infirmiere", keys)
    assert updated.file("3F00D010").hex() == "ec12" + "8107" + "20240301083000" + "8207" + "20240301083012"


def test_path_09_is_relative_outside_the_mf(cps: Reader) -> None:
    assert cps.sw("00 A4 09 0C 04 3F 00 00 01") == "9000"
    assert cps.sw("00 A4 09 04 02 2F 00") == "6A82"
    assert cps.sw("00 A4 09 0C 02 50 31") == "9000"


def test_security_objects_only_from_their_df(cps: Reader) -> None:
    pin, key = "00 CB 3F FF 0A 4D 08 70 06 BF 81 01 02 A0 80", "00 CB 3F FF 0A 4D 08 70 06 BF 90 01 02 A0 80"
    assert cps.follow(pin).hex(" ").upper() == (
        "70 16 BF 81 01 12 A0 10 9A 01 03 9B 01 03 A1 08 8C 06 F3 00 00 13 FF 00"
    )
    assert cps.sw(key) == "6A88"
    assert cps.sw("00 CB 3F FF 0A 4D 08 70 06 BF FB 01 02 7B 80") == "6110"
    cps.raw("00 A4 09 0C 04 3F 00 00 01")
    assert cps.sw(pin) == "6A88"
    assert "80 02 01 00" in cps.follow(key).hex(" ")
    assert cps.sw("00 CB 3F FF 0B 4D 09 70 07 BF 90 01 03 7F 48 80") == "6A80"
    cps.raw("00 A4 09 0C 04 3F 00 00 02")
    assert cps.sw("00 CB 3F FF 0A 4D 08 70 06 BF FB 01 02 7B 80") == "6A88"
    assert cps.sw("00 CB 3F FF 03 4D 08 70") == "6A80"


def test_code_porteur_counts_down_and_blocks(cps: Reader) -> None:
    assert [cps.sw(verify("0000")) for _ in range(2)] == ["63C2", "63C1"]
    assert cps.sw("00 20 00 01 00") == "63C1"
    assert cps.sw(verify()) == "9000"
    assert cps.sw("00 20 00 01 00") == "9000"
    assert [cps.sw(verify("0000")) for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert cps.sw(verify()) == "6983"
    assert cps.sw("00 20 00 01 00") == "6983"
    assert cps.card.memory["verify"] == 6


def test_a_wrong_try_takes_away_what_was_verified(cps: Reader) -> None:
    cps.raw(verify())
    cps.raw(verify("0000"))
    assert cps.sw("00 A4 09 0C 06 3F 00 00 01 D1 10") == "9000"
    assert cps.sw("00 B0 00 00 E7") == "6982"


def test_a_malformed_try_is_no_try(cps: Reader) -> None:
    assert cps.sw("00 20 00 01 03 31 31 31") == "6700"
    assert cps.sw("00 20 00 02 04 31 31 31 31") == "6A88"
    assert cps.card.memory["tries_left"] == 3


def test_tries_survive_power_and_process(keys: Path, tmp_path: Path) -> None:
    first = reader("cps-medecin", keys, tmp_path)
    first.raw(verify("0000"))
    first.tpdu.reset()
    assert first.sw("00 20 00 01 00") == "63C2"
    again = reader("cps-medecin", keys, tmp_path)
    assert again.sw("00 20 00 01 00") == "63C2"


def test_the_try_is_counted_before_it_is_compared(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut at the comparison still costs the try."""
    card = reader("cps-medecin", keys, tmp_path)

    def cut(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("tournee_sim.cards.cps3.hmac.compare_digest", cut)
    with pytest.raises(KeyboardInterrupt):
        card.raw(verify())
    assert reader("cps-medecin", keys, tmp_path).card.memory["tries_left"] == 2


def test_blocked_card_of_the_catalogue(keys: Path) -> None:
    assert reader("cps-bloquee", keys).sw(verify()) == "6983"


def test_billing_situations_after_the_code(cps: Reader) -> None:
    assert cps.file("3F000001D110") == b""
    cps.raw(verify())
    groups = zones.decode(cps.file("3F000001D110"))
    assert [g.id for g in groups] == [1, 2, 2]
    assert zones.check(groups) == ()
    assert groups[1].get("specialite") == "01"
    assert groups[2].get("mode_exercice") == "4"
    assert luhn.is_valid(groups[1].get("numero_facturation") + groups[1].get("cle_facturation"))
    assert luhn.is_valid(groups[0].get("numero_identification") + groups[0].get("cle_identification"))


@pytest.mark.parametrize("size", [0, 3, 48, 55, 56, 64])
def test_signature_of_a_last_block(cps: Reader, size: int) -> None:
    """`90 00 80 n <block>`: nothing hashed before, the card hashes and signs (rule pso_cds)."""
    block = bytes(range(size))
    cps.raw(verify())
    assert cps.sw("00 22 41 AA 03 80 01 40") == "9000"
    assert cps.sw(b"\x00\x2a\x90\xa0" + bytes([size + 4]) + b"\x90\x00\x80" + bytes([size]) + block) == "9000"
    assert cps.sw("00 22 41 B6 06 80 01 42 84 01 81") == "9000"
    answer = cps.raw("00 2A 9E 9A 00")
    assert (len(answer), answer[-2:].hex()) == (258, "9000")
    _public_key(cps, "3F000001A001").verify(answer[:-2], block, padding.PKCS1v15(), hashes.SHA256())
    assert cps.sw("00 2A 9E 9A 00") == "6985"  # the hash serves once
    assert cps.card.memory["sign"] == 1


@pytest.mark.parametrize(("name", "mse", "sign", "state"), [("sha256", "40", "42", "28"), ("sha1", "10", "12", "1C")])
def test_signature_with_an_intermediate_state(cps: Reader, name: str, mse: str, sign: str, state: str) -> None:
    """`90 28 <H><bits> 80 n <last block>` as the ANS library sends it (SHA-1: `90 1C`)."""
    message = b"SIMULATION " * 20
    whole = len(message) // 64 * 64
    midway = midstate.advance(name, midstate.start(name), message[:whole]) + (whole * 8).to_bytes(8, "big")
    assert len(midway) == int(state, 16)
    last = message[whole:]
    data = bytes([0x90, len(midway)]) + midway + bytes([0x80, len(last)]) + last
    cps.raw(verify())
    cps.raw("00 22 41 AA 03 80 01" + mse)
    assert cps.sw(b"\x00\x2a\x90\xa0" + bytes([len(data)]) + data) == "9000"
    cps.raw("00 22 41 B6 06 80 01" + sign + "84 01 81")
    signature = cps.raw("00 2A 9E 9A 00")[:-2]
    algorithm = hashes.SHA256() if name == "sha256" else hashes.SHA1()
    _public_key(cps, "3F000001A001").verify(signature, message, padding.PKCS1v15(), algorithm)


def test_no_signature_without_the_code(cps: Reader) -> None:
    cps.raw("00 22 41 AA 03 80 01 40")
    cps.raw("00 2A 90 A0 07 90 00 80 03 61 62 63")
    cps.raw("00 22 41 B6 06 80 01 42 84 01 81")
    assert cps.sw("00 2A 9E 9A 00") == "6982"
    assert cps.sw("00 22 41 B6 06 80 01 42 84 01 82") == "6A80"  # the other key does not sign documents
    assert cps.sw("00 2A 90 A0 03 80 01 00") == "6A80"
    assert cps.card.memory["sign"] == 0


def test_a_signature_with_a_wrong_le_is_not_made(cps: Reader) -> None:
    cps.raw(verify())
    cps.raw("00 22 41 AA 03 80 01 40")
    cps.raw("00 2A 90 A0 07 90 00 80 03 61 62 63")
    cps.raw("00 22 41 B6 06 80 01 42 84 01 81")
    assert cps.sw("00 2A 9E 9A 80") == "6C00"
    assert cps.card.memory["sign"] == 0
    assert cps.sw("00 2A 9E 9A 00") == "9000"


@pytest.mark.parametrize("mse", ["00 22 41 A4 06 80 01 02 84 01 82", "00 22 41 A4 06 84 01 82 80 01 02"])
def test_internal_authenticate(cps: Reader, mse: str) -> None:
    """MSE SET AT in the order of ANS and of OpenSC; 61 00, then 256 bytes."""
    digest_info = SHA256_PREFIX + hashlib.sha256(b"challenge").digest()
    cps.raw(mse)
    command = b"\x00\x88\x00\x00" + bytes([len(digest_info)]) + digest_info
    assert cps.sw(command) == "6982"
    cps.raw(verify())
    assert cps.raw(command).hex() == "6100"
    signature = cps.raw("00 C0 00 00 00")[:-2]
    key = _public_key(cps, "3F000001A002")
    key.verify(signature, b"challenge", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"other", padding.PKCS1v15(), hashes.SHA256())


def test_decipher_by_chaining(cps: Reader) -> None:
    cps.raw(verify())
    cryptogram = _public_key(cps, "3F000001A002").encrypt(b"session key", padding.PKCS1v15())
    assert cps.sw("00 22 41 B8 06 80 01 1A 84 01 82") == "9000"
    assert cps.chained("00 2A 80 86", b"\x81" + cryptogram) == "610B"
    assert cps.raw("00 C0 00 00 0B")[:-2] == b"session key"
    assert cps.chained("00 2A 80 86", b"\x81" + bytes(256)) == "6A80"


def test_a_chain_that_is_broken_is_told_and_forgotten(cps: Reader) -> None:
    assert cps.sw("10 2A 80 86 01 81") == "9000"
    assert cps.sw("00 20 00 01 00") == "6883"
    assert cps.sw("00 20 00 01 00") == "63C3"


def test_get_response_of_nothing(cps: Reader) -> None:
    assert cps.sw("00 C0 00 00 10") == "6985"
    cps.raw("00 A4 09 04 04 3F 00 D0 03")
    assert cps.sw("00 C0 00 00 FF") == "6C27"
    assert cps.sw("00 C0 00 00 10") == "6117"
    assert cps.sw("00 C0 00 00 17") == "9000"


def test_certificates_name_the_holder_and_the_simulation(cps: Reader, keys: Path) -> None:
    sign, auth = (x509.load_der_x509_certificate(cps.file("3F000001" + fid)) for fid in ("A001", "A002"))
    assert sign.subject == auth.subject
    assert "899900100019" in sign.subject.rfc4514_string()
    assert "NE PAS UTILISER" in sign.issuer.rfc4514_string()
    sign.verify_directly_issued_by(Pki(keys).ca)
    usage = sign.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.content_commitment, usage.digital_signature) == (True, False)


def test_pkcs15_files_point_to_files_that_exist(cps: Reader) -> None:
    """Every path in 5031, 7005 and 7006 can be selected."""
    cps.raw(verify())
    for start in ("5031", "7005", "7006"):
        data = cps.file("3F000001" + start)
        found = 0
        at = data.find(bytes.fromhex("3F000001"))
        while at >= 0:
            path = data[at : at + data[at - 1]]
            assert cps.sw(b"\x00\xa4\x09\x0c" + bytes([len(path)]) + path) == "9000", path.hex()
            found += 1
            at = data.find(bytes.fromhex("3F000001"), at + 4)
        assert found >= 2
    assert PIN.encode() not in b"".join(cps.file("3F000001" + fid) for fid in ("5031", "5032", "7001", "7002"))
