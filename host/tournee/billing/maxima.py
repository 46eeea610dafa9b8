"""How often an act may be billed (data/maxima.toml): told on each bill, checked against what came before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tournee.billing.dates import fr
from tournee.billing.tables import Row
from tournee.billing.work import Draft, Work


def check(w: Work, drafts: Sequence[Draft]) -> None:
    """A fault at the first act beyond its maximum: those of this bill, and the earlier ones that `deja.<key>` says."""
    known = w.tables.maxima
    seen: set[str] = set()
    for draft in drafts:
        code = draft.code
        if code in seen or (w.profession, code) not in known:
            continue
        seen.add(code)
        for row in known[w.profession, code]:
            refs = row.data.get("refs")
            mine = [d for d in drafts if d.code == code and (refs is None or d.reference in refs)]
            if mine:
                _one(w, row, mine)


def key(row: Row) -> str:
    """What follows "deja." in the id of its question: VL, POD-prevention."""
    return "-".join((row.data["code"], *row.data.get("refs", ())))


def _one(w: Work, row: Row, mine: Sequence[Draft]) -> None:
    most, span = int(row.data["nombre"]), timedelta(days=int(row.data["jours"]))
    w.inform("MAXIMUM", f"{mine[0].code} : {row.data['texte']}.")
    who = "à ce patient" if row.data["par"] == "patient" else "à tous vos patients"
    text = f"{mine[0].code} ({mine[0].libelle}) : déjà facturé {who}, dans les {span.days} jours avant le {fr(w.day)}"
    before = w.ask("deja", suffix=f".{key(row)}", text=text)
    past = before if isinstance(before, int) else 0
    for draft in mine:
        within = sum(d.quantite for d in mine if draft.date - span < d.date <= draft.date)
        if past * (draft.date - span < w.day) + within > most:
            w.fault(
                "MAXIMUM_LEGAL",
                f"acts[{draft.act}].code",
                f"{draft.code} : {row.data['texte']}.",
                "retirez cet acte, ou corrigez le nombre déjà facturé",
            )
            w.trace("MAXIMUM_LEGAL", str(row.data["texte"]), (row.id,))
            return
