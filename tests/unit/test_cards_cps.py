"""The CPS3 by the public sequences [ANS, OpenSC]: exchanges typed by hand from the facts §2.3, §2.4."""

from __future__ import annotations

import asyncio

import pytest

from tests.tools.recorded import Recorded
from tournee.cards import cps, droits, iasecc
from tournee.cards.desk import Desk
from tournee.cards.driver import run
from tournee.cards.errors import (
    CardBlocked,
    CardDataError,
    CardMissing,
    CardRefused,
    NotVerified,
    UnknownCard,
    WrongPin,
)
from tournee.signing import message
from tournee.signing.programs import by_cps, by_vitale
from tournee.terminal.errors import OutcomeUnknown, from_status
from tournee.terminal.model import PinResult
from tournee_protocol.link import Op, Status

ATR = bytes.fromhex("3BAC00402A001225006480000310009000")
SN = [("00 A4 09 0C 04 3F 00 D0 03", "9000"), ("00 B0 00 00 E7", "5A 0A 80 25 00 00 01 99 00 00 01 7F 9000")]
NO_CDF = [("00 A4 09 0C 06 3F 00 00 01 70 05", "6A82")]
NO_CERTIFICATES = [("00 A4 09 0C 06 3F 00 00 01 A0 01", "6A82"), ("00 A4 09 0C 06 3F 00 00 01 A0 02", "6A82")]
SIT_FACT = ("00 A4 09 0C 06 3F 00 00 01 D1 10", "9000")
# 0001: type 0, 8, 9990010001, key 9, 31, ESSAI, ZOE · 0002: 01, 0, …
ZONE = (
    "0001 1E 01 30 01 38 0A 39393930303130303031 01 39 02 3331 05 4553534149 03 5A4F45"
    "0002 40 02 3031 01 30 00 04 53413037 01 30 08 3939313030313031 01 37 05 455353 4149 08 3939313030313031 01 37 00 00"
    "01 31 02 3031 02 3230 02 3031 01 30 01 30 01 30 01 31 01 31"
)


def _run(rows: list[tuple[str, str]], program: object, pins: list[PinResult] | None = None) -> object:
    reader = Recorded({0: rows}, pins=pins or [])
    result: object = asyncio.run(run(reader, {"cps": 0}, program))  # type: ignore[arg-type]
    assert not reader.left
    return result


def test_public_part_of_a_card_that_shows_its_number_only() -> None:
    reader = Recorded({0: [*SN, *NO_CDF, *NO_CERTIFICATES]})
    card = asyncio.run(run(reader, {"cps": 0}, cps.read_public(ATR)))
    assert (card.numero_serie, card.emetteur) == ("99000001", "8025000001")
    assert (card.holder, card.certificat_signature, card.situations, card.simulation) == (None, None, None, False)
    assert reader.round_trips == 1


def test_situations() -> None:
    holder, (situation,) = droits.situations(bytes.fromhex(ZONE))
    assert (holder.type_identification, holder.numero_identification, holder.cle) == ("8", "9990010001", "9")
    assert (holder.nom, holder.prenom) == ("ESSAI", "ZOE")
    assert (situation.numero_facturation, situation.cle_facturation) == ("99100101", "7")
    assert (situation.specialite, situation.zone_tarifaire, situation.zone_ik) == ("01", "20", "01")
    assert situation.code_conventionnel == "1"
    assert situation.signe_facture and situation.signe_lot


def test_situations_before_the_pin() -> None:
    public = asyncio.run(run(Recorded({0: [*SN, *NO_CDF, *NO_CERTIFICATES]}), {"cps": 0}, cps.read_public(ATR)))
    with pytest.raises(NotVerified):
        _run([SIT_FACT, ("00 B0 00 00 E7", "6982")], cps.read_situations(public))


def test_the_signature_sequence_is_the_captured_one() -> None:
    text = message("F", 1, bytes(32))
    block = "53 56 53 49 4D 31 46 30 30 30 30 30 30 30 30 31" + "00" * 32
    rows = [
        ("00 A4 09 0C 04 3F 00 00 01", "9000"),
        ("00 22 41 AA 03 80 01 40", "9000"),
        ("00 2A 90 A0 34 90 00 80 30" + block, "9000"),
        ("00 22 41 B6 06 80 01 42 84 01 81", "9000"),
        ("00 2A 9E 9A 00", "AB" * 256 + "9000"),
    ]
    assert len(text) == 48
    assert _run(rows, cps.sign(text)) == b"\xab" * 256
    assert _run(rows, by_cps("F", 1, bytes(32))) == b"\xab" * 256
    for at, sw in ((1, "6A80"), (2, "6982"), (4, "6985")):
        stopped = [*rows[:at], (rows[at][0], sw)]
        with pytest.raises(NotVerified if sw == "6982" else CardRefused):
            _run(stopped, cps.sign(text))
    with pytest.raises(CardDataError):
        _run([*rows[:4], (rows[4][0], "AB" * 128 + "9000")], cps.sign(text))


def test_what_is_signed_has_limits() -> None:
    for bad in (b"", bytes(56)):
        with pytest.raises(ValueError, match="55"):
            iasecc.sign_steps(bad)
    with pytest.raises(ValueError, match="DigestInfo"):
        iasecc.authenticate_steps(bytes(103))
    with pytest.raises(ValueError, match="32"):
        iasecc.digest_info(b"")
    for kind, numero, digest in (("X", 1, bytes(32)), ("F", 0, bytes(32)), ("F", 10**9, bytes(32)), ("F", 1, b"")):
        with pytest.raises(ValueError):
            message(kind, numero, digest)  # type: ignore[arg-type]
    assert next(by_vitale(999_999_999, bytes(32))).card == "vitale"


@pytest.mark.parametrize(("answer", "tries"), [("9000", None), ("63C3", 3), ("63C0", 0), ("6983", 0)])
def test_tries_left_cost_nothing(answer: str, tries: int | None) -> None:
    assert _run([("00 20 00 01", answer)], cps.pin_tries()) == tries


@pytest.mark.parametrize(
    ("result", "kind", "text"),
    [
        (PinResult(0x63C2, 2), WrongPin, "code faux, il reste 2 essais"),
        (PinResult(0x63C1, 1), WrongPin, "code faux, il reste 1 essai"),
        (PinResult(0x63C0, 0), CardBlocked, "CPS bloquée"),
        (PinResult(0x6983, None), CardBlocked, "CPS bloquée"),
        (PinResult(0x6700, None), CardRefused, "6700"),
    ],
)
def test_a_pin_that_is_not_accepted(result: PinResult, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        _run([], cps.verify(), [result])


def test_the_template_is_that_of_the_code_porteur() -> None:
    reader = Recorded({}, pins=[PinResult(0x9000, None)])
    asyncio.run(run(reader, {"cps": 3}, cps.verify()))
    (request,) = reader.pin_requests
    assert (request.header, request.min_digits, request.max_digits, request.pad_to) == (b"\x00\x20\x00\x01", 4, 4, 0)
    assert len(request.prompt) <= 20


def _desk(rows: list[tuple[str, str]], pins: list[object]) -> tuple[Desk, Recorded]:
    reader = Recorded({0: rows}, atrs={0: ATR.hex()}, pins=pins)  # type: ignore[arg-type]
    return Desk(reader), reader


PUBLIC = [*SN, *NO_CDF, *NO_CERTIFICATES]
READ = [SIT_FACT, ("00 B0 00 00 E7", ZONE + "9000")]


def test_the_desk_asks_the_pin_once() -> None:
    desk, reader = _desk([*PUBLIC, *READ], [PinResult(0x9000, None)])

    async def use() -> None:
        assert (await desk.open_cps()).situations
        assert (await desk.open_cps()).situations

    asyncio.run(use())
    assert len(reader.pin_requests) == 1


def test_after_an_unknown_outcome_the_card_is_asked_before_the_person() -> None:
    unknown = OutcomeUnknown(Op.PIN_VERIFY, restarted=False)
    desk, reader = _desk([*PUBLIC, *PUBLIC, ("00 20 00 01", "9000"), *READ], [unknown])

    async def use() -> None:
        with pytest.raises(OutcomeUnknown):
            await desk.open_cps()
        assert (await desk.open_cps()).situations

    asyncio.run(use())
    assert len(reader.pin_requests) == 1, "the try had been good: nobody is asked again"
    assert not reader.left


def test_a_card_that_forgot_its_pin_asks_once_more() -> None:
    signature = [("00 A4 09 0C 04 3F 00 00 01", "9000"), ("00 22 41 AA 03 80 01 40", "6982")]
    good = [
        ("00 A4 09 0C 04 3F 00 00 01", "9000"),
        ("00 22 41 AA 03 80 01 40", "9000"),
        ("00 2A 90 A0 05 90 00 80 01 78", "9000"),
        ("00 22 41 B6 06 80 01 42 84 01 81", "9000"),
        ("00 2A 9E 9A 00", "AB" * 256 + "9000"),
    ]
    desk, reader = _desk([*signature, ("00 20 00 01", "63C3"), *good], [PinResult(0x9000, None)] * 2)
    assert asyncio.run(desk.sign_cps(b"x")) == b"\xab" * 256
    assert len(reader.pin_requests) == 2


@pytest.mark.parametrize(
    ("atr", "kind"), [("3B6700002D201601789000", UnknownCard), ("3B00", UnknownCard), ("", Exception)]
)
def test_what_is_in_the_slot_is_named(atr: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        asyncio.run(Desk(Recorded({}, atrs={0: atr})).practitioner())


def test_nothing_in_the_slots() -> None:
    with pytest.raises(CardMissing, match="CPS absente"):
        asyncio.run(Desk(Recorded({})).practitioner())


def test_a_refusal_of_the_keypad_reaches_the_caller() -> None:
    desk, _ = _desk(PUBLIC, [from_status(Status.CANCELLED, 0)])
    with pytest.raises(Exception, match="annulée"):
        asyncio.run(desk.open_cps())
