"""Ports of the use cases in memory, for tests: a journal that may be killed, two cards that count, a mail server that may fail."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tournee.billing.model import Act, Answer, Bill, Identite, Praticien, SituationFacturation
from tournee.billing.rights import Beneficiaire, Couverture, Periode, Rights
from tournee.cards.model import CpsCard, Holder, VitaleCard
from tournee.practice.cabinet import Cabinet
from tournee.practice.ports import Entry, Mark, New, Sealing
from tournee.transmit.settings import MailAccount

DAY = date(2025, 1, 15)
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
DIRECTORY = json.dumps(
    {
        "version": 1,
        "destinations": [
            {
                "regime": regime,
                "caisse": caisse,
                "centre": "*",
                "organisme_destinataire": caisse,
                "centre_informatique": "999",
                "name": f"Caisse {caisse}",
                "mailbox": f"{regime}{caisse}@{caisse}.{regime}.test",
                "certificate_pem": PEM,
                "simulation": True,
            }
            for regime, caisse in (("01", "991"), ("02", "992"))
        ],
    }
)
SITUATION = SituationFacturation(
    numero_logique="1",
    mode_exercice="0",
    numero_facturation="99112976",
    cle_facturation="8",
    code_conventionnel="1",
    specialite="01",
    zone_tarifaire="30",
    zone_ik="01",
    habilitation_facture="1",
    habilitation_lot="1",
)
PRATICIEN = Praticien(nom="DEDANS", prenom="ANNE", type_identification="8", identification="9990006527", cle="9")
CABINET = Cabinet(PRATICIEN, SITUATION, MailAccount("ps@ps.test", "localhost", 25, "localhost", 110), DIRECTORY)


class Killed(BaseException):
    """The process is gone."""


class FixedClock:
    def now(self) -> datetime:
        return datetime(DAY.year, DAY.month, DAY.day, 10, tzinfo=UTC)

    def today(self) -> date:
        return DAY


class CountingRandom:
    def __init__(self) -> None:
        self._n = 0

    def bytes(self, n: int) -> bytes:
        self._n += 1
        return hashlib.sha256(str(self._n).encode()).digest()[:n]


class MemoryJournal:
    """`left` commits may still be made; then the process is killed, before the write or after it. `opened` counts entries read."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.opened = 0
        self.next: dict[str, int] = {}
        self.left: int | None = None
        self.kill_after_write = False

    def commit(self, *news: New) -> Sequence[Entry]:
        if self.left == 0 and not self.kill_after_write:
            raise Killed
        made = []
        for new in news:
            data = dict(new.data)
            if new.take:
                data["numero"] = self.next[new.take] = self.next.get(new.take, 0) + 1
            at = datetime(2025, 1, 15, tzinfo=UTC) + timedelta(seconds=len(self.kept))
            made.append(Entry(len(self.kept) + 1, at, new.subject, new.step, data))
            self.kept.append(made[-1])
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1
        return made

    def entries(
        self,
        subject: str | None = None,
        *,
        prefix: str = "",
        among: Collection[str] | None = None,
        steps: Collection[str] = (),
    ) -> Sequence[Entry]:
        found = [e for e in self.kept if (e.subject == subject if subject else e.subject.startswith(prefix))]
        found = [e for e in found if (among is None or e.subject in among) and (not steps or e.step in steps)]
        self.opened += len(found)
        return found

    def marks(self, prefix: str) -> Sequence[Mark]:
        return [Mark(e.at, e.subject, e.step) for e in self.kept if e.subject.startswith(prefix)]


class Cards:
    """`Desk`: two cards that count what they are asked; `die` raises at that call (1 is the next one)."""

    def __init__(self, serial: str = "99000001") -> None:
        self.serial = serial
        self.asked: Counter[str] = Counter()
        self.signed: list[bytes] = []
        self.die: BaseException | None = None

    async def practitioner(self) -> CpsCard:
        holder = Holder("0", "8", "9990006527", "9", "", "DEDANS", "ANNE")
        return CpsCard(b"\x3b", "99000001", "8025000001", True, holder, "10", b"certS", b"certA", ())

    async def open_cps(self) -> CpsCard:
        return await self.practitioner()

    async def patient(self) -> VitaleCard:
        return VitaleCard(
            atr=b"\x3b",
            identifiant="",
            numero_serie=self.serial,
            debut_validite=None,
            simulation=True,
            beneficiaires=(),
            certificat=b"certV",
            droits=None,
        )

    async def patient_rights(self) -> VitaleCard:
        return await self.patient()

    async def sign_cps(self, message: bytes) -> bytes:
        return self._made("cps", message)

    async def sign_vitale(self, message: bytes) -> bytes:
        return self._made("vitale", message)

    async def authenticate(self, digest_info: bytes) -> bytes:
        return self._made("auth", digest_info)

    def _made(self, what: str, message: bytes) -> bytes:
        if self.die is not None:
            error, self.die = self.die, None
            raise error
        self.asked[what] += 1
        self.signed.append(message)
        return hashlib.sha256(what.encode() + message).digest() * 8


def accept(certificate: bytes, text: bytes, signature: bytes) -> None:
    """`Verify` for signatures that no key made."""


class PlainSealer:
    """`Sealer` without cryptography: the envelope shows what it holds."""

    def begin(self, content: bytes, signer_certificate: bytes, certificates: Sequence[bytes], at: datetime) -> Sealing:
        return Sealing(hashlib.sha256(content).digest(), content)

    def finish(self, sealing: Sealing, signature: bytes, recipient_certificate_pem: str) -> bytes:
        assert isinstance(sealing.state, bytes)
        return b"SEALED" + sealing.state


class Post:
    """`Mailbox`, the sending half: what arrived, by recipient; `fail` is raised by the next send, after keeping if it says so."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.fail: BaseException | None = None
        self.keep_then_fail = False

    def send(self, message: bytes, sender: str, recipient: str) -> None:
        error, self.fail = self.fail, None
        if error is None or self.keep_then_fail:
            self.arrived.append((recipient, message))
        if error is not None:
            raise error

    def uids(self) -> Sequence[str]:
        return []

    def fetch(self, uid: str) -> bytes:
        raise KeyError(uid)

    def delete(self, uid: str) -> None:
        raise KeyError(uid)


def rights(regime: str = "01", caisse: str = "991", serial: str = "99000001") -> Rights:
    """One adult with open rights."""
    person = Identite("MARTIN", "PAUL", naissance="19700101", nir_assure="1700199999001", cle_assure="00")
    always = Periode(date(2020, 1, 1), date(2040, 12, 31))
    one = Beneficiaire(person, periodes_amo=(always,), couvertures=(Couverture(always, "0", "0100"),))
    return Rights(regime, caisse, "0000", "10", (one,), serial)


def home_visit(bill_id: str, owner: Rights) -> Bill:
    """VG + MD, parcours T, third-party payment of the AMO share: valid."""
    bill = Bill(id=bill_id, created=DAY, situation=SITUATION, praticien=PRATICIEN)
    answers = {
        "beneficiaire": "1",
        "nature_assurance": "maladie",
        "accident_tiers": False,
        "lieu": "domicile",
        "deplacement": "MD",
        "parcours": "T",
        "tiers_payant": "amo",
    }
    return replace(
        bill,
        beneficiaire=owner.beneficiaires[0].identite,
        answers={k: Answer(v) for k, v in answers.items()},
        acts=(Act("VG"),),
    )
