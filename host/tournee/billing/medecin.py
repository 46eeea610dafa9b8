"""The doctor's home visit: displacement majoration, child majoration, kilometres [NGAP 13, 14]."""

from __future__ import annotations

from functools import cache

from tournee.billing import moment
from tournee.billing.contexte import Situation
from tournee.billing.dates import minutes
from tournee.billing.manques import missing
from tournee.billing.result import Choice
from tournee.billing.session import Seance, kilometres
from tournee.billing.tables import tables
from tournee.billing.work import Work

_DEPLACEMENT = ("MD", "MDM", "MDN", "MDI", "MDD")
_URGENCE = ("MU", "F", "MN", "MM")
_VISITES = ("V", "VG", "VGS", "VL")
_REGULEE = ("VRN", "VRD", "VRS", "VRM")
_CONSULTATION_REGULEE = ("CRN", "CRD", "CRS", "CRM")
_COORDINATION = frozenset({"MCS", "MCG", "MCC"})


def complete(w: Work, s: Situation, seance: Seance) -> None:
    off = moment.dimanche_ou_ferie(w, s, seance.day)
    _meg(w, seance)
    _pdsa(w, seance, off)
    _un_seul_acte(w, seance)
    _coordination(w, seance)
    _opposable(w, seance)
    principal = seance.principal
    if principal is None or seance.lieu != "domicile":
        return
    rang = seance.rang(w)
    visit = principal.code in _VISITES
    if rang > 1:
        _regulee_une_fois(w, seance)
        if w.ask("hebergement_collectif") is True:
            _etablissement(w, seance, rang, visit, off)
        else:
            _famille(w, seance, rang, visit)
        return
    w.seen.add("hebergement_collectif")
    if not visit:
        return
    due = _deplacement(w, seance, off)
    if due or seance.has(*_REGULEE):
        kilometres(w, seance)  # for a GP's visit, only when MD or MU is due [NGAP 13 C]; VRx keep them [22-3]


def _deplacement(w: Work, seance: Seance, off: bool) -> bool:
    """The displacement majoration: typed with the acts, else asked; True when it or an emergency one is there."""
    if seance.has(*_DEPLACEMENT, *_URGENCE, *_REGULEE):
        w.seen.add("deplacement")
        return seance.has(*_DEPLACEMENT, *_URGENCE)
    value = w.ask("deplacement", choices=_choices(w, seance, off))
    if not isinstance(value, str) or value == "non":
        return False
    seance.add(w, value, "DEPLACEMENT", "Déplacement justifié médicalement (NGAP 14.2).")
    return True


def _un_seul_acte(w: Work, seance: Seance) -> None:
    if len(seance.drafts) < 2:
        return
    acts = [d for d in seance.drafts if d.genre == "acte"]
    if len(acts) > 1:
        missing(w, f"acts[{acts[1].act}].code", "deux-actes-medecin", a=acts[0].code, b=acts[1].code)


def _coordination(w: Work, seance: Seance) -> None:
    """Coordination majorations: in the parcours or (but MCG) under 16, never with a dépassement autorisé [NGAP 2 bis]."""
    if seance.codes.isdisjoint(_COORDINATION):
        return
    found = next(d for d in seance.drafts if d.code in _COORDINATION)
    if any(d.qualificatif in ("A", "B") for d in seance.drafts):
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{found.act}].code",
            f"{found.code} ne se cote pas avec un dépassement autorisé (NGAP 2 bis).",
            f"retirez {found.code} ou le dépassement",
        )
    outside = w.tables.parcours.get(str(w.bill.value("parcours")), {}).get("statut") == 2
    limit = w.parametre("age_parcours", seance.day)
    child = w.age is not None and limit is not None and w.age < limit
    if (found.code == "MCG" and child) or (outside and not child):
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{found.act}].code",
            f"{found.code} est réservée au parcours de soins coordonnés"
            + (f", à partir de {limit} ans (NGAP 2 bis)." if child else " (NGAP 2 bis)."),
            f"retirez {found.code}",
        )


def _opposable(w: Work, seance: Seance) -> None:
    """Majorations that go with the opposable tariff only: no authorised overrun in that séance [NGAP 14.1.3, 22-2, 22-4]."""
    if len(seance.drafts) < 2 or not any(d.depassement_cents and d.qualificatif in ("A", "B") for d in seance.drafts):
        return
    for draft in seance.drafts:
        if draft.genre != "majoration" or draft.code in _COORDINATION:
            continue
        tarif = w.tarif(draft.code, seance.day)
        if tarif is not None and tarif.data.get("opposable"):
            w.fault(
                "TARIF_OPPOSABLE",
                f"acts[{draft.act}].code",
                f"{draft.code} ne se cote qu'au tarif opposable, sans dépassement dans la séance.",
                f"retirez {draft.code} ou le dépassement",
            )


def _choices(w: Work, seance: Seance, off: bool) -> tuple[Choice, ...]:
    """What the day and the hour allow; MDM replaces MD in the mountains once it exists [NGAP 14.2 §5]."""
    exists = w.tarif("MDM", seance.day) is not None
    mountain = w.tables.terrains.get(w.bill.situation.zone_ik) == "montagne"
    at = minutes(seance.heure)
    night = "" if at is None or 8 * 60 <= at < 20 * 60 else "MDI" if at < 6 * 60 else "MDN"
    day = ("MDM",) if mountain and exists else ("MD", "MDM") if exists else ("MD",)
    return _deplacements((*day, *((night,) if night else ()), *(("MDD",) if off else ()), "non"))


@cache
def _deplacements(allowed: tuple[str, ...]) -> tuple[Choice, ...]:
    return tuple(c for code in allowed for c in tables().questions["deplacement"].choices if c.value == code)


def _meg(w: Work, seance: Seance) -> None:
    limit = w.parametre("age_meg", seance.day)
    principal = seance.principal
    if principal is None or w.age is None or limit is None or w.age >= limit or seance.has("MEG"):
        return
    if principal.code in ("G", "GS", "VG", "VGS"):
        seance.add(
            w, "MEG", "MEG", f"Enfant de moins de {limit} ans, jusqu'à la veille de l'anniversaire (NGAP 14.6.1)."
        )


def _pdsa(w: Work, seance: Seance, off: bool) -> None:
    """Night, Sunday and holiday codes need such an hour or day; without an hour only the day can be checked."""
    at = minutes(seance.heure)
    if seance.has("F", "MN", "MM") and w.parametre("urgence_vitale", seance.day):
        w.inform(
            "URGENCE_VITALE",
            "F, MN et MM ne sont dues que pour une urgence vitale ; sinon cotez MHP (NGAP 14, 22-4).",
            kind="warning",
        )
    for draft in seance.drafts:
        problem = ""
        if draft.code in ("F", "MDD", "VRD", "CRD") and not off:
            problem = "ce jour n'est ni un dimanche ni un jour férié"
        elif draft.code in ("VRS", "CRS") and seance.day.weekday() != 5:
            problem = "ce jour n'est pas un samedi"
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


def _regulee_une_fois(w: Work, seance: Seance) -> None:
    """A regulated majoration is due once a trip, whatever the number of patients [NGAP 22-3]."""
    found = next((d for d in seance.drafts if d.code in (*_REGULEE, *_CONSULTATION_REGULEE)), None)
    if found is not None:
        w.fault(
            "MAXIMUM_LEGAL",
            f"acts[{found.act}].code",
            f"{found.code} : une seule majoration régulée par déplacement, pour le premier patient (NGAP 22-3).",
            f"retirez {found.code}",
        )


def _etablissement(w: Work, seance: Seance, rang: int, visit: bool, off: bool) -> None:
    """In a home for the elderly each patient has a visit; at most three MD a trip, and the kilometres once [NGAP 13.1]."""
    most = w.parametre("md_max_trajet", seance.day) or 0
    typed = next((d for d in seance.drafts if d.code in _DEPLACEMENT), None)
    if rang <= most:
        if visit:
            _deplacement(w, seance, off)
    elif typed is not None:
        w.fault(
            "MAXIMUM_LEGAL",
            f"acts[{typed.act}].code",
            f"Dans un établissement, au plus {most} majorations de déplacement par trajet (NGAP 13.1).",
            f"retirez {typed.code}",
        )
    w.trace(
        "MEME_DOMICILE", "Même établissement : les kilomètres sont comptés une fois, au premier patient (NGAP 13.1)."
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
    elif rang > 1 + (w.parametre("consultations_famille", seance.day) or 0):
        w.fault(
            "MAXIMUM_LEGAL",
            "answers.rang_domicile",
            "Au même domicile, une visite puis au plus deux consultations sont dues (NGAP art. 16).",
            "cet acte n'est pas facturable",
            rule="visite_famille",
        )
