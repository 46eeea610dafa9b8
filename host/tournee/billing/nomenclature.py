"""Acts of a key letter: which coefficient belongs to which act, by care date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tournee.billing.dates import fr
from tournee.billing.manques import missing
from tournee.billing.model import Act
from tournee.billing.money import coefficient
from tournee.billing.result import Choice
from tournee.billing.tables import Row
from tournee.billing.work import Work


def acte_de_lettre(w: Work, act: Act, index: int, day: date) -> Row | None:
    """The act's row by its reference or its coefficient; asks when one coefficient has acts with different rules; None
    after a fault, or while that question is open.
    """
    path = f"acts[{index}].coefficient_centiemes"
    now = w.tables.actes_de(w.profession, act.code, day)
    if not now:
        missing(w, f"acts[{index}].code", "coefficients", code=act.code, jour=fr(day))
        return None
    coef = act.coefficient_centiemes
    if act.reference:
        named = [r for r in now if r.data["ref"] == act.reference]
        if not named or (coef is not None and coef != named[0].data["c"]):
            w.fault(
                "REFERENCE",
                f"acts[{index}].reference",
                f"« {act.reference} » n'est pas un acte {act.code} à ce coefficient au {fr(day)}.",
                "retirez la référence ou le coefficient",
            )
            return None
        return w.used(named[0])
    if coef is None:
        w.fault(
            "COEFFICIENT_ABSENT",
            path,
            f"{act.code} est une lettre-clé : il faut un coefficient.",
            f"écrivez par exemple « {act.code} {coefficient(int(now[0].data['c']))} » ({now[0].data['libelle']})",
        )
        return None
    candidates = [r for r in now if r.data["c"] == coef]
    if not candidates:
        w.fault(
            "COEFFICIENT_INCONNU", path, _unknown(act, w.tables.actes[w.profession, act.code], coef, day), _known(now)
        )
        return None
    if len({tuple(r.data.get("familles", ())) for r in candidates}) > 1:
        choices = [Choice(r.data["ref"], r.data["libelle"]) for r in candidates]
        text = f"{act.code} {coefficient(coef)} : de quel acte s'agit-il ?"
        value = w.ask("acte", suffix=f".{index}", choices=choices, text=text)
        return next((w.used(r) for r in candidates if r.data["ref"] == value), None)
    return w.used(candidates[0])


def _unknown(act: Act, every: tuple[Row, ...], coef: int, day: date) -> str:
    text = f"{act.code} {coefficient(coef)} n'existe pas au {fr(day)}"
    for row in every:
        if row.data["c"] == coef:
            if row.valid_from > day:
                return f"{text} : ce coefficient commence le {fr(row.valid_from)}."
            return f"{text} : ce coefficient a pris fin le {fr(row.valid_to)}."
    return text + "."


def _known(now: Sequence[Row]) -> str:
    values = sorted({int(r.data["c"]) for r in now})
    return "coefficients à cette date : " + " · ".join(coefficient(v) for v in values)
