"""Mails to and from a fund as bytes: subject, headers, one base64 body. Pure: no clock, no socket.

Source: CdC 1.40 addendum 7, annex on OCT, §7 [SPEC S001]; the encrypted part's inside is SV-SIM.
"""

from __future__ import annotations

import base64
import email
import email.policy
import re
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final

from tournee.transmit.errors import MailMalformed

SIMULATION_HEADER: Final = "X-Simulation"
MAX_MAIL_BYTES: Final = 25_000_000
"""A mail above this is refused before it is parsed."""

_LINE_BYTES: Final = 57  # 76 base64 characters
_SUBJECT: Final = re.compile(r"SV([0-9A-Za-z]{6})/([0-9A-Za-z]{1,14})/(\d{19})/(\d{5})")
_ART_SUBJECT: Final = re.compile(r"ART/(\d{1,14})/(\d{12})")


@dataclass(frozen=True)
class MailProfile:
    """A row of `profils.toml`."""

    name: str
    subject: str
    version: str
    content_type: str
    content_description: str
    x_simulation: str
    source: str
    confidence: str


@dataclass(frozen=True)
class Sujet:
    """`SVvvvvvv/exercice/compostage/nnnnn` taken apart."""

    version: str
    emetteur: str
    compostage: str
    nombre_factures: int


@dataclass(frozen=True)
class SujetArt:
    """`ART/numéro PS/aaaammjjhhmm` taken apart."""

    numero_ps: str
    horodatage: str


@dataclass(frozen=True)
class Courrier:
    """A received mail: its headers in order, and the decoded parts as (content type in lower case, description, file name, bytes)."""

    headers: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    def header(self, name: str) -> str:
        """First header of that name, "" if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def simulation(self) -> bool:
        return bool(self.header(SIMULATION_HEADER))


@dataclass(frozen=True)
class Part:
    content_type: str  # lower case, without parameters
    description: str
    filename: str
    body: bytes


def profile(name: str) -> MailProfile:
    """The profile `name` (`sv-direct`); KeyError when unknown."""
    return _profiles()[name]


def compostage(at: datetime, compteur: int) -> str:
    """AAAAMMJJHHMMSSxxxxx: differs on every (re)transmission because `compteur` (0–99999) comes from a number range."""
    if not 0 <= compteur <= 99_999:
        raise ValueError("compteur: 0 à 99999")
    return f"{at:%Y%m%d%H%M%S}{compteur:05d}"


def subject(profil: MailProfile, emetteur: str, compostage: str, nombre_factures: int) -> str:
    """Subject line; `emetteur` is the sender number of the file, `nombre_factures` 1–99999."""
    if not 1 <= nombre_factures <= 99_999:
        raise ValueError("nombre_factures: 1 à 99999")
    text = profil.subject.format(
        version=profil.version, emetteur=emetteur, compostage=compostage, nombre_factures=nombre_factures
    )
    if not _SUBJECT.fullmatch(text):
        raise ValueError("emetteur ou compostage hors format")
    return text


def parse_subject(text: str) -> Sujet:
    """Raises MailMalformed."""
    match = _SUBJECT.fullmatch(text.strip())
    if match is None:
        raise MailMalformed("Le sujet n'est pas de la forme SVvvvvvv/exercice/compostage/nnnnn.", where="Subject")
    return Sujet(match[1], match[2], match[3], int(match[4]))


def parse_art_subject(text: str) -> SujetArt:
    """Raises MailMalformed."""
    match = _ART_SUBJECT.fullmatch(text.strip())
    if match is None:
        raise MailMalformed("Le sujet n'est pas de la forme ART/numéro/aaaammjjhhmm.", where="Subject")
    return SujetArt(match[1], match[2])


def build(
    profil: MailProfile,
    *,
    sender: str,
    recipient: str,
    emetteur: str,
    compostage: str,
    nombre_factures: int,
    envelope: bytes,
    at: datetime,
) -> bytes:
    """The mail that carries one file: `envelope` is the DER of the CMS enveloped-data, `at` the aware time of sending."""
    if at.tzinfo is None:
        raise ValueError("at: aware date-time")
    headers = [
        ("From", sender),
        ("To", recipient),
        ("Date", _rfc5322(at)),
        ("Message-ID", f"<{compostage}.{emetteur}@{sender.rpartition('@')[2]}>"),
        ("Subject", subject(profil, emetteur, compostage, nombre_factures)),
        ("MIME-Version", "1.0"),
        ("Content-Type", profil.content_type),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Description", profil.content_description),
    ]
    if profil.x_simulation:
        headers.append((SIMULATION_HEADER, profil.x_simulation))
    return _assemble(headers, envelope)


def parse(raw: bytes) -> Courrier:
    """Take a mail apart; a body that cannot be decoded or a part nested too deep raises MailMalformed."""
    if len(raw) > MAX_MAIL_BYTES:
        raise MailMalformed("Le message dépasse la taille admise.", where="message")
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        headers = tuple((str(k), _unfold(str(v))) for k, v in message.items())
        parts = []
        for part in message.walk():
            if part.is_multipart():
                continue
            body = part.get_payload(decode=True)
            parts.append(
                Part(
                    part.get_content_type(),
                    _unfold(str(part.get("Content-Description", ""))),
                    str(part.get_filename() or part.get("Name", "")),
                    body if isinstance(body, bytes) else b"",
                )
            )
            if len(parts) > 50:
                raise MailMalformed("Le message a trop de parties.", where="message")
    except MailMalformed:
        raise
    except (
        ValueError,
        LookupError,
        RecursionError,
        TypeError,
        AttributeError,
    ) as exc:  # what `email` raises on hostile bytes
        raise MailMalformed("Le message ne peut pas être lu.", where="message") from exc
    return Courrier(headers, tuple(parts))


def _assemble(headers: list[tuple[str, str]], body: bytes) -> bytes:
    for name, value in headers:
        if not value.isascii() or any(c in value for c in "\r\n\0"):
            raise MailMalformed(f"L'en-tête {name} contient un caractère interdit.", where=name)
    encoded = base64.b64encode(body).decode("ascii")
    lines = [f"{name}: {value}" for name, value in headers] + [""]
    width = _LINE_BYTES * 4 // 3
    lines += [encoded[i : i + width] for i in range(0, len(encoded), width)]
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _rfc5322(at: datetime) -> str:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[at.weekday()]}, {at.day:02d} {months[at.month - 1]} {at:%Y %H:%M:%S %z}"


def _unfold(value: str) -> str:
    return " ".join(value.split())


@cache
def _profiles() -> dict[str, MailProfile]:
    table = tomllib.loads(files("tournee.transmit").joinpath("profils.toml").read_text("utf-8"))
    return {name: MailProfile(name=name, **row) for name, row in table.items() if isinstance(row, dict)}
