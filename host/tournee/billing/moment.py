"""Nights, Sundays and holidays: what holds for every profession [NGAP 14; Code du travail L.3133-1]."""

from __future__ import annotations

from datetime import date

from tournee.billing import dates
from tournee.billing.contexte import Situation
from tournee.billing.dates import fr, minutes
from tournee.billing.manques import missing, told
from tournee.billing.session import Seance
from tournee.billing.work import Work


def dimanche_ou_ferie(w: Work, s: Situation, day: date) -> bool:
    """A Sunday or a legal holiday; a holiday of the region only is told, and is none here."""
    if dates.dimanche_ou_ferie(day):
        return True
    name = dates.ferie_local(day, *(("alsace_moselle", w.zone) if s.alsace_moselle else (w.zone,)))
    if name:
        told(w, "FERIE_LOCAL", "ferie-local", jour=fr(day), fete=name)
    return False


def nuit(w: Work, seance: Seance) -> bool:
    """From 20 h to 8 h [NGAP 14]; False when the act has no hour."""
    at = minutes(seance.heure)
    first, last = w.parametre("nuit_debut", seance.day), w.parametre("nuit_fin", seance.day)
    return at is not None and first is not None and last is not None and (at >= first or at < last)


def sans_montant(w: Work, s: Situation, seance: Seance) -> None:
    """A profession whose majorations have no citable amount: a bill that needs one says so."""
    if not (dimanche_ou_ferie(w, s, seance.day) or nuit(w, seance)):
        return
    principal = seance.principal
    needed = w.categorie == "auxiliaire"  # a midwife says so herself: most of her acts open none
    due = w.ask("majoration_imperative", default=None if needed else False, required=needed)
    if principal is not None and due is True:
        missing(w, f"acts[{principal.act}].code", "nuit-dimanche")
