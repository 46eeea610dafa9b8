"""The doctor's home visit: displacement majoration, child majoration, kilometres [NGAP 13, 14]."""

from __future__ import annotations

from tournee.billing.contexte import Situation
from tournee.billing.dates import dimanche_ou_ferie, minutes
from tournee.billing.result import Choice
from tournee.billing.session import Seance, kilometres
from tournee.billing.work import Work

_DEPLACEMENT = ("MD", "MDM", "MDN", "MDI", "MDD")
_URGENCE = ("MU", "F", "MN", "MM")
_REGULEE = ("VRN", "VRD", "VRS", "VRM")
_FAMILLE_CONSULTATIONS = 2  # NGAP art. 16


def complete(w: Work, s: Situation, seance: Seance) -> None:
    _meg(w, seance)
    _pdsa(w, seance)
    _un_seul_acte(w, seance)
    _coordination(w, s, seance)
    principal = seance.principal
    if principal is None or seance.lieu != "domicile":
        return
    rang = seance.rang(w)
    visit = principal.code in ("V", "VG", "VGS", "VL")
    if rang > 1:
        _famille(w, seance, rang, visit)
        return
    if not visit:
        return
    due = seance.has(*_DEPLACEMENT, *_URGENCE)
    if not seance.has(*_DEPLACEMENT, *_URGENCE, *_REGULEE):
        value = w.ask("deplacement", choices=_choices(w, seance))
        if isinstance(value, str) and value != "non":
            seance.add(w, value, "DEPLACEMENT", "Déplacement justifié médicalement (NGAP 14.2).")
            due = True
    else:
        w.seen.add("deplacement")
    if due or seance.has(*_REGULEE):
        kilometres(w, seance)  # for a GP's visit, only when MD or MU is due [NGAP 13 C]; VRx keep them [22-3]


def _un_seul_acte(w: Work, seance: Seance) -> None:
    acts = [d for d in seance.drafts if d.genre == "acte"]
    if len(acts) > 1:
        w.fault(
            "REGLE_SANS_SOURCE",
            f"acts[{acts[1].act}].code",
            f"Tournée ne connaît pas de règle publique qui cumule {acts[0].code} et {acts[1].code} dans une même séance.",
            "gardez un acte par séance (donnez deux heures différentes pour deux séances)",
        )


def _coordination(w: Work, s: Situation, seance: Seance) -> None:
    """Coordination majorations: in the parcours or under 16, never with a dépassement autorisé [NGAP 2 bis]."""
    found = next((d for d in seance.drafts if d.code in ("MCS", "MCG", "MCC")), None)
    if found is None:
        return
    if any(d.qualificatif in ("A", "B") for d in seance.drafts):
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{found.act}].code",
            f"{found.code} ne se cote pas avec un dépassement autorisé (NGAP 2 bis).",
            f"retirez {found.code} ou le dépassement",
        )
    outside = w.tables.parcours.get(str(w.bill.value("parcours")), {}).get("statut") == 2
    limit = w.parametre("age_parcours", seance.day)
    if outside and not (w.age is not None and limit is not None and w.age < limit):
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{found.act}].code",
            f"{found.code} est réservée au parcours de soins coordonnés (NGAP 2 bis).",
            f"retirez {found.code}",
        )


def _choices(w: Work, seance: Seance) -> list[Choice]:
    """What the day and the hour allow; MDM replaces MD in the mountains once it exists [NGAP 14.2 §5]."""
    texts = {c.value: c for c in w.tables.questions["deplacement"].choices}
    mountain = w.tables.terrains.get(w.bill.situation.zone_ik) == "montagne"
    allowed = ["MDM" if mountain and w.tarif("MDM", seance.day) else "MD"]
    if not mountain and w.tarif("MDM", seance.day):
        allowed.append("MDM")
    at = minutes(seance.heure)
    if at is not None and at < 6 * 60:
        allowed.append("MDI")
    elif at is not None and (at < 8 * 60 or at >= 20 * 60):
        allowed.append("MDN")
    if dimanche_ou_ferie(seance.day):
        allowed.append("MDD")
    return [texts[code] for code in (*allowed, "non")]


def _meg(w: Work, seance: Seance) -> None:
    limit = w.parametre("age_meg", seance.day)
    principal = seance.principal
    if principal is None or w.age is None or limit is None or w.age >= limit or seance.has("MEG"):
        return
    if principal.code in ("G", "GS", "VG", "VGS"):
        seance.add(
            w, "MEG", "MEG", f"Enfant de moins de {limit} ans, jusqu'à la veille de l'anniversaire (NGAP 14.6.1)."
        )


def _pdsa(w: Work, seance: Seance) -> None:
    """Night, Sunday and holiday codes need such an hour or day; without an hour only the day can be checked."""
    at = minutes(seance.heure)
    off = dimanche_ou_ferie(seance.day)
    for draft in seance.drafts:
        problem = ""
        if draft.code in ("F", "MDD", "VRD", "CRD") and not off:
            problem = "ce jour n'est ni un dimanche ni un jour férié"
        elif draft.code in ("MN", "MDN", "VRN", "CRN") and at is not None and (8 * 60 <= at < 20 * 60 or at < 6 * 60):
            problem = "l'heure de l'acte n'est pas entre 20 h et 0 h ni entre 6 h et 8 h"
        elif draft.code in ("MM", "MDI", "VRM", "CRM") and at is not None and at >= 6 * 60:
            problem = "l'heure de l'acte n'est pas entre 0 h et 6 h"
        elif (
            draft.code == "MHP" and at is not None and not off and 8 * 60 <= at < 20 * 60 and seance.day.weekday() != 5
        ):
            problem = "l'acte n'est pas aux heures de la permanence des soins"
        if problem:
            w.fault(
                "HORAIRE",
                f"acts[{draft.act}].code",
                f"{draft.code} : {problem}.",
                "corrigez le code, la date ou l'heure",
            )


def _famille(w: Work, seance: Seance, rang: int, visit: bool) -> None:
    principal = seance.principal
    assert principal is not None
    if visit:
        w.fault(
            "VISITE_FAMILLE",
            f"acts[{principal.act}].code",
            "Une seule visite est due pour les membres d'une famille soignés au même domicile (NGAP art. 16).",
            "cotez une consultation (G) pour ce patient",
            rule="visite_famille",
        )
    elif rang > 1 + _FAMILLE_CONSULTATIONS:
        w.fault(
            "MAXIMUM_LEGAL",
            "answers.rang_domicile",
            "Au même domicile, une visite puis au plus deux consultations sont dues (NGAP art. 16).",
            "cet acte n'est pas facturable",
            rule="visite_famille",
        )
