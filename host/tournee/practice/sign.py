"""Sign a bill: number, records, then the two cards; each step journaled before its effect, none repeated by a retry."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from tournee.b2.facture import facture_records
from tournee.b2.folding import plier_facture
from tournee.b2.twin import encode
from tournee.billing import codec
from tournee.billing.engine import require_valid
from tournee.billing.lifecycle import State
from tournee.billing.model import Mode
from tournee.billing.tables import tables
from tournee.cards.errors import CardMissing
from tournee.errors import TourneeError
from tournee.practice import freeze
from tournee.practice.cabinet import Cabinet
from tournee.practice.dossier import Dossier, load
from tournee.practice.drafts import label
from tournee.practice.errors import NotTheHolder, SignatureUnknown, WrongCard, WrongState
from tournee.practice.facture import facture
from tournee.practice.freeze import b64
from tournee.practice.outline import BILL
from tournee.practice.ports import Clock, Desk, Journal, New, Verify
from tournee.signing import message
from tournee.terminal.errors import OutcomeUnknown

CPS, VITALE = "C", "V"
_NAMES = {CPS: "CPS", VITALE: "carte Vitale"}
Said = Callable[[str], None]
"""Told each step, in French."""


async def sign(
    journal: Journal,
    desk: Desk,
    cabinet: Cabinet,
    wanted: str,
    *,
    clock: Clock,
    verify: Verify,
    again: bool = False,
    said: Said = lambda text: None,
) -> Dossier:
    """The signed dossier; what a card made is verified before it is journaled. Desynchronised, each card signs when it is
    there: the dossier stays `valid` until both have.

    Raises BillNotValid, WrongState, WrongCard, SignatureUnknown (then only with `again`), SignatureInvalid.
    """
    dossier = load(journal, wanted)
    if dossier.state is State.SIGNED:
        return dossier
    if dossier.state not in (State.DRAFT, State.VALID):
        raise WrongState(f"La facture {dossier.id} est déjà {label(dossier.state)}.", "Il n'y a rien à signer.")
    if dossier.pending and not again:
        raise SignatureUnknown(_NAMES[dossier.pending], f"la facture {dossier.numero}")
    if not dossier.records:
        require_valid(dossier.bill, dossier.rights, today=clock.today())
    signers = tuple(s for s in _signers(dossier) if dossier.signature(s) is None)
    if _mode(dossier).get("differe"):
        signers, certificates = await _there(desk, cabinet, dossier, signers)
    else:
        certificates = await _cards(desk, cabinet, dossier, signers) if signers else {}  # the patient may have left
    dossier = _prepared(journal, cabinet, dossier, clock)
    text = message("F", dossier.numero or 0, hashlib.sha256(dossier.records).digest())
    for signer in signers:
        said(f"signature par la {_NAMES[signer]}")
        make = desk.sign_cps if signer == CPS else desk.sign_vitale
        subject, key = BILL + dossier.id, {"signer": signer}
        certificate = certificates[signer]
        value = await attempt(journal, subject, "signature", key, partial(checked, make, text, certificate, verify))
        data = {**key, "value": b64(value), "certificate": b64(certificate)}
        journal.commit(New(subject, "signature", data))
    dossier = load(journal, dossier.id)
    if waiting := [s for s in _signers(dossier) if dossier.signature(s) is None]:
        said(f"reste à signer : {' et '.join(_NAMES[s] for s in waiting)}")
        return dossier
    journal.commit(New(BILL + dossier.id, "signed", {"numero": dossier.numero}))
    return load(journal, dossier.id)


async def checked(make: Callable[[bytes], Awaitable[bytes]], text: bytes, certificate: bytes, verify: Verify) -> bytes:
    """The signature that `make` gives, if it is one; raises SignatureInvalid."""
    value = await make(text)
    verify(certificate, text, value)
    return value


async def attempt(
    journal: Journal, subject: str, step: str, key: dict[str, str], effect: Callable[[], Awaitable[bytes]]
) -> bytes:
    """What a card makes, journaled `step`-begun before and `step`-failed after a known failure.

    An unknown outcome, or a kill, leaves `step`-begun alone: only a person repeats it.
    """
    journal.commit(New(subject, f"{step}-begun", key))
    try:
        return await effect()
    except OutcomeUnknown:
        raise
    except TourneeError:
        journal.commit(New(subject, f"{step}-failed", key))
        raise


def _mode(dossier: Dossier) -> Mapping[str, Any]:
    """The row of modes.toml for the bill's securing mode."""
    return tables().modes[str(dossier.bill.value("mode") or Mode.SECURISE)]


def _signers(dossier: Dossier) -> tuple[str, ...]:
    """Who signs in this mode: both cards, or without the Vitale the CPS alone (billing-formats §3.1)."""
    return tuple(_mode(dossier)["signataires"])


async def _there(
    desk: Desk, cabinet: Cabinet, dossier: Dossier, signers: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """The signers whose card is in a reader now, with their certificates; raises CardMissing when none is."""
    certificates: dict[str, bytes] = {}
    absent: CardMissing | None = None
    for signer in signers:
        try:
            certificates |= await _cards(desk, cabinet, dossier, (signer,))
        except CardMissing as exc:
            absent = exc
    if absent is not None and not certificates:
        raise absent
    return tuple(certificates), certificates


async def _cards(desk: Desk, cabinet: Cabinet, dossier: Dossier, signers: tuple[str, ...]) -> dict[str, bytes]:
    """The signers' certificates (DER), once it is sure that these are the cards this bill was made with."""
    certificates: dict[str, bytes] = {}
    if VITALE in signers:
        patient = await desk.patient()
        if patient.numero_serie != dossier.rights.numero_serie:
            raise WrongCard(
                "La carte Vitale insérée n'est pas celle de ce patient.",
                "Insérez la carte avec laquelle la facture a été faite.",
            )
        if patient.certificat is None:
            raise WrongCard("Cette carte Vitale ne peut pas signer.", "Passez la facture en mode dégradé.")
        certificates[VITALE] = patient.certificat
    if CPS in signers:
        cps = await desk.open_cps()
        check_holder(cabinet, cps.holder.numero_identification if cps.holder else "")
        if cps.certificat_signature is None:
            raise WrongCard("Cette CPS n'a pas de certificat de signature.", "Utilisez votre CPS personnelle.")
        certificates[CPS] = cps.certificat_signature
    return certificates


def check_holder(cabinet: Cabinet, numero: str) -> None:
    """Raises NotTheHolder unless the CPS is that of the practitioner of this computer."""
    if numero != cabinet.praticien.identification:
        raise NotTheHolder


def _prepared(journal: Journal, cabinet: Cabinet, dossier: Dossier, clock: Clock) -> Dossier:
    """Numbered, and its records fixed; a bill that already was keeps both."""
    subject = BILL + dossier.id
    if dossier.numero is None:
        journal.commit(New(subject, "numbered", take="facture"))
        dossier = load(journal, dossier.id)
    if not dossier.records:
        evaluation = require_valid(dossier.bill, dossier.rights, today=clock.today())
        made = facture(
            dossier.bill,
            dossier.rights,
            evaluation,
            numero=dossier.numero or 0,
            day=clock.today(),
            directory=cabinet.directory,
        )
        value, folded = plier_facture(made)
        data = {
            "records": b64(encode(facture_records(value))),
            "facture": freeze.to_json(value),
            "evaluation": codec.evaluation_to_json(evaluation),
            "folded": [[p.champ, p.position, p.avant, p.apres] for p in folded],
        }
        journal.commit(New(subject, "prepared", data))
        dossier = load(journal, dossier.id)
    return dossier
