"""What may be wrong with an act, alone or beside others: date, shape, place, age, agreement, overrun, order, incompatible codes."""

from __future__ import annotations

from datetime import date

from tournee.billing.contexte import Situation
from tournee.billing.dates import compact, fr, minutes
from tournee.billing.manques import missing
from tournee.billing.model import Act
from tournee.billing.session import ORDER, Seance
from tournee.billing.tables import Tarif
from tournee.billing.work import Work


def date_ok(w: Work, path: str, day: date) -> bool:
    """False, with a fault, for care in the future or before the patient was born."""
    if day > w.today:
        w.fault(
            "DATE_IMPOSSIBLE",
            f"{path}.date",
            f"Les soins sont datés du {fr(day)}, après aujourd'hui ({fr(w.today)}).",
            "corrigez la date des soins",
        )
        return False
    birth = w.person.identite.naissance if w.person is not None else ""
    if len(birth) >= 8 and compact(day) < birth[:8]:
        w.fault(
            "DATE_IMPOSSIBLE",
            f"{path}.date",
            f"Les soins ({fr(day)}) sont avant la naissance du patient.",
            "corrigez la date des soins ou choisissez un autre bénéficiaire",
        )
        return False
    return True


def shape_ok(w: Work, path: str, act: Act) -> bool:
    """False, with a fault, when quantity, hour or overrun cannot be."""
    if not 1 <= act.quantite <= 99:
        w.fault("QUANTITE", f"{path}.quantite", "La quantité va de 1 à 99.", "corrigez la quantité")
        return False
    if act.heure and minutes(act.heure) is None:
        w.fault("HEURE", f"{path}.heure", "L'heure s'écrit HH:MM, de 00:00 à 23:59.", "corrigez l'heure de l'acte")
        return False
    if act.depassement_cents < 0:
        w.fault("MONTANT", f"{path}.depassement_cents", "Un dépassement n'est pas négatif.", "corrigez le montant")
        return False
    return True


def no_tarif(w: Work, path: str, code: str, day: date) -> None:
    """Says why a code has no price: unknown, of another profession or period, or without a citable source."""
    field_path = f"{path}.code"
    periods = w.tables.periods(w.profession, w.zone, code)
    if periods:
        first, last = periods[0], periods[-1]
        if day < first.row.valid_from:
            text = f"{code} n'a pas de tarif connu avant le {fr(first.row.valid_from)}."
            remedy = "utilisez l'acte en vigueur à la date des soins"
        else:
            instead = str(last.data.get("remplace_par", ""))
            text = f"{code} n'existe plus depuis le {fr(date.fromordinal(last.row.valid_to.toordinal() + 1))}."
            remedy = f"cotez {instead}" if instead else "utilisez l'acte en vigueur à la date des soins"
        w.fault("ACTE_HORS_PERIODE", field_path, text, remedy)
        return
    known = {(p, z) for (p, z, c) in w.tables.tarifs if c == code}
    if any(p == w.profession for p, _ in known):
        missing(w, field_path, "tarif-zone", code=code, jour=fr(day), zone=w.zone)
    elif unpriced := w.tables.code_sans_tarif(w.profession, code):
        missing(w, field_path, unpriced, code=code)
    elif known:
        w.fault(
            "ACTE_INTERDIT",
            field_path,
            f"{code} n'est pas un acte de votre profession.",
            "choisissez un acte de la liste de votre profession",
        )
    else:
        w.fault("ACTE_INCONNU", field_path, f"Acte « {code} » inconnu.", "vérifiez le code de l'acte")


def check(w: Work, s: Situation, seance: Seance, tarif: Tarif, lieu: str, act: Act, path: str) -> None:
    """Place, age, agreement and overrun of one act."""
    rang = seance.rang(w)
    if lieu and lieu != seance.lieu and not (rang > 1 and lieu == "cabinet"):
        where = {"domicile": "au domicile", "cabinet": "au cabinet", "distance": "à distance"}
        w.fault(
            "ACTE_LIEU",
            f"{path}.code",
            f"{act.code} ({tarif.libelle}) se fait {where[lieu]}.",
            "corrigez le lieu des soins ou l'acte",
        )
    if w.age is not None:
        low, high = tarif.data.get("age_min"), tarif.data.get("age_max")
        young, old = low is not None and w.age < int(low), high is not None and w.age >= int(high)
        if young or old:
            span = f"à partir de {low} ans" if young else f"avant {high} ans"
            w.fault("AGE", f"{path}.code", f"{act.code} ne se cote qu'{span}.", "changez d'acte")
    convention = w.bill.situation.code_conventionnel
    if convention not in tarif.data.get("conventions", (convention,)):
        plain = [t.code for t in w.tables.codes(w.profession, w.zone, seance.day)]
        instead = [c for c in plain if (t := w.tarif(c, seance.day)) and t.data.get("avec_depassement") == act.code]
        w.fault(
            "ACTE_INTERDIT",
            f"{path}.code",
            f"{act.code} ({tarif.libelle}) n'est pas ouvert à votre secteur conventionnel.",
            f"cotez {instead[0]}" if instead else "choisissez un acte de la liste de votre profession",
        )
    _depassement(w, s, tarif, act, path)


_CONVENTION = {"1": "DEB", "2": "ADEB", "3": "ADEB"}
_QUALIFICATIFS = "ABDEFGN"  # [IMPL JFSE]


def _depassement(w: Work, s: Situation, tarif: Tarif, act: Act, path: str) -> None:
    """Overruns by conventional code (1 conventionné, 2 DP, 3 honoraires libres) [IMPL MDT]; C2S forbids them but on demand (E)."""
    if act.qualificatif and act.qualificatif not in _QUALIFICATIFS:
        w.fault(
            "QUALIFICATIF",
            f"{path}.qualificatif",
            f"Qualificatif de dépense « {act.qualificatif} » inconnu.",
            "utilisez A, B, D, E, F, G ou N",
        )
        return
    if not act.depassement_cents:
        return
    where = f"{path}.depassement_cents"
    convention = w.bill.situation.code_conventionnel
    if not act.qualificatif:
        w.fault("QUALIFICATIF", where, "Un dépassement a besoin d'un qualificatif.", "ajoutez A, D ou E")
    elif act.qualificatif not in _CONVENTION.get(convention, ""):
        w.fault(
            "DEPASSEMENT_INTERDIT",
            where,
            "Votre secteur conventionnel ne permet pas ce dépassement.",
            "retirez le dépassement, ou indiquez E (exigence du patient) ou D (entente directe)",
        )
    elif s.c2s and act.qualificatif != "E":
        w.fault(
            "DEPASSEMENT_C2S",
            where,
            "Un bénéficiaire de la C2S ne paie pas de dépassement.",
            "retirez le dépassement",
        )
    elif tarif.data.get("opposable") and act.qualificatif in "AB":
        w.fault(
            "TARIF_OPPOSABLE",
            where,
            f"{act.code} se cote au tarif opposable, sans dépassement.",
            "avec dépassement, cotez " + str(tarif.data.get("avec_depassement", "un autre acte")),
        )


def order(w: Work, seance: Seance) -> None:
    """Principal act, then displacement, then IK: another order is refused by the funds (F909, F90D) [SEC maieutic]."""
    highest = 0
    for draft in seance.drafts:
        rank = ORDER[draft.genre]
        if rank < highest and rank == 0:
            w.fault(
                "ORDRE_ACTES",
                f"acts[{draft.act}]",
                f"{draft.code} vient après un déplacement ou une indemnité kilométrique.",
                "mettez l'acte principal d'abord, puis le déplacement, puis les kilomètres",
            )
            return
        if rank and seance.principal is None:
            w.fault(
                "MAJORATION_SEULE",
                f"acts[{draft.act}].code",
                f"{draft.code} ne se cote pas sans acte principal.",
                _same_hour(w, seance) or "ajoutez l'acte principal",
            )
            return
        highest = max(highest, rank if rank >= ORDER["deplacement"] else 0)


def _same_hour(w: Work, seance: Seance) -> str:
    """What to do when the principal act stands in another séance of that day; "" when there is none."""
    for act in w.bill.acts:
        if (act.date or w.bill.created) == seance.day and act.heure != seance.heure:
            hour = seance.heure or act.heure
            return f"donnez la même heure à l'acte et à ce qui l'accompagne : « {act.code} à {hour} »"
    return ""


def incompatible(w: Work, seance: Seance) -> None:
    """Codes that may not stand together in one séance (incompatibles.toml)."""
    present = seance.codes
    if len(present) < 2:
        return
    known = w.tables.incompatibles_de
    for place in sorted({n for code in present if code in known for n in known[code]}):
        row, _, b = w.tables.incompatibles[place]
        if b.isdisjoint(present) or not row.on(seance.day):
            continue
        if w.profession not in row.data.get("professions", (w.profession,)):
            continue
        left = next(c for c in row.data["a"] if c in present)
        right = next(c for c in row.data["b"] if c in present)
        w.fault(
            "ACTES_INCOMPATIBLES",
            f"acts[{next(d.act for d in reversed(seance.drafts) if d.code == right)}].code",
            f"{left} et {right} : {row.data['texte']}.",
            f"retirez {left} ou {right}",
            rule=row.data["regle"],
        )
        w.trace(row.data["regle"], row.data["texte"], (row.id,))
