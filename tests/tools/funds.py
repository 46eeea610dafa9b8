"""What tests of the mail room and of the funds share: signed files of fictitious patients, sealed mails, a fund as a process."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tournee.b2.destinations import destination
from tournee.b2.facture import digest, facture_records
from tournee.b2.files import fichier_bytes
from tournee.b2.lots import lot_records
from tournee.b2.model import Facture, FactureSignee, Fichier, Ligne, Lot, SignatureCarte
from tournee.signing import message
from tournee.transmit import directory, mail
from tournee.transmit.adapters import cms
from tournee.transmit.settings import MailAccount
from tournee_sim.pki import Identity, Pki

CPS = "cps-medecin"
VITALE = "vitale-famille"
SENDER = "cabinet@medecin.simulation.invalid"
EMETTEUR = "991001011"
TODAY = date(2025, 1, 15)
NOW = datetime(2025, 1, 15, 20, 30, tzinfo=UTC)
NIR = "2850599350001"


def facture(numero: int, fund: str = "01991", *, tiers_payant: int = 1, day: date = TODAY, nir: str = NIR) -> Facture:
    """A home visit VG + MD: 40,00 € = 28,00 AMO + 12,00 patient."""
    common = {"date_soins": day, "specialite": "01", "taux": 70}
    return Facture(
        numero_facture=numero,
        numero_emetteur=EMETTEUR,
        date_facture=day,
        specialite="01",
        destination=destination(fund[:2], fund[2:]),
        nir_assure=nir,
        cle_nir=f"{97 - int(nir) % 97:02d}",
        date_naissance="850517",
        parcours="T",
        tiers_payant=tiers_payant,
        lignes=(
            Ligne(code_acte="VG", prix_unitaire_cents=3000, base_remboursement_cents=3000, montant_amo_cents=2100,
                  montant_honoraires_cents=3000, **common),
            Ligne(code_acte="MD", prix_unitaire_cents=1000, base_remboursement_cents=1000, montant_amo_cents=700,
                  montant_honoraires_cents=1000, **common),
        ),
    )  # fmt: skip


class Cards:
    """The two cards as keys: what they sign and their certificates. Keys are read once: OpenSSL checks an RSA key at length."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        self.cps = pki.cps(CPS)
        self.vitale = pki.vitale(VITALE)

    def sign(self, signer: str, text: bytes) -> SignatureCarte:
        identity = self.cps.sign if signer == "C" else self.vitale
        value = identity.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return SignatureCarte(signer, hashlib.sha256(identity.der).hexdigest(), value)

    @property
    def certificates(self) -> list[bytes]:
        return [self.cps.sign.der, self.vitale.der]

    def authenticate(self, digest_info: bytes) -> bytes:
        return self.cps.auth.key.sign(digest_info[-32:], padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def signed(cards: Cards, bill: Facture, signers: str = "CV") -> FactureSignee:
    text = message("F", bill.numero_facture, digest(facture_records(bill)))
    return FactureSignee(bill, tuple(cards.sign(s, text) for s in signers))


def one_lot(cards: Cards, bills: Sequence[FactureSignee], numero: int = 1) -> Lot:
    lot = Lot(numero_lot=numero, date_lot=TODAY, factures=tuple(bills))
    text = message("L", numero, digest(lot_records(lot)))
    return replace(lot, signatures=(cards.sign("C", text),))


def file_of(cards: Cards, bills: Sequence[Facture], identification: str = "000001") -> bytes:
    """The bytes of a file with one lot of signed bills."""
    lot = one_lot(cards, [signed(cards, b) for b in bills])
    return fichier_bytes(Fichier(identification=identification, date_creation=TODAY, lots=(lot,)))


def sealed(cards: Cards, content: bytes, recipient_pem: str, signer: Identity | None = None) -> bytes:
    """CMS for a fund; `signer` other than the CPS's authentication key on demand."""
    who = signer or cards.cps.auth
    pending = cms.begin(content, signer_certificate=who.der, certificates=cards.certificates, signing_time=NOW)
    value = who.key.sign(pending.digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    return cms.envelope(cms.finish(pending, value), recipient_pem)


def mail_of(envelope: bytes, recipient: str, *, bills: int = 1, counter: int = 1) -> bytes:
    return mail.build(
        mail.profile("sv-direct"),
        sender=SENDER,
        recipient=recipient,
        emetteur=EMETTEUR.zfill(14),
        compostage=mail.compostage(NOW, counter),
        nombre_factures=bills,
        envelope=envelope,
        at=NOW,
    )


@dataclass
class Fund:
    """A running `tournee sim fund`."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def destinations(self) -> directory.Directory:
        return directory.loads(Path(self.ready["destinations"]).read_text("utf-8"))

    @property
    def account(self) -> MailAccount:
        return MailAccount(
            address=SENDER,
            smtp_host=self.ready["smtp_host"],
            smtp_port=self.ready["smtp_port"],
            pop3_host=self.ready["pop3_host"],
            pop3_port=self.ready["pop3_port"],
            password=self.ready["password"],
            smtp_security="none",
            pop3_security="none",
            timeout_s=20,
        )

    @property
    def checks(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads((Path(self.ready["directory"]) / "fund" / "checks.json").read_bytes())
        return made


@contextmanager
def running_fund(folder: Path, keys: Path, *options: str) -> Iterator[Fund]:
    """A fund in its own process; its line on stdout says that it listens."""
    arguments = [sys.executable, "-m", "tournee_sim.funds", "--dir", str(folder), "--keys", str(keys), "--json"]
    log = folder.with_suffix(".log")
    with log.open("ab") as said:
        process = subprocess.Popen(
            [*arguments, "--today", TODAY.isoformat(), *options], stdout=subprocess.PIPE, stderr=said, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the fund ended with {process.wait()}: {log.read_text()[-2000:]}"
        yield Fund(process, json.loads(line))
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()
