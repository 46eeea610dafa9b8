"""What a return means for the bills: pure, from values to the journal steps it causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tournee.billing.lifecycle import LABELS, State, allowed
from tournee.billing.money import euros
from tournee.practice.dossier import Dossier
from tournee.practice.files import SentFile
from tournee.practice.outline import CLOSED
from tournee.practice.ports import New
from tournee.transmit.model import Arl, Etat, Montants, Nature, Rejet, Retour, RetourFacture
from tournee.transmit.rejets import expliquer

_OPEN = (State.IN_LOT, State.SENT, State.ACKNOWLEDGED, State.PARTLY_PAID, State.REJECTED)
_ANSWERED = (State.ACKNOWLEDGED, State.PAID, State.PARTLY_PAID, State.REJECTED, State.CORRECTED, State.CANCELLED)


def effects(
    retour: Retour, dossiers: Sequence[Dossier], files: Sequence[SentFile], return_id: str
) -> tuple[list[New], tuple[str, ...]]:
    """(journal steps, remarks for the practitioner)."""
    if retour.arl is not None:
        return _arl(retour.arl, dossiers, files, return_id)
    news: list[New] = []
    remarks: list[str] = []
    now = {d.id: d for d in dossiers}  # a return may name an invoice more than once
    for item in retour.factures:
        dossier = _find(item, list(now.values()), files)
        if dossier is None:
            remarks.append(f"Facture {item.numero_facture} : inconnue sur ce poste.")
            continue
        steps = _facture(item, dossier, retour, return_id)
        news += steps
        now[dossier.id] = replace(dossier, state=_STATES.get(steps[-1].step, dossier.state))
        if dossier.state in (State.CORRECTED, State.CANCELLED) and item.paye_cents:
            remarks.append(
                f"Facture {dossier.numero} : la caisse paie {euros(item.paye_cents)} alors que cette facture est"
                f" {LABELS[dossier.state]}. Voyez avec elle avant d'encaisser deux fois."
            )
    if retour.nature is Nature.INCONNU:
        remarks.append("Courrier d'un type inconnu : il est conservé ; lisez-le.")
    return news, tuple(remarks)


def unanswered(files: Sequence[SentFile], states: Mapping[str, State]) -> list[SentFile]:
    """Files that went out, or may have, and of which the fund has said nothing: no ARL, and no return for any bill.

    `states` by bill.
    """
    answered = {bill for bill, state in states.items() if state in _ANSWERED}
    return [f for f in files if f.attempts and not f.acknowledged and answered.isdisjoint(f.bills)]


def due_cents(dossier: Dossier) -> int:
    """What the funds owe the practitioner for this bill: the shares under third-party payment."""
    return sum(_due_shares(dossier))


def _due_shares(dossier: Dossier) -> tuple[int, int]:
    """(AMO, AMC) in cents."""
    totals = (dossier.evaluation or {}).get("totals", {})
    mode = (dossier.evaluation or {}).get("contexte", {}).get("tiers_payant", "")
    amo = int(totals.get("amo_cents", 0)) if mode not in ("", "aucun") else 0
    amc = int(totals.get("amc_cents", 0)) if mode not in ("", "aucun", "amo") else 0
    return amo, amc


def _arl(
    arl: Arl, dossiers: Sequence[Dossier], files: Sequence[SentFile], return_id: str
) -> tuple[list[New], tuple[str, ...]]:
    found = next((f for f in files if any(a.compostage == arl.compostage for a in f.attempts)), None)
    if found is None:
        return [], ("Accusé de réception d'un envoi inconnu sur ce poste.",)
    if found.acknowledged:
        return [], ("Accusé de réception déjà pris en compte.",)
    news = [New(f"file:{found.id}", "acknowledged", {"return": return_id, "accepted": arl.accepte})]
    refused = {lot.numero_lot: lot.rejets for lot in arl.lots if not lot.accepte}
    by_id = {d.id: d for d in dossiers}
    for lot in found.lots:
        rejets = refused.get(f"{lot.numero:03d}", () if arl.accepte else arl.rejets)
        negative = not arl.accepte or f"{lot.numero:03d}" in refused
        for bill in lot.bills:
            dossier = by_id.get(bill)
            if dossier is None or dossier.state not in (State.IN_LOT, State.SENT):
                continue
            news += _arrived(dossier, return_id, acknowledged=not negative)
            if negative:
                data = {"return": return_id, "by": "ARL", "paye_cents": 0, "rejets": _rejets(rejets)}
                news.append(New(f"bill:{bill}", "rejected", data))
    return news, ()


def _arrived(dossier: Dossier, return_id: str, *, acknowledged: bool = True) -> list[New]:
    """The steps a bill has not made yet although the fund has it."""
    news = []
    if dossier.state is State.IN_LOT:
        news.append(New(f"bill:{dossier.id}", "sent", {"known_by": return_id}))
    if acknowledged and dossier.state in (State.IN_LOT, State.SENT):
        news.append(New(f"bill:{dossier.id}", "acknowledged", {"return": return_id}))
        if not due_cents(dossier):
            news.append(New(f"bill:{dossier.id}", CLOSED))
    return news


def _find(item: RetourFacture, dossiers: Sequence[Dossier], files: Sequence[SentFile]) -> Dossier | None:
    if not item.numero_facture.isdigit():
        return None
    numero = int(item.numero_facture)
    found = [d for d in dossiers if d.numero == numero and d.lot is not None]
    if item.numero_lot and found:
        lots = {part.id for f in files for part in f.lots if f"{part.numero:03d}" == item.numero_lot}
        found = [d for d in found if d.lot in lots] or found
    return found[-1] if found else None


def _facture(item: RetourFacture, dossier: Dossier, retour: Retour, return_id: str) -> list[New]:
    subject = f"bill:{dossier.id}"
    shares = [s for s in (item.amo, item.amc) if s is not None]
    amo, amc = _told(item.amo, dossier, "amo_cents"), _told(item.amc, dossier, "amc_cents")
    paid = (amo or 0) + (amc or 0) if shares else item.paye_cents
    asked = due_cents(dossier) or sum(s.demande_cents for s in shares)
    data: dict[str, Any] = {
        "return": return_id,
        "by": f"NOEMIE {retour.reference}",
        "paye_cents": paid,
        "demande_cents": asked,
        "amo_cents": amo,
        "amc_cents": amc,
        "rejets": _rejets(item.rejets),
        "commentaires": list(item.commentaires),
        "virements": [
            {"date": v.date_virement.isoformat() if v.date_virement else "", "libelle": v.libelle.strip()}
            for v in retour.virements
        ],
    }
    if dossier.state not in _OPEN:
        return [New(subject, "settlement", data)]
    if shares and all(s.etat in (Etat.DIFFERE, Etat.AUCUN) for s in shares) and not item.rejets:
        return [*_arrived(dossier, return_id), New(subject, "deferred", data)]
    step = _outcome_step(item, dossier, paid, asked, (amo, amc))
    if step == "share":
        return [*_arrived(dossier, return_id), New(subject, step, data)]
    if dossier.state is not State.IN_LOT and _STATES[step] not in allowed(dossier.state):
        return [New(subject, "settlement", data)]
    return [*_arrived(dossier, return_id), New(subject, step, data)]


_STATES = {"paid": State.PAID, "partly-paid": State.PARTLY_PAID, "rejected": State.REJECTED}


def _told(share: Montants | None, dossier: Dossier, key: str) -> int | None:
    """What is paid of one share by all returns so far; None: nothing was said of it. AMO and AMC may pay by separate returns."""
    if share is None or share.etat in (Etat.DIFFERE, Etat.AUCUN):
        before = dossier.outcome.get(key)
        return int(before) if before is not None else None
    return share.paye_cents if share.etat is Etat.PAYE else 0


def _outcome_step(
    item: RetourFacture, dossier: Dossier, paid: int, asked: int, shares: tuple[int | None, int | None]
) -> str:
    """`share`: one share is settled and the other has not answered yet; the bill goes on waiting."""
    if paid >= asked and not any(r.niveau == "F" for r in item.rejets):
        return "paid"
    waits = any(due and told is None for due, told in zip(_due_shares(dossier), shares, strict=True))
    here = [s for s in (item.amo, item.amc) if s is not None and s.etat is Etat.PAYE]
    if waits and here and not item.rejets and all(s.paye_cents >= s.demande_cents for s in here):
        return "share"
    return "partly-paid" if paid > 0 else "rejected"


def _rejets(rejets: Sequence[Rejet]) -> list[dict[str, Any]]:
    out = []
    for rejet in rejets:
        known = expliquer(rejet.code)
        out.append(
            {
                "code": rejet.code,
                "libelle": rejet.libelle.strip() or known.libelle,
                "part": rejet.part,
                "niveau": rejet.niveau,
                "a_faire": known.a_faire,
                "renvoyer": known.renvoyer,
            }
        )
    return out
