"""Acts → priced drafts: what each act is worth on its care date, and whether it may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from tournee.billing import auxiliaires, medecin, sage_femme
from tournee.billing.contexte import Situation
from tournee.billing.dates import age, compact, fr, minutes
from tournee.billing.manques import missing
from tournee.billing.model import Act
from tournee.billing.money import ROUNDED, coefficient, euros, times
from tournee.billing.nomenclature import acte_de_lettre
from tournee.billing.result import Choice
from tournee.billing.session import ORDER, Seance
from tournee.billing.tables import Tarif
from tournee.billing.work import Draft, Work

_COMPLETE: Mapping[str, Callable[[Work, Situation, Seance], None]] = {
    "medecin": medecin.complete,
    "sage_femme": sage_femme.complete,
    "auxiliaire": auxiliaires.complete,
}


def drafts(w: Work, s: Situation) -> list[Draft]:
    """The drafts of the whole bill, in the order of the sheet: principal acts, their majorations, displacement, IK."""
    lieu = str(w.ask("lieu"))
    w.seen.add("actes")
    if not w.bill.acts:
        w.ask("actes", choices=list(_choices(w, lieu)))
        return []
    found: list[Draft] = []
    first = w.age
    for seance in _seances(w, lieu):
        w.age = _age(w, seance.day)
        for index, act in seance.acts:
            if (draft := _draft(w, s, seance, index, act)) is not None:
                seance.put(draft)
        if w.faults and any(f.path.startswith("acts[") for f in w.faults):
            found += seance.drafts
            continue  # what follows from a wrong act would only hide it
        _order(w, seance)
        if seance.principal is not None:
            _COMPLETE[w.categorie](w, s, seance)
        _incompatible(w, seance)
        found += sorted(seance.drafts, key=_rank)
    w.age = first
    return found


def _age(w: Work, day: date) -> int | None:
    """The patient's on the day of the séance: a birthday may fall between two of a series."""
    return w.age if w.person is None or day == w.day else age(w.person.identite.naissance, day)


def _rank(draft: Draft) -> int:
    return ORDER[draft.genre]


def _choices(w: Work, lieu: str) -> Iterator[Choice]:
    """The acts of the profession that fit place, age and agreement; a key letter stands once for each of its acts."""
    convention = w.bill.situation.code_conventionnel
    for t in w.tables.codes(w.profession, w.zone, w.day):
        low, high = t.data.get("age_min"), t.data.get("age_max")
        if t.genre not in ("acte", "lettre") or t.lieu not in ("", lieu):
            continue
        if convention not in t.data.get("conventions", (convention,)):
            continue
        if w.age is not None and ((low is not None and w.age < int(low)) or (high is not None and w.age >= int(high))):
            continue
        if t.genre == "acte":
            yield Choice(t.code, f"{t.code} · {t.libelle} · {euros(t.cents)}")
            continue
        for row in w.tables.actes_de(w.profession, t.code, w.day):
            if row.data.get("lieu", lieu) == lieu:
                coef, price = int(row.data["c"]), euros(times(t.cents, int(row.data["c"])))
                yield Choice(
                    f"{t.code}#{row.data['ref']}", f"{t.code} {coefficient(coef)} · {row.data['libelle']} · {price}"
                )


def _seances(w: Work, lieu: str) -> list[Seance]:
    by_key: dict[tuple[date, str], Seance] = {}
    for index, act in enumerate(w.bill.acts):
        day = act.date or w.bill.created
        seance = by_key.setdefault((day, act.heure), Seance(day, act.heure, lieu))
        seance.acts.append((index, act))
    return [by_key[key] for key in sorted(by_key)]


def _draft(w: Work, s: Situation, seance: Seance, index: int, act: Act) -> Draft | None:
    path, day = f"acts[{index}]", seance.day
    if not _date_ok(w, path, day) or not _shape_ok(w, path, act):
        return None
    tarif = w.tarif(act.code, day)
    if tarif is None:
        _no_tarif(w, path, act.code, day)
        return None
    coef, libelle, data = 100, tarif.libelle, tarif.data
    rows: tuple[str, ...] = (tarif.row.id,)
    if tarif.genre == "lettre":
        found = acte_de_lettre(w, act, index, day)
        if found is None:
            return None
        coef, libelle, rows, data = int(found.data["c"]), found.data["libelle"], (*rows, found.id), found.data
    draft = Draft(
        code=act.code,
        libelle=libelle,
        date=day,
        genre="acte" if tarif.genre == "lettre" else tarif.genre,
        act=index,
        pu_cents=tarif.cents,
        base_cents=times(tarif.cents, coef) * act.quantite,
        rows=rows,
        explain=_explain(tarif, coef, act.quantite),
        quantite=act.quantite,
        coefficient=coef,
        depassement_cents=act.depassement_cents,
        qualificatif=act.qualificatif,
        reference=data.get("ref", ""),
        exonere=bool(data.get("exonere")),
        familles=frozenset(data.get("familles", ())),
        sans_prescription=bool(data.get("sans_prescription")),
    )
    lieu = str(data.get("lieu", tarif.lieu))
    _check(w, s, seance, tarif, lieu, act, path)
    return draft


def _explain(tarif: Tarif, coef: int, quantite: int) -> str:
    until = "" if tarif.row.valid_to == date.max else f" jusqu'au {fr(tarif.row.valid_to)}"
    text = f"{tarif.code} vaut {euros(tarif.cents)} depuis le {fr(tarif.row.valid_from)}{until}"
    if coef != 100:
        rounded = ROUNDED if tarif.cents * coef % 100 else ""
        text += f" ; {euros(tarif.cents)} × {coefficient(coef)} = {euros(times(tarif.cents, coef))}{rounded}"
    if quantite != 1:
        text += f" ; × {quantite} = {euros(times(tarif.cents, coef) * quantite)}"
    return text + f" (source : {tarif.row.source})"


def _date_ok(w: Work, path: str, day: date) -> bool:
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


def _shape_ok(w: Work, path: str, act: Act) -> bool:
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


def _no_tarif(w: Work, path: str, code: str, day: date) -> None:
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


def _check(w: Work, s: Situation, seance: Seance, tarif: Tarif, lieu: str, act: Act, path: str) -> None:
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


def _order(w: Work, seance: Seance) -> None:
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
                "ajoutez l'acte principal",
            )
            return
        highest = max(highest, rank if rank >= ORDER["deplacement"] else 0)


def _incompatible(w: Work, seance: Seance) -> None:
    present = seance.codes
    if len(present) < 2:
        return
    for row, a, b in w.tables.incompatibles:
        if a.isdisjoint(present) or b.isdisjoint(present) or not row.on(seance.day):
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
