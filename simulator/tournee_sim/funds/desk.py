"""The counter of the funds: takes an incoming mail from disk, judges it, answers. A restart finishes what a crash left."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from tournee_sim.funds import answers, envelope, post
from tournee_sim.funds.judge import judge
from tournee_sim.funds.maildrop import Maildrops, write_durably
from tournee_sim.funds.outcome import Decision, Outcome, decide, third_party
from tournee_sim.funds.reader import Fichier, Lot
from tournee_sim.funds.report import Report
from tournee_sim.pki import Identity, Pki

CHECKS_VERSION = 1
SUBJECT_VERSION = "000001"  # SV-SIM in the six characters after SV


@dataclass(frozen=True)
class Policy:
    outcome: Outcome = Outcome.PAID
    reject_code: str = "0250-050"
    today: date | None = None  # None: the day it is
    twice: bool = False  # every return comes a second time

    def day(self) -> date:
        return self.today or datetime.now().astimezone().date()


class FundDesk:
    """Every fund of one process. Folders under `directory`: incoming/ mailboxes/ state/ fund/ (decrypted files, checks.json)."""

    def __init__(self, directory: Path, pki: Pki, funds: Sequence[str], policy: Policy) -> None:
        self.directory = directory = directory.resolve()
        self.maildrops = Maildrops(directory / "mailboxes")
        self._ca = pki.ca
        self._policy = policy
        self._funds: dict[str, Identity] = {code: pki.fund(code) for code in funds}
        self.mailboxes: dict[str, str] = {mailbox(identity): code for code, identity in self._funds.items()}
        for name in ("incoming", "state", "fund"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self._reports = [self._load(p) for p in sorted((directory / "state").glob("*.json"))]
        for pending in sorted((directory / "incoming").glob("*.eml")):
            if not (directory / "state" / f"{pending.stem}.json").exists():
                self._process(pending)
        self._write_checks()

    def accept(self, raw: bytes, sender: str, recipients: Sequence[str]) -> list[Path]:
        """Keep a mail durably, one copy per fund it is for; what `process` works on."""
        kept = []
        for recipient in recipients:
            number = max((int(p.stem) for p in (self.directory / "incoming").glob("*.eml")), default=0) + 1
            head = json.dumps({"sender": sender, "recipient": recipient.lower()}).encode() + b"\n"
            path = self.directory / "incoming" / f"{number:06d}.eml"
            write_durably(path, head + raw)
            kept.append(path)
        return kept

    def process(self, kept: Sequence[Path]) -> None:
        for path in kept:
            self._process(path)
        self._write_checks()

    def destinations(self) -> dict[str, object]:
        """The document `destinations.json` (docs/ARCHITECTURE.md, Host ↔ fund)."""
        rows = [
            {
                "regime": code[:2],
                "caisse": code[2:],
                "centre": "*",
                "organisme_destinataire": code[2:],
                "centre_informatique": "000",
                "name": f"Caisse {code} (SIMULATION)",
                "mailbox": mailbox(identity),
                "certificate_pem": identity.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
                "simulation": True,
            }
            for code, identity in self._funds.items()
        ]
        return {"version": 1, "destinations": rows}

    def _process(self, path: Path) -> None:
        head, _, raw = path.read_bytes().partition(b"\n")
        written = json.loads(head)
        report = Report(
            number=int(path.stem), fund=self.mailboxes.get(written["recipient"], ""), sender=written["sender"]
        )
        fichier: Fichier | None = None
        try:
            fichier = self._judge(raw, report)
        except Exception as exc:  # a hostile mail ends here, never the process; the kind says where to look
            report.check("mail.processed", False, type(exc).__name__)
        if report.sender and report.compostage and self._policy.outcome is not Outcome.LOST_ARL:
            self._answer(report, fichier, hashlib.sha256(raw).hexdigest()[:12])
        state = self.directory / "state" / f"{path.stem}.json"
        write_durably(state, json.dumps(report.to_json(), indent=1).encode())
        self._reports.append(report)

    def _judge(self, raw: bytes, report: Report) -> Fichier | None:
        mail = post.take_apart(raw)
        report.subject, report.compostage = mail.subject, mail.compostage
        report.emetteur = mail.emetteur
        report.check("mail.recipient", report.fund in self._funds, report.fund)
        report.check("mail.subject", bool(mail.compostage), "SVvvvvvv/exercice/compostage/nnnnn")
        report.check("mail.version", mail.version == SUBJECT_VERSION, mail.version)
        report.check("mail.content_type", mail.content_type == "application/edi-consent", mail.content_type)
        described = mail.description in ("FACTURE/SV/K", "FACTURE/SV/ZK")
        report.check("mail.content_description", described, mail.description)
        report.check("mail.simulation", mail.simulation == post.SIMULATION)
        signed = self._open(mail, report)
        if signed is None:
            return None
        report.file = f"{report.fund}-{report.number:06d}.b2"
        report.sha256 = hashlib.sha256(signed.content).hexdigest()
        write_durably(self.directory / "fund" / report.file, signed.content)
        fichier = judge(signed, report, fund=report.fund, ca=self._ca, today=self._policy.day())
        if fichier is not None:
            report.check(
                "mail.nombre_factures", mail.nombre_factures == len(report.factures), f"{len(report.factures)}"
            )
            report.check("mail.exercice", mail.emetteur.zfill(14) == report.emetteur.zfill(14))
        return fichier

    def _open(self, mail: post.Incoming, report: Report) -> envelope.Signed | None:
        identity = self._funds.get(report.fund)
        if identity is None:
            return None
        try:
            algorithm = envelope.encryption_algorithm(mail.body)
            report.check("cms.encryption", algorithm == "aes128_cbc", algorithm)
            inside = envelope.decrypt(mail.body, identity.certificate, identity.key)
            report.check("cms.decrypt", True)
            signed = envelope.open_signed(inside)
            content = post.unpacked(signed.content) if mail.description.endswith("/ZK") else signed.content
        except ValueError as exc:
            report.check("cms.open", False, str(exc))
            return None
        report.check("cms.signature", signed.signature_ok, signed.detail)
        fault = envelope.chain_fault(signed.signer, self._ca, self._policy.day())
        report.check("cms.certificate", not fault, fault)
        report.check("cms.signer_is_a_cps", bool(signed.signer.subject.get_attributes_for_oid(NameOID.TITLE)))
        return envelope.Signed(content, signed.signer, signed.certificates, signed.signature_ok, signed.detail)

    def _answer(self, report: Report, fichier: Fichier | None, digest: str) -> None:
        self._send(report, digest, 1, "ARL", answers.arl(self._head(report, 1), report, fichier))
        if fichier is None or not report.ok:
            return
        report.duplicates = [n for n in report.factures if self._known(report, n)]
        by_lot = [(lot, self._decide(lot, report)) for lot in fichier.lots]
        told = [(lot, group) for lot, group in by_lot if group]
        if told:
            self._send(report, digest, 2, "580", answers.noemie_580(self._head(report, 2), told))
        paid = [(lot, [d for d in group if d.paye]) for lot, group in told]
        paid = [(lot, group) for lot, group in paid if group]
        if paid:
            self._send(report, digest, 3, "576", answers.noemie_576(self._head(report, 3), paid))

    def _decide(self, lot: Lot, report: Report) -> list[Decision]:
        """Paid by third party: always told. Paid by the patient: only what is rejected."""
        made = []
        for facture in lot.factures:
            again = facture.numero in report.duplicates
            decision = decide(facture, self._policy.outcome, self._policy.reject_code, already_paid=again)
            if decision.paye or decision.etat == "P":
                report.settled.append(facture.numero)
            if third_party(facture) or decision.rejects:
                made.append(decision)
        return made

    def _known(self, report: Report, numero: int) -> bool:
        """Settled by an earlier file, or part of the very same file, answered before (a lost ARL counts as never received)."""
        earlier = (r for r in self._reports if r.number < report.number and r.emetteur == report.emetteur)
        return any(numero in r.settled or (r.answers and r.sha256 == report.sha256) for r in earlier)

    def _head(self, report: Report, kind: int) -> answers.Letterhead:
        identification = f"{report.number % 100_000:05d}{kind}"
        return answers.Letterhead(report.fund or "00000", report.emetteur or "0", identification, self._policy.day())

    def _send(self, report: Report, digest: str, order: int, kind: str, data: bytes) -> None:
        identity = self._funds.get(report.fund)
        if identity is None:
            return
        uid = f"{report.number:06d}-{order}-{digest}-{kind}"
        mail = post.answer(
            sender=mailbox(identity),
            recipient=report.sender,
            subject=f"{'ARL' if kind == 'ARL' else 'NOEMIE/' + kind}/{report.emetteur.zfill(14)}/{report.compostage}",
            description="ARL/SV" if kind == "ARL" else f"NOEMIE/{kind}",
            message_id=uid,
            data=data,
            today=self._policy.day(),
            packed=kind == "576",
        )
        self.maildrops.deliver(report.sender, uid, mail)
        if self._policy.twice:
            self.maildrops.deliver(report.sender, f"{uid}-again", mail)
        report.answers.append(kind)

    def _write_checks(self) -> None:
        document = {
            "version": CHECKS_VERSION,
            "simulation": post.SIMULATION,
            "ok": all(r.ok for r in self._reports),
            "files": [r.to_json() for r in sorted(self._reports, key=lambda r: r.number)],
        }
        data = json.dumps(document, indent=1, ensure_ascii=False).encode()
        write_durably(self.directory / "fund" / "checks.json", data)

    @staticmethod
    def _load(path: Path) -> Report:
        return Report.from_json(json.loads(path.read_bytes()))


def mailbox(identity: Identity) -> str:
    """The address is the common name of the fund's certificate, as in the public directory (filter `cn=<mailbox>`)."""
    found = identity.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value).lower()
