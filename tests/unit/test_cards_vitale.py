"""The Vitale by the public APDU sequence [RUF, CPK], against exchanges typed by hand from the facts (fictitious people, department 99)."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from tests.tools.recorded import Recorded
from tournee.cards import svsim, vitale
from tournee.cards.driver import run
from tournee.cards.errors import CardDataError, CardRefused, NotVerified
from tournee.cards.model import Beneficiaire, VitaleCard

ATR = bytes.fromhex("3B75130000 4709EA9000")
MF = ("00 A4 00 00 02 3F 00", "9000")
APP = ("00 A4 04 00 0B D2 50 00 00 02 56 49 54 41 4C 45", "9000")
NO_SVSIM = ("00 A4 04 00 08 F0 53 56 2D 53 49 4D 01", "6A82")
PAN = [("00 A4 00 00 02 2F 02", "9000"), ("00 B0 00 00 40", "5A 0A 80 25 00 00 02 99 00 00 42 3F 9000")]
# 65 { 80 "ESSAI" 81 "ZOÉ" (Latin-1 C9) 82 "19850017" (lunar: month 00) 90 "FR" } 65 { 80 "ESSAI" 81 "LUC" 82 … } 66 { 80 "20240101" } 00…
IDENTITIES = (
    "65 1A 80 05 45 53 53 41 49 81 03 5A 4F C9 82 08 31 39 38 35 30 30 31 37 90 02 46 52"
    "65 18 80 07 45 53 53 41 49 20 20 81 03 4C 55 43 82 08 32 30 31 38 30 33 31 31"
    "66 0A 80 08 32 30 32 34 30 31 30 31 00 00 00 00"
)
# 65 { 93 "285009935000142" } 65 { 93 "118039935000256" }
NIRS = "65 11 93 0F 32 38 35 30 30 39 39 33 35 30 30 30 31 34 32 65 11 93 0F 31 31 38 30 33 39 39 33 35 30 30 30 32 35 36 00 00"


def _read(identities: str = IDENTITIES, nirs: str = NIRS, pan: list[tuple[str, str]] | None = None) -> VitaleCard:
    exchanges = [
        MF,
        ("00 B0 82 00 00", identities + "9000"),
        *(PAN if pan is None else pan),
        APP,
        ("00 B0 82 00 00", nirs + "9000"),
        NO_SVSIM,
    ]
    reader = Recorded({1: exchanges})
    card = asyncio.run(run(reader, {"vitale": 1}, vitale.read_public(ATR)))
    assert not reader.left
    assert reader.round_trips == 1
    return card


def test_a_family_in_one_round_trip() -> None:
    card = _read()
    assert card.beneficiaires == (
        Beneficiaire(1, "ESSAI", "ZOÉ", "19850017", "FR", "285009935000142"),
        Beneficiaire(2, "ESSAI", "LUC", "20180311", "", "118039935000256"),
    )
    assert (card.numero_serie, card.identifiant) == ("99000042", "8025000002990000423F")
    assert card.debut_validite == date(2024, 1, 1)
    assert (card.simulation, card.certificat, card.droits) == (False, None, None)


def test_a_card_without_serial_number_and_with_fewer_numbers_than_people() -> None:
    card = _read(
        nirs="65 11 93 0F 32 38 35 30 30 39 39 33 35 30 30 30 31 34 32", pan=[("00 A4 00 00 02 2F 02", "6A82")]
    )
    assert (card.numero_serie, card.identifiant) == ("", "")
    assert [b.nir for b in card.beneficiaires] == ["285009935000142", ""]


def test_long_file_is_read_to_its_end() -> None:
    person = "65 1A 80 05 45 53 53 41 49 81 03 5A 4F C9 82 08 31 39 38 35 30 30 31 37 90 02 46 52"
    data = bytes.fromhex(person) * 19
    number = bytes.fromhex("65 11 93 0F 32 38 35 30 30 39 39 33 35 30 30 30 31 34 32") * 19
    exchanges = [MF]
    for file in (data, number):
        reads = [("00 B0 82 00 00", file[:256])] + [
            (f"00 B0 {at >> 8:02X} 00 00", file[at : at + 256]) for at in range(256, len(file), 256)
        ]
        exchanges += [(command, part.hex() + ("9000" if len(part) == 256 else "6282")) for command, part in reads]
        exchanges += [*PAN, APP] if file is data else []
    reader = Recorded({0: [*exchanges, NO_SVSIM]})
    card = asyncio.run(run(reader, {"vitale": 0}, vitale.read_public(ATR)))
    assert len(card.beneficiaires) == 19, "up to 19 per card"


def test_not_a_vitale() -> None:
    reader = Recorded({0: [("00 A4 00 00 02 3F 00", "6A86")]})
    with pytest.raises(CardRefused, match="lecture de la carte Vitale") as caught:
        asyncio.run(run(reader, {"vitale": 0}, vitale.read_public(ATR)))
    assert caught.value.sw == 0x6A86


@pytest.mark.parametrize(
    ("identities", "nirs"),
    [("00 00", NIRS), (IDENTITIES[:39], NIRS), (IDENTITIES, NIRS[:15]), (IDENTITIES, "65 02 93 00" * 3)],
)
def test_damaged_files_are_named_and_never_quoted(identities: str, nirs: str) -> None:
    exchanges = [MF, ("00 B0 82 00 00", identities + "9000"), *PAN, APP, ("00 B0 82 00 00", nirs + "9000"), NO_SVSIM]
    with pytest.raises(CardDataError) as caught:
        asyncio.run(run(Recorded({0: exchanges}), {"vitale": 0}, vitale.read_public(ATR)))
    assert "SFI 2" in caught.value.place
    assert "ESSAI" not in caught.value.what and "2850" not in caught.value.what


def test_signature_command_and_its_limits() -> None:
    text = bytes(48)
    command = "80 5A 00 00 30" + "00" * 48 + "00"
    rows = [("00 A4 04 00 08 F0 53 56 2D 53 49 4D 01", "9000"), (command, "AB" * 256 + "9000")]
    assert asyncio.run(run(Recorded({0: rows}), {"vitale": 0}, svsim.sign(text))) == b"\xab" * 256
    for bad in (b"", bytes(56)):
        with pytest.raises(ValueError, match="55"):
            next(svsim.sign(bad))
    refused = [rows[0], (command, "6982")]
    with pytest.raises(NotVerified):
        asyncio.run(run(Recorded({0: refused}), {"vitale": 0}, svsim.sign(text)))


def test_mutual_authentication_in_three_round_trips() -> None:
    import hashlib

    challenge, serial, certificate = bytes(range(8)), bytes.fromhex("8025000002990000423F"), bytes(600)
    digest = hashlib.sha256(challenge + serial).hexdigest()
    info = "3031300D060960864801650304020105000420" + digest
    proof = "CD" * 256
    zone = "0065 21" + "01 30 08 3939303030303432 00 00 00 00 00 00 00 02 3031 03 393931 04 30303030 02 3130"
    select = ("00 A4 04 00 08 F0 53 56 2D 53 49 4D 01", "9000")
    vitale_rows = [
        select,
        ("00 84 00 00 08", challenge.hex() + "9000"),
        ("10 2A 00 BE FF" + "00" * 255, "9000"),
        ("10 2A 00 BE FF" + "00" * 255, "9000"),
        ("00 2A 00 BE 5A" + "00" * 90, "9000"),
        ("10 82 00 00 FF" + proof[:510], "9000"),
        ("00 82 00 00 01" + proof[510:], "9000"),
        ("00 B0 81 00 00", zone + "9000"),
    ]
    cps_rows = [
        ("00 A4 09 0C 04 3F 00 00 01", "9000"),
        ("00 22 41 A4 06 80 01 02 84 01 82", "9000"),
        ("00 88 00 00 33" + info + "00", proof + "9000"),
    ]
    reader = Recorded({0: cps_rows, 1: vitale_rows})
    droits = asyncio.run(run(reader, {"cps": 0, "vitale": 1}, svsim.open_rights(serial, certificate)))
    assert (droits.assure.regime, droits.assure.caisse, droits.assure.centre) == ("01", "991", "0000")
    assert not reader.left
    assert reader.round_trips == 3
