"""Auxiliaries: prescription, night and Sunday, displacement, kilometres [NGAP 5 c, 13, 14 B]."""

from __future__ import annotations

from datetime import date

from tournee.billing import infirmier, moment
from tournee.billing.contexte import Situation, iso
from tournee.billing.dates import fr, minutes
from tournee.billing.identifiants import prescripteur_valide
from tournee.billing.manques import missing, told
from tournee.billing.modes import must_follow
from tournee.billing.money import euros
from tournee.billing.result import Choice
from tournee.billing.session import Seance, kilometres
from tournee.billing.tables import Row
from tournee.billing.work import Work

_SANS_MAJORATION = frozenset({"organisation", "post_hospitalisation"})  # NGAP: no night or Sunday majoration
_SPECIFIQUES = ("IFS", "IFO", "IFN", "IFR", "IFP", "IFV")


def complete(w: Work, s: Situation, seance: Seance) -> None:
    _prescription(w, s, seance)
    if w.profession == "infirmier":
        infirmier.complete(w, seance)
    else:
        _un_seul_acte(w, seance)
    _moment(w, s, seance)
    if seance.lieu == "domicile":
        _deplacement(w, seance)


def _prescription(w: Work, s: Situation, seance: Seance) -> None:
    """A written prescription before the care, but for direct access [NGAP 5 c]; an act may have its own."""
    prescribed = [d for d in seance.drafts if d.genre == "acte" and not d.sans_prescription]
    if not prescribed:
        return
    number = w.ask("prescripteur")
    if isinstance(number, str) and number:
        s.prescripteur = number
        if not prescripteur_valide(number):
            _once(
                w,
                "CLE_FAUSSE",
                "answers.prescripteur",
                "Le numéro du prescripteur est faux (clé de contrôle).",
                "recopiez les 11 chiffres du RPPS ou les 9 chiffres du numéro de facturation",
            )
    own = {d.act: w.bill.acts[d.act].prescription_date for d in prescribed}
    for index, day in own.items():
        if day is not None:
            _before_care(w, s, seance, day, f"acts[{index}].prescription_date")
    if not all(own.values()):
        common = iso(w.ask("prescription_date"))
        if common is not None:
            _before_care(w, s, seance, common, "answers.prescription_date")
    else:
        w.seen.add("prescription_date")
    s.prescription_origine = str(w.ask("prescription_origine") or "")
    must_follow(w, "ordonnance")


def _before_care(w: Work, s: Situation, seance: Seance, day: date, path: str) -> None:
    s.prescription_date = day if s.prescription_date is None else min(s.prescription_date, day)
    if day > seance.day:
        _once(
            w,
            "DATE_IMPOSSIBLE",
            path,
            f"La prescription ({fr(day)}) est après les soins ({fr(seance.day)}).",
            "corrigez la date de la prescription ou celle des soins",
        )


def _once(w: Work, code: str, path: str, text: str, remedy: str) -> None:
    if not any(f.code == code and f.path == path for f in w.faults):
        w.fault(code, path, text, remedy)


def _un_seul_acte(w: Work, seance: Seance) -> None:
    """Several key-letter acts in one séance: speech acts do not cumulate [NGAP 11 B 5]; elsewhere no public rule was found."""
    acts = [d for d in seance.drafts if d.genre == "acte"]
    if len(acts) < 2:
        return
    if w.profession == "orthophoniste":
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{acts[1].act}].code",
            "Deux actes d'orthophonie ne se cumulent pas dans une séance (NGAP 11 B 5).",
            "gardez un seul acte, ou datez le second d'un autre jour",
        )
    elif w.profession == "pedicure" and sum(d.code == "POD" for d in acts):
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{acts[1].act}].code",
            "Une séance de prévention ne se cumule ni avec une autre ni avec un acte le même jour (NGAP titre XII).",
            "gardez un seul acte, ou datez le second d'un autre jour",
        )
    elif w.profession == "kine":
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{acts[1].act}].code",
            "Une seule cotation par séance de masso-kinésithérapie (NGAP titre XIV ; JORF 08/02/2024).",
            "gardez un acte, ou donnez deux heures pour deux séances sur deux prescriptions",
        )
    else:
        missing(w, f"acts[{acts[1].act}].code", "deux-actes")


def _moment(w: Work, s: Situation, seance: Seance) -> None:
    """Night by the hour, Sunday and holiday by the date; only when the prescription says so [NGAP 14 B]."""
    rows = w.tables.majorations_de(w.profession, w.zone, seance.day)
    if not rows:
        moment.sans_montant(w, s, seance)
        return
    by_hour = _window(rows, minutes(seance.heure))
    off = moment.dimanche_ou_ferie(w, s, seance.day)
    sunday = next((r for r in rows if r.data["code"] == "dimanche"), None) if off else None
    due = by_hour or sunday
    if due is None or w.ask("majoration_imperative") is not True:
        return
    if by_hour is not None and sunday is not None:
        told(w, "NUIT_ET_DIMANCHE", "nuit-et-dimanche")
    acts = [d for d in seance.drafts if d.genre == "acte" and not d.familles & _SANS_MAJORATION]
    if not acts:
        return
    draft = max(acts, key=lambda d: d.base_cents)  # the act paid in full, the first of equal ones
    cents = int(w.used(due).data["cents"])
    draft.base_cents += cents
    draft.majoration_cents = cents
    draft.complement = str(due.data["complement"])
    draft.rows = (*draft.rows, due.id)
    draft.explain += f" ; + {euros(cents)} ({due.data['libelle']}, NGAP 14 B)"


def _window(rows: list[Row], at: int | None) -> Row | None:
    if at is None:
        return None
    return next((r for r in rows for low, high in r.data["fenetres"] if low <= at < high), None)


def _deplacement(w: Work, seance: Seance) -> None:
    """One displacement for a séance; none for the next patients of the same home [NGAP 13 A]."""
    principal = seance.principal
    if principal is None:
        return
    if seance.rang(w) > 1:
        w.trace("MEME_DOMICILE", "Autre patient du même domicile : pas de nouvelle indemnité de déplacement.")
        return
    if not any(d.genre == "acte" and "organisation" not in d.familles for d in seance.drafts):
        w.trace("ORGANISATION", "L'organisation d'une perfusion n'ouvre pas droit au déplacement.")
        return
    if not seance.has_genre("deplacement"):
        if w.profession == "infirmier":
            infirmier.deplacement(w, seance)
        else:
            _forfait(w, seance)
    if seance.has_genre("deplacement"):
        kilometres(w, seance)
        if w.profession != "kine" and w.ask("deplacement_prescrit") is False:
            for draft in seance.drafts:
                if draft.genre in ("deplacement", "ik"):
                    draft.qualificatif = "F"
            w.trace("DEPLACEMENT_NON_PRESCRIT", "Déplacement non prescrit : à la charge du patient (qualificatif F).")


def _forfait(w: Work, seance: Seance) -> None:
    specific = [c for c in _SPECIFIQUES if w.tarif(c, seance.day)]
    code = "IFD"
    if specific:
        choices = [Choice("IFD", "IFD · indemnité forfaitaire")]
        choices += [Choice(c, f"{c} · {t.libelle}") for c in specific if (t := w.tarif(c, seance.day))]
        code = str(w.ask("deplacement_type", choices=choices))
    seance.add(w, code, "DEPLACEMENT", "Soins à domicile : une indemnité de déplacement par séance (NGAP 13).")
