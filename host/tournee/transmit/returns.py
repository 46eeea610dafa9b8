"""Read a return mail: ARL (SV-SIM), NOEMIE (580, 576, 900 …), ART text; gzip or plain; what is unknown is kept and said.

Sources: NOEMIE entities [IMPL ALC]; one `application/edi-consent` part, base64, perhaps gzip [IMPL ALC]; ART [SPEC S001 §7.2];
the ARL's layout is not public: SV-SIM v1.
"""

from __future__ import annotations

import zlib
from typing import Final

from tournee.b2.errors import B2Error
from tournee.transmit import retour_arl, retour_noemie
from tournee.transmit.errors import ReturnMalformed
from tournee.transmit.mail import Courrier, Part, parse
from tournee.transmit.model import CleArl, Nature, Retour

CONTENT_TYPE: Final = "application/edi-consent"
MAX_FILE_BYTES: Final = 50_000_000
_HEADER_BYTES: Final = 128
_REFERENCE: Final = slice(61, 65)  # positions 62–65 of record 000


def read(raw: bytes) -> Retour:
    """A mail as fetched → its Retour. A NOEMIE or ARL that breaks its layout raises ReturnMalformed, a broken mail MailMalformed;
    a readable mail that is no return gives nature INCONNU."""
    courrier = parse(raw)
    part = next((p for p in courrier.parts if p.content_type == CONTENT_TYPE), None)
    if part is None:
        return _unknown(courrier, None, "Ce courrier ne porte aucun fichier de caisse.")
    data = _unpacked(part.body)
    description = part.description or courrier.header("Content-Description")
    if description.upper().startswith("ART") or courrier.header("Subject").startswith("ART/"):
        return Retour(Nature.ART, "ART", courrier.simulation, description, texte=_text(data), data=data)
    reference = _reference(data)
    try:
        if reference == "ARL":
            return retour_arl.read(data, description, courrier.simulation)
        if reference.isdigit():
            return retour_noemie.read(data, description, courrier.simulation)
    except B2Error as exc:
        raise ReturnMalformed(
            f"Le retour {reference} ne suit pas sa norme : {exc.what}.",
            "Gardez ce courrier et signalez-le à la caisse ; les factures restent en attente.",
            where=f"{exc.record_type or exc.record_number} {exc.field}".strip(),
        ) from exc
    return _unknown(courrier, part, "Le fichier de ce courrier est d'un type inconnu.")


def cle_arl(retour: Retour) -> CleArl:
    """Matching key of an ARL."""
    if retour.arl is None:
        raise ValueError("pas un ARL")
    return CleArl(retour.arl.compostage, retour.arl.identification_fichier)


def _unknown(courrier: Courrier, part: Part | None, remark: str) -> Retour:
    shown = next((_text(p.body) for p in courrier.parts if p.content_type == "text/plain"), "")
    return Retour(
        Nature.INCONNU,
        "",
        courrier.simulation,
        part.description if part else courrier.header("Content-Description"),
        texte=shown,
        remarques=(remark,),
        data=part.body if part else b"",
    )


def _reference(data: bytes) -> str:
    """ "580", "ARL" …, or "" when there is no record 000."""
    if len(data) < 2 * _HEADER_BYTES or not data.startswith(b"000"):
        return ""
    return data[_REFERENCE].decode("latin-1").strip()


def _unpacked(body: bytes) -> bytes:
    """gunzip when it is gzip, else as it is [IMPL ALC]; raises ReturnMalformed when it is broken or unpacks to too much."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    decoder = zlib.decompressobj(wbits=31)
    remedy = "Gardez ce courrier et redemandez le fichier à la caisse."
    try:
        data = decoder.decompress(body, MAX_FILE_BYTES)
    except zlib.error as exc:
        raise ReturnMalformed("Le fichier compressé de ce retour est abîmé.", remedy, where="gzip") from exc
    if not decoder.eof:
        raise ReturnMalformed("Le fichier compressé de ce retour est coupé ou trop grand.", remedy, where="gzip")
    return data


def _text(data: bytes) -> str:
    """UTF-8, else the Windows page that OCTs write; without control characters but line ends and tabs."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return "".join(c for c in text.replace("\r\n", "\n") if c in "\n\t" or c.isprintable())
