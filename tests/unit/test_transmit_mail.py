"""Subject, headers and body of the mail that carries a file; mails taken apart."""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tournee.transmit import mail
from tournee.transmit.errors import MailMalformed

AT = datetime(2025, 1, 15, 20, 30, 5, tzinfo=timezone(timedelta(hours=1)))
PROFIL = mail.profile("sv-direct")


def built(envelope: bytes = b"\x30\x82" * 100, **changes: object) -> bytes:
    values: dict[str, object] = {
        "sender": "cabinet@medecin.invalid",
        "recipient": "caisse@fonds.invalid",
        "emetteur": "00000991001011",
        "compostage": mail.compostage(AT, 7),
        "nombre_factures": 25,
        "envelope": envelope,
        "at": AT,
    }
    return mail.build(PROFIL, **{**values, **changes})  # type: ignore[arg-type]


def test_headers_are_those_of_the_public_profile() -> None:
    raw = built()
    assert raw.split(b"\r\n\r\n")[0].decode().splitlines() == [
        "From: cabinet@medecin.invalid",
        "To: caisse@fonds.invalid",
        "Date: Wed, 15 Jan 2025 20:30:05 +0100",
        "Message-ID: <2025011520300500007.00000991001011@medecin.invalid>",
        "Subject: SV000001/00000991001011/2025011520300500007/00025",
        "MIME-Version: 1.0",
        "Content-Type: Application/EDI-consent",
        "Content-Transfer-Encoding: base64",
        "Content-Description: FACTURE/SV/K",
        "X-Simulation: SV-SIM/1",
    ]
    assert all(len(line) <= 78 for line in raw.split(b"\r\n")) and b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 5000])
def test_body_comes_back_whole(size: int) -> None:
    envelope = bytes(i % 251 for i in range(size))
    courrier = mail.parse(built(envelope))
    (part,) = courrier.parts
    assert (part.content_type, part.description, part.body) == ("application/edi-consent", "FACTURE/SV/K", envelope)
    assert courrier.simulation and courrier.header("subject").startswith("SV000001/")
    assert email.message_from_bytes(built(envelope)).get_payload(decode=True) == envelope


def test_subject_both_ways() -> None:
    made = mail.subject(PROFIL, "991001011", mail.compostage(AT, 99_999), 1)
    assert made == "SV000001/991001011/2025011520300599999/00001"
    assert mail.parse_subject(made) == mail.Sujet("000001", "991001011", "2025011520300599999", 1)


@pytest.mark.parametrize(
    "text", ["", "SV000001/1/2/3", "SV00001/1/2025011520300500007/00025", "IR100500/1/2025011520300500007/00025"]
)
def test_other_subjects_are_refused(text: str) -> None:
    with pytest.raises(MailMalformed) as caught:
        mail.parse_subject(text)
    assert caught.value.where == "Subject"


@pytest.mark.parametrize("count", [0, 100_000])
def test_count_must_fit_five_digits(count: int) -> None:
    with pytest.raises(ValueError, match="nombre_factures"):
        mail.subject(PROFIL, "1", mail.compostage(AT, 1), count)


def test_compostage_differs_with_the_counter_and_must_fit() -> None:
    assert mail.compostage(AT, 1) != mail.compostage(AT, 2)
    with pytest.raises(ValueError, match="compteur"):
        mail.compostage(AT, 100_000)


@pytest.mark.parametrize("sender", ["a@b.invalid\r\nBcc: x@y.invalid", "é@b.invalid", "a@b\0.invalid"])
def test_no_header_can_be_smuggled_in(sender: str) -> None:
    with pytest.raises(MailMalformed) as caught:
        built(sender=sender)
    assert caught.value.where in ("From", "Message-ID")
    assert "Bcc" not in caught.value.what


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        built(at=datetime(2025, 1, 15))  # noqa: DTZ001


def test_art_subject() -> None:
    assert mail.parse_art_subject("ART/00000991001011/202501152030") == mail.SujetArt("00000991001011", "202501152030")
    with pytest.raises(MailMalformed):
        mail.parse_art_subject("ART/x/1")


def test_multipart_gives_every_leaf() -> None:
    raw = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nbonjour\r\n"
        b"--B\r\nContent-Type: Application/EDI-consent; name=a.txt\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Description: NOEMIE\r\n\r\nMDAw\r\n--B--\r\n"
    )
    parts = mail.parse(raw).parts
    assert [(p.content_type, p.body.strip()) for p in parts] == [
        ("text/plain", b"bonjour"),
        ("application/edi-consent", b"000"),
    ]
    assert (parts[1].description, parts[1].filename) == ("NOEMIE", "a.txt")


def test_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(MailMalformed, match="taille"):
        mail.parse(bytes(mail.MAX_MAIL_BYTES + 1))


def test_utc_date_has_a_zone() -> None:
    assert b"Date: Sun, 01 Jun 2025 00:00:00 +0000\r\n" in built(at=datetime(2025, 6, 1, tzinfo=UTC))
