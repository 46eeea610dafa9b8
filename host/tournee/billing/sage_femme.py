"""The midwife's séance: MSF, displacement, kilometres without abatement [NGAP 11 A, 13 C 1°, 14.2, titre XI]."""

from __future__ import annotations

from tournee.billing import moment
from tournee.billing.contexte import Situation
from tournee.billing.result import Choice
from tournee.billing.session import Seance, kilometres
from tournee.billing.work import Work


def complete(w: Work, s: Situation, seance: Seance) -> None:
    """MSF with a consultation or a visit; MD on a visit when it is justified. No IFD: its rule for midwives is not public."""
    principal = seance.principal
    if principal is None:
        return
    if principal.code in ("C", "V") and not seance.has("MSF"):
        seance.add(w, "MSF", "MSF", "Majoration de la consultation ou de la visite de la sage-femme.")
    acts = [d for d in seance.drafts if d.genre == "acte"]
    if len(acts) > 1 and acts[0].code == acts[1].code:
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{acts[1].act}].code",
            "Consultations, séances et forfaits ne se cumulent pas (NGAP 11 A).",
            "gardez un seul acte, ou donnez-lui une autre date",
        )
    moment.sans_montant(w, s, seance)
    if seance.lieu != "domicile" or seance.rang(w) > 1:
        return
    if principal.code == "V" and not seance.has("MD") and w.tarif("MD", seance.day):
        choices = [Choice("MD", "Oui (MD)"), Choice("non", "Non")]
        if w.ask("deplacement", choices=choices) == "MD":
            seance.add(
                w, "MD", "DEPLACEMENT", "Déplacement justifié, jusqu'à 14 semaines après la naissance (NGAP 14.2)."
            )
    kilometres(w, seance)
