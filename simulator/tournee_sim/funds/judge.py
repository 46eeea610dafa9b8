"""Judge a decrypted file: layout, counters, totals, and every signature. Tariffs are not judged."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import date
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tournee_protocol.layouts.tables import codes as code_lists
from tournee_sim.funds.envelope import Signed, chain_fault
from tournee_sim.funds.reader import Facture, Fichier, Lot, ReadError, Row, rows, structure
from tournee_sim.funds.report import Report

SIGNERS_OF_MODE: Final = {0: "", 1: "C", 2: "CV", 3: "CV", 4: "CV", 5: "C"}
"""Mode de sécurisation → who must have signed the invoice (C CPS, V Vitale). SV-SIM v1."""
_NAMES: Final = {"C": "cps", "V": "vitale"}
_FLUX: Final = ("T", "D")


def judge(signed: Signed, report: Report, *, fund: str, ca: x509.Certificate, today: date) -> Fichier | None:
    """Adds its checks to `report`; None when the file cannot be read at all."""
    try:
        fichier = structure(rows(signed.content))
    except ReadError as exc:
        report.check("b2.layout", False, str(exc))
        return None
    report.check("b2.layout", True, f"{len(fichier.rows)} records")
    try:
        _file(fichier, report, fund)
        for lot in fichier.lots:
            _lot(lot, fichier, report, signed, ca, today)
        seen: set[int] = set()
        for facture in fichier.factures:
            report.check(f"facture {facture.numero:09d}.unique", facture.numero not in seen)
            seen.add(facture.numero)
            _facture(facture, report, signed, ca, today, fund)
    except ReadError as exc:
        report.check("b2.values", False, str(exc))
        return None
    return fichier


def _file(fichier: Fichier, report: Report, fund: str) -> None:
    debut, fin = fichier.debut, fichier.fin
    report.emetteur = debut.text("numero_emetteur")
    report.identification_fichier = debut.text("identification_fichier")
    report.factures = [f.numero for f in fichier.factures]
    report.check("file.simulation", debut.text("type_flux") in _FLUX and "SIMULATION" in debut.text("zone_message"))
    report.check("file.trailer_repeats_header", debut.raw[3:55] == fin.raw[3:55])
    report.check("file.records", fin.num("nombre_enregistrements") == len(fichier.rows), f"{len(fichier.rows)}")
    report.check("file.lots", fin.num("nombre_lots") == len(fichier.lots), f"{len(fichier.lots)}")
    destinataire = debut.text("numero_destinataire")
    kind = code_lists()["regime_type_destinataire"].get(fund[:2], "")
    report.check("file.type_destinataire", debut.text("type_destinataire") == kind, kind)
    report.check("file.destination", destinataire == f"000000{fund[:2]}000{fund[2:]}", destinataire)


def _lot(lot: Lot, fichier: Fichier, report: Report, signed: Signed, ca: x509.Certificate, today: date) -> None:
    name = f"lot {lot.numero:03d}"
    fin = lot.fin
    if fin is None:
        raise ReadError("no end of lot", lot.entete.number, "1")
    lignes = [ligne for facture in lot.factures for ligne in facture.lignes]
    fins = [facture.fin for facture in lot.factures if facture.fin is not None]
    report.check(f"{name}.number", fin.num("numero_lot") == lot.numero)
    report.check(
        f"{name}.emetteur",
        {r.text("numero_emetteur") for r in (lot.entete, fin, *(f.entete for f in lot.factures))}
        == {fichier.debut.text("numero_emetteur")[-9:]},
    )
    report.check(f"{name}.factures", fin.num("nombre_factures") == len(lot.factures), f"{len(lot.factures)}")
    report.check(f"{name}.actes", fin.num("nombre_actes") == len(lignes), f"{len(lignes)}")
    report.check(f"{name}.records", fin.num("nombre_enregistrements") == len(lot.raw) // 128, f"{len(lot.raw) // 128}")
    for field, source in (
        ("total_facture", "total_honoraires"),
        ("total_amo", "total_amo"),
        ("total_amc", "total_amc"),
    ):
        report.check(f"{name}.{field}", fin.num(field) == sum(f.num(source) for f in fins))
    _signature(f"{name}.signature.cps", "L", lot.numero, "C", lot.signatures, lot.raw, report, signed, ca, today)


def _facture(facture: Facture, report: Report, signed: Signed, ca: x509.Certificate, today: date, fund: str) -> None:
    name = f"facture {facture.numero:09d}"
    fin, lignes = facture.fin, facture.lignes
    if fin is None:
        raise ReadError("no end of invoice", facture.entete.number, "2")
    key = facture.entete.raw[1:38]
    report.check(f"{name}.key", all(r.raw[1:38] == key for r in (*facture.supplements, *lignes, fin)))
    receiver = facture.entete.text("regime") + facture.entete.text("organisme_destinataire")
    report.check(f"{name}.destination", receiver == fund, receiver)
    report.check(f"{name}.lines", fin.num("nombre_lignes") == len(lignes), f"{len(lignes)}")
    report.check(f"{name}.line_numbers", [r.num("numero_ligne") for r in lignes] == list(range(1, len(lignes) + 1)))
    for field, source in (
        ("total_honoraires", "montant_honoraires"),
        ("total_amo", "montant_amo"),
        ("total_amc", "montant_amc"),
        ("total_base", "base_remboursement"),
    ):
        report.check(f"{name}.{field}", fin.num(field) == sum(r.num(source) for r in lignes))
    rest = fin.num("total_honoraires") - fin.num("total_amo") - fin.num("total_amc")
    report.check(f"{name}.participation_assure", fin.num("participation_assure") == rest)
    for signer in SIGNERS_OF_MODE.get(facture.entete.num("mode_securisation"), "CV"):
        _signature(
            f"{name}.signature.{_NAMES[signer]}", "F", facture.numero, signer, facture.signatures, facture.signed_bytes(),
            report, signed, ca, today,
        )  # fmt: skip


def _signature(
    name: str,
    kind: str,
    numero: int,
    signer: str,
    parts: list[Row],
    covered: bytes,
    report: Report,
    signed: Signed,
    ca: x509.Certificate,
    today: date,
) -> None:
    report.check(name, *_verdict(kind, numero, signer, parts, covered, signed, ca, today))


def _verdict(
    kind: str,
    numero: int,
    signer: str,
    parts: list[Row],
    covered: bytes,
    signed: Signed,
    ca: x509.Certificate,
    today: date,
) -> tuple[bool, str]:
    mine = [r for r in parts if r.text("signataire") == signer]
    if not mine:
        return False, "no signature"
    if any(r.text("objet") != kind or r.num("numero") != numero for r in mine):
        return False, "signature of something else"
    if [r.num("part") for r in mine] != list(range(1, mine[0].num("parts") + 1)):
        return False, "parts missing or in disorder"
    prefixes = {r.text("certificat") for r in mine}
    certificate = signed.by_fingerprint(prefixes.pop()) if len(prefixes) == 1 else None
    if certificate is None:
        return False, "its certificate is not in the envelope"
    if fault := _role_fault(certificate, signer, signed) or chain_fault(certificate, ca, today):
        return False, fault
    try:
        value = base64.b64decode("".join(r.text("valeur") for r in mine), validate=True)
    except (binascii.Error, ValueError):
        return False, "not base64"
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False, "no RSA key"
    message = b"SVSIM1" + kind.encode() + b"%09d" % numero + hashlib.sha256(covered).digest()
    try:
        key.verify(value, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False, "does not verify"
    return True, "RSA PKCS#1 v1.5 SHA-256"


def _role_fault(certificate: x509.Certificate, signer: str, signed: Signed) -> str:
    """A CPS certificate has a title and names the practitioner who sealed the file; a Vitale's names the card."""
    subject = certificate.subject
    if signer == "C":
        if not subject.get_attributes_for_oid(NameOID.TITLE):
            return "not a CPS certificate"
        if _common_name(certificate) != _common_name(signed.signer):
            return "another practitioner than the sender"
        return ""
    organisation = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if not organisation or not str(organisation[0].value).startswith("VITALE"):
        return "not a Vitale certificate"
    return ""


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
