"""Acts → priced drafts: what each act is worth on its care date, and whether it may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache

from tournee.billing import auxiliaires, controles, medecin, sage_femme
from tournee.billing.contexte import Situation
from tournee.billing.dates import age, fr
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
        controles.order(w, seance)
        if seance.principal is not None:
            _COMPLETE[w.categorie](w, s, seance)
        controles.incompatible(w, seance)
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
        key = (day, act.heure)
        if key not in by_key:
            by_key[key] = Seance(day, act.heure, lieu)
        by_key[key].acts.append((index, act))
    return [by_key[key] for key in sorted(by_key)]


def _draft(w: Work, s: Situation, seance: Seance, index: int, act: Act) -> Draft | None:
    path, day = f"acts[{index}]", seance.day
    if not controles.date_ok(w, path, day) or not controles.shape_ok(w, path, act):
        return None
    tarif = w.tarif(act.code, day)
    if tarif is None:
        controles.no_tarif(w, path, act.code, day)
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
    controles.check(w, s, seance, tarif, lieu, act, path)
    return draft


@lru_cache(maxsize=4096)
def _explain(tarif: Tarif, coef: int, quantite: int) -> str:
    until = "" if tarif.row.valid_to == date.max else f" jusqu'au {fr(tarif.row.valid_to)}"
    text = f"{tarif.code} vaut {euros(tarif.cents)} depuis le {fr(tarif.row.valid_from)}{until}"
    if coef != 100:
        rounded = ROUNDED if tarif.cents * coef % 100 else ""
        text += f" ; {euros(tarif.cents)} × {coefficient(coef)} = {euros(times(tarif.cents, coef))}{rounded}"
    if quantite != 1:
        text += f" ; × {quantite} = {euros(times(tarif.cents, coef) * quantite)}"
    return text + f" (source : {tarif.row.source})"
