"""From signed bills to the fund's mailbox: lots, files, seal, mail. A run continues where the last one, however it ended, stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tournee.b2.destinations import DestinationUnknown
from tournee.b2.facture import digest
from tournee.b2.files import fichier_bytes
from tournee.b2.lots import grouper, lot_records, par_fichier
from tournee.b2.model import FactureSignee, Fichier, Lot, SignatureCarte
from tournee.billing.lifecycle import State
from tournee.errors import TourneeError
from tournee.practice import freeze
from tournee.practice.cabinet import Cabinet
from tournee.practice.dossier import Dossier, load_all, of_state
from tournee.practice.errors import NothingToSend, SignatureUnknown, WrongCard, WrongState
from tournee.practice.files import LotPart, SentFile, load_files
from tournee.practice.freeze import b64
from tournee.practice.matching import unanswered
from tournee.practice.outline import BILL, FILE, bills, open_files
from tournee.practice.ports import Clock, Desk, Journal, Mailbox, New, Random, Sealer, Verify
from tournee.practice.sign import Said, attempt, check_holder, checked
from tournee.signing import message
from tournee.transmit import mail
from tournee.transmit.errors import MailUnknown

PROFILE = "sv-direct"


@dataclass(frozen=True)
class Result:
    """How one file went; `error` None: sent. `file` None: these bills could not be put in one, and wait as they were."""

    file: SentFile | None
    error: TourneeError | None
    bills: tuple[str, ...] = ()  # ids, without a file


@dataclass(frozen=True)
class Sender:
    """The ports of a sending, and who is told each step (in French)."""

    journal: Journal
    desk: Desk
    sealer: Sealer
    mailbox: Mailbox
    cabinet: Cabinet
    clock: Clock
    random: Random
    verify: Verify
    said: Said = lambda text: None

    async def send(self, *, again: bool = False) -> list[Result]:
        """Form what is signed, then sign, seal and mail every file that has not left. Raises NothingToSend."""
        results = self._form()
        waiting = [f for f in self._open() if f.outcome in ("preparing", "refused")]
        if not waiting and not results:
            raise self._nothing()
        for file in waiting:
            try:
                await self._prepare(file.id, again)
                self._mail(self._file(file.id))
                results.append(Result(self._file(file.id), None))
            except TourneeError as exc:
                results.append(Result(self._file(file.id), exc))
        return results

    def resend(self, numero: int | None) -> list[Result]:
        """Send again, with another compostage and the same envelope, the file of that number or all without an answer.

        Raises WrongState.
        """
        files = self._unanswered()
        if numero is not None:
            files = [f for f in files if f.numero == numero]
        if not files:
            raise WrongState("Aucun fichier envoyé n'attend d'accusé de réception.", "Voyez : tournee status")
        results = []
        for file in files:
            try:
                self._mail(file)
                results.append(Result(self._file(file.id), None))
            except TourneeError as exc:
                results.append(Result(self._file(file.id), exc))
        return results

    def _nothing(self) -> NothingToSend:
        unsure = [f.numero for f in self._unanswered() if f.outcome == "unknown"]
        if not unsure:
            return NothingToSend("Il n'y a rien à envoyer.", "Signez d'abord une facture : tournee bill sign")
        return NothingToSend(
            f"Il n'y a rien de nouveau à envoyer ; le fichier {unsure[0]} est peut-être arrivé à la caisse.",
            f"Relevez les retours (tournee inbox) ; sans accusé de réception : tournee send --resend --file {unsure[0]}",
        )

    # Forming

    def _form(self) -> list[Result]:
        """Lots and files of all signed bills, each file numbered and journaled in one write; what no address is known for is returned."""
        dossiers = of_state(self.journal, State.SIGNED)
        by_number = {d.numero: d for d in dossiers}
        via_oct = bool(self.cabinet.oct_mailbox)
        stranded = []
        for groups in par_fichier(grouper(_signed(d) for d in dossiers), via_oct=via_oct):
            file_id = self.random.bytes(5).hex()
            first = groups[0].factures[0].facture.destination
            try:
                destination = self._destination(first.regime, first.caisse, first.centre)
            except DestinationUnknown as exc:
                numbers = (s.facture.numero_facture for group in groups for s in group.factures)
                stranded.append(Result(None, exc, tuple(by_number[n].id for n in numbers)))
                continue
            where = {"day": self.clock.today().isoformat(), "destination": destination}
            news = [New(FILE + file_id, "formed", where, take="fichier")]
            for group in groups:
                lot_id = self.random.bytes(5).hex()
                inside = [by_number[s.facture.numero_facture].id for s in group.factures]
                news.append(New(FILE + file_id, "lot", {"lot": lot_id, "bills": inside}, take="lot"))
                news += [New(BILL + b, "in-lot", {"lot": lot_id, "file": file_id}) for b in inside]
            self.journal.commit(*news)
        return stranded

    def _destination(self, regime: str, caisse: str, centre: str) -> dict[str, str]:
        cabinet = self.cabinet
        if cabinet.oct_mailbox:
            return {"name": "OCT", "mailbox": cabinet.oct_mailbox, "certificate_pem": cabinet.oct_certificate_pem}
        row = cabinet.directory.lookup(regime, caisse, centre)
        return {"name": row.name, "mailbox": row.mailbox, "certificate_pem": row.certificate_pem}

    # Signing and sealing

    async def _prepare(self, file_id: str, again: bool) -> None:
        file = self._file(file_id)
        if file.envelope:
            return
        dossiers = {d.id: d for d in load_all(self.journal, file.bills)}
        cps = await self.desk.open_cps()
        check_holder(self.cabinet, cps.holder.numero_identification if cps.holder else "")
        if cps.certificat_signature is None or cps.certificat_authentification is None:
            raise WrongCard("Cette CPS n'a pas ses deux certificats.", "Utilisez votre CPS personnelle.")
        for part in file.lots:
            if not part.signature:
                await self._sign_lot(file, part, dossiers, cps.certificat_signature, again)
        file = self._file(file_id)
        if not file.content:
            content = fichier_bytes(self._fichier(file, dossiers))
            data = {"content": b64(content), "identification": f"{file.numero % 10**6:06d}"}
            self.journal.commit(New(FILE + file_id, "content", data))
            file = self._file(file_id)
        signed = (s for b in file.bills for s in dossiers[b].signatures)
        certificates = [cps.certificat_signature, *(s.certificate for s in signed)]
        await self._seal(file, cps.certificat_authentification, certificates, again)

    async def _sign_lot(
        self, file: SentFile, part: LotPart, dossiers: dict[str, Dossier], certificate: bytes, again: bool
    ) -> None:
        if part.pending and not again:
            raise SignatureUnknown("CPS", f"le lot {part.numero}")
        self.said(f"signature du lot {part.numero} par la CPS")
        text = message("L", part.numero, digest(lot_records(self._lot(file, part, dossiers))))
        subject, key = FILE + file.id, {"lot": part.id}
        made = partial(checked, self.desk.sign_cps, text, certificate, self.verify)
        value = await attempt(self.journal, subject, "lot-signature", key, made)
        data = {**key, "value": b64(value), "certificate": b64(certificate)}
        self.journal.commit(New(subject, "lot-signature", data))

    async def _seal(self, file: SentFile, signer: bytes, certificates: Sequence[bytes], again: bool) -> None:
        if file.seal_pending and not again:
            raise SignatureUnknown("CPS", f"le fichier {file.numero}")
        self.said(f"chiffrement du fichier {file.numero} pour {file.destination['name']}")
        sealing = self.sealer.begin(file.content, signer, certificates, self.clock.now())
        subject = FILE + file.id

        async def sealed() -> bytes:
            signature = await self.desk.authenticate(sealing.digest_info)
            return self.sealer.finish(sealing, signature, file.destination["certificate_pem"])

        envelope = await attempt(self.journal, subject, "seal", {}, sealed)
        self.journal.commit(New(subject, "sealed", {"envelope": b64(envelope)}))

    # Mailing

    def _mail(self, file: SentFile) -> None:
        """One transmission: a new compostage, journaled with the mail's bytes before the first one leaves."""
        subject = FILE + file.id
        taken = self.journal.commit(New(subject, "compostage", take="compostage"))[0]
        now = self.clock.now()
        stamp = mail.compostage(now, int(taken.data["numero"]) % 100_000)
        sender, recipient = self.cabinet.account.address, file.destination["mailbox"]
        raw = mail.build(
            mail.profile(PROFILE),
            sender=sender,
            recipient=recipient,
            emetteur=f"{self.cabinet.numero_facturation:0>14}",
            compostage=stamp,
            nombre_factures=len(file.bills),
            envelope=file.envelope,
            at=now,
        )
        self.journal.commit(New(subject, "send-begun", {"compostage": stamp, "mail": b64(raw)}))
        self.said(f"envoi du fichier {file.numero} à {file.destination['name']}")
        try:
            self.mailbox.send(raw, sender, recipient)
        except MailUnknown:
            self.journal.commit(New(subject, "unknown"))
            raise
        except TourneeError:
            self.journal.commit(New(subject, "refused"))
            raise
        known = bills(self.journal)
        moved = [New(BILL + b, "sent", {"compostage": stamp}) for b in file.bills if known[b].state is State.IN_LOT]
        self.journal.commit(New(subject, "sent", {"compostage": stamp}), *moved)

    def _file(self, file_id: str) -> SentFile:
        return load_files(self.journal, [file_id])[0]

    def _open(self) -> list[SentFile]:
        return load_files(self.journal, open_files(self.journal))

    def _unanswered(self) -> list[SentFile]:
        return unanswered(self._open(), {o.id: o.state for o in bills(self.journal).values()})

    def _fichier(self, file: SentFile, dossiers: dict[str, Dossier]) -> Fichier:
        return Fichier(
            identification=f"{file.numero % 10**6:06d}",
            date_creation=file.day,
            lots=tuple(self._lot(file, part, dossiers) for part in file.lots),
            oct_numero=self.cabinet.oct_numero if self.cabinet.oct_mailbox else "",
        )

    def _lot(self, file: SentFile, part: LotPart, dossiers: dict[str, Dossier]) -> Lot:
        signed = tuple(_signed(dossiers[b]) for b in part.bills)
        made = (_card("C", part.certificate, part.signature),) if part.signature else ()
        return Lot(numero_lot=part.numero, date_lot=file.day, factures=signed, signatures=made)


def _signed(dossier: Dossier) -> FactureSignee:
    if dossier.facture is None:
        raise ValueError("a signed bill has its invoice")
    signatures = tuple(_card(s.signer, s.certificate, s.value) for s in dossier.signatures)
    return FactureSignee(freeze.from_json(dossier.facture), signatures)


def _card(signer: str, certificate: bytes, value: bytes) -> SignatureCarte:
    return SignatureCarte(signer, hashlib.sha256(certificate).hexdigest(), value)
