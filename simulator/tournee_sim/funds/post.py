"""Mails of a fund: take an incoming one apart, write the answers."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from email.policy import compat32

MAX_MAIL_BYTES = 25_000_000
MAX_FILE_BYTES = 50_000_000
SIMULATION = "SV-SIM/1"
_SUBJECT = re.compile(r"SV([0-9A-Za-z]{6})/([0-9A-Za-z]{1,14})/(\d{19})/(\d{5})")


@dataclass(frozen=True)
class Incoming:
    """The parts of a mail that carries a file; "" or None where there is nothing to read."""

    subject: str
    version: str
    emetteur: str
    compostage: str
    nombre_factures: int | None
    content_type: str
    description: str
    simulation: str
    body: bytes


def take_apart(raw: bytes) -> Incoming:
    """Never raises on what a mail can hold; a header that cannot be read is empty."""
    message = message_from_bytes(raw, policy=compat32)

    def header(name: str) -> str:
        return " ".join(str(message.get(name, "")).split())[:500]

    found = _SUBJECT.fullmatch(header("Subject"))
    version, emetteur, compostage, count = found.groups() if found else ("", "", "", "")
    body = b"" if message.is_multipart() else message.get_payload(decode=True)
    return Incoming(
        header("Subject"),
        version,
        emetteur,
        compostage,
        int(count) if count else None,
        message.get_content_type(),
        header("Content-Description"),
        header("X-Simulation"),
        body if isinstance(body, bytes) else b"",
    )


def unpacked(data: bytes) -> bytes:
    """gunzip with a bound (description FACTURE/SV/ZK); raises ValueError."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        out = decoder.decompress(data, MAX_FILE_BYTES)
    except zlib.error as exc:
        raise ValueError("no gzip") from exc
    if decoder.unconsumed_tail:
        raise ValueError("unpacks to too much")
    return out


def answer(
    *,
    sender: str,
    recipient: str,
    subject: str,
    description: str,
    message_id: str,
    data: bytes,
    today: date,
    packed: bool,
) -> bytes:
    """One return file in one mail [IMPL ALC]: application/edi-consent, base64, perhaps gzip."""
    body = gzip.compress(data, mtime=0) if packed else data
    encoded = base64.encodebytes(body).replace(b"\n", b"\r\n")
    days, months = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "JanFebMarAprMayJunJulAugSepOctNovDec"
    stamp = f"{days[today.weekday()]}, {today.day:02d} {months[today.month * 3 - 3 : today.month * 3]} {today.year} 06:00:00 +0000"
    headers = {
        "From": sender,
        "To": recipient,
        "Date": stamp,
        "Message-ID": f"<{message_id}@{sender.rpartition('@')[2]}>",
        "Subject": subject,
        "MIME-Version": "1.0",
        "Content-Type": "Application/EDI-consent",
        "Content-Transfer-Encoding": "base64",
        "Content-Description": description,
        "X-Simulation": SIMULATION,
    }
    return "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode("ascii") + b"\r\n" + encoded
