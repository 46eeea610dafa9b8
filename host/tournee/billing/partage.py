"""Who pays what: rate of each line, part AMO (half up), part AMC, the patient's rest."""

from __future__ import annotations

from datetime import date

from tournee.billing.contexte import Situation, exonere_maternite
from tournee.billing.manques import missing
from tournee.billing.money import ROUNDED, euros, part
from tournee.billing.result import Line, Totals, Trace
from tournee.billing.tables import Row
from tournee.billing.work import Draft, Work


def lines(w: Work, s: Situation, drafts: list[Draft]) -> tuple[Line, ...]:
    """The priced lines with their traces (rule TARIF or the rule that added the line, then TAUX, then REPARTITION)."""
    ald = _ald(w, s, drafts)
    found: list[Line] = []
    for draft in drafts:
        situation, because, exoneration = _situation(w, s, draft, ald.get(draft.act))
        row = w.tables.taux_de(w.categorie, situation, draft.date) if situation else None
        if row is None:
            continue
        found.append(_line(w, s, draft, w.used(row), because, exoneration, len(found)))
    return tuple(found)


def _ald(w: Work, s: Situation, drafts: list[Draft]) -> dict[int, bool]:
    """Related to the ALD or not, act by act; only asked when the card has an ALD that day. What goes with an act (majoration,
    displacement, kilometres) goes with the first act of its séance, typed or added by the rules alike.
    """
    related: dict[int, bool] = {}
    person = w.person
    if s.nature != "maladie" or person is None:
        return related
    spans = [c.periode for c in person.couvertures if c.code_ald.strip("0")]
    if not spans:
        return related
    first: dict[tuple[date, str], bool] = {}
    for draft in drafts:
        seance = (draft.date, w.bill.acts[draft.act].heure)
        if draft.act in related or not any(span.contains(draft.date) for span in spans):
            continue
        if draft.genre == "acte":
            text = f"{w.tables.questions['ald'].text[:-2]} ? ({draft.code} · {draft.libelle})"
            related[draft.act] = w.ask("ald", suffix=f".{draft.act}", text=text.replace("  ", " ")) is True
            first.setdefault(seance, related[draft.act])
        else:
            related[draft.act] = first.get(seance, False)
    return related


def _situation(w: Work, s: Situation, draft: Draft, ald: bool | None) -> tuple[str, str, str]:
    """(key of taux.toml, sentence, exoneration code of the line); key "" after a fault."""
    outside = s.parcours_statut == 2
    if s.nature == "at":
        return "at_mp", "accident du travail ou maladie professionnelle", ""
    if exonere_maternite(w, s, draft.date):
        return "maternite", "maternité prise en charge à 100 %", ""
    if draft.exonere:
        return "exonere", f"{draft.code} est un acte exonéré du ticket modérateur", "3"
    if ald:
        if outside:
            missing(w, "answers.parcours", "ald-hors-parcours")
            return "", "", ""
        return "ald", "soins en rapport avec l'ALD", "4"
    if s.exoneration in ("3", "5", "7"):
        return "exonere", "exonération particulière du ticket modérateur", s.exoneration
    if s.alsace_moselle:
        if outside:
            missing(w, "answers.parcours", "alsace-hors-parcours")
            return "", "", ""
        return "alsace_moselle", "régime local d'Alsace-Moselle", ""
    if outside:
        return "hors_parcours", "hors du parcours de soins", ""
    return "parcours", "taux ordinaire", ""


def _line(w: Work, s: Situation, d: Draft, taux_row: Row, because: str, exoneration: str, index: int) -> Line:
    taux = int(taux_row.data["taux"])
    base = 0 if d.qualificatif in ("G", "N") else d.base_cents
    if d.qualificatif == "F":
        base = 0
    montant = 0 if d.qualificatif == "G" else d.base_cents + d.depassement_cents
    amo = part(base, taux)
    amc, limit = _amc(w, s, d, base, amo)
    w.traces.append(Trace(d.regle, d.rows, d.explain, index))
    rounded = ROUNDED if base * taux % 100 else ""
    w.traces.append(
        Trace("TAUX", (taux_row.id,), f"{taux} % ({because}) : {euros(base)} × {taux} % = {euros(amo)}{rounded}", index)
    )
    if amc:
        w.traces.append(Trace("AMC", limit, f"Ticket modérateur de {euros(amc)} à la complémentaire", index))
    if rest := (base - amo - amc if limit else 0):
        text = f"Hors parcours, la majoration du ticket modérateur ({euros(rest)}) reste au patient (contrats responsables)"
        w.traces.append(Trace("CONTRAT_RESPONSABLE", limit, text, index))
    return Line(
        code=d.code,
        libelle=d.libelle,
        date=d.date,
        quantite=d.quantite,
        coefficient_centiemes=d.coefficient,
        pu_cents=d.pu_cents,
        montant_cents=montant,
        base_cents=base,
        taux=taux,
        amo_cents=amo,
        amc_cents=amc,
        patient_cents=montant - amo - amc,
        depassement_cents=d.depassement_cents if montant else 0,
        majoration_cents=d.majoration_cents,
        qualificatif=d.qualificatif,
        complement=d.complement,
        exoneration=exoneration,
        act=d.act,
        reference=d.reference,
        genre=d.genre,
    )


def _amc(w: Work, s: Situation, d: Draft, base: int, amo: int) -> tuple[int, tuple[str, ...]]:
    """Part of the complementary fund in cents, and the row that limits it: outside the parcours it pays the ordinary rest only."""
    if s.tiers_payant not in ("amo_amc", "c2s"):
        return 0, ()
    if s.tiers_payant == "amo_amc" and s.parcours_statut == 2 and w.parametre("contrat_responsable", d.date):
        limit = w.tables.parametre("contrat_responsable", d.date)
        ordinary = w.tables.taux_de(w.categorie, "parcours", d.date)
        if limit is not None and ordinary is not None:
            return min(base - amo, base - part(base, int(ordinary.data["taux"]))), (limit.id,)
    return base - amo, ()


def totals(found: tuple[Line, ...], tiers_payant: str | None) -> Totals:
    montant = base = amo = amc = patient = depassement = 0
    for x in found:
        montant += x.montant_cents
        base += x.base_cents
        amo += x.amo_cents
        amc += x.amc_cents
        patient += x.patient_cents
        depassement += x.depassement_cents
    taken = amo + amc if tiers_payant in ("amo_amc", "c2s") else amo if tiers_payant == "amo" else 0
    return Totals(montant, base, amo, amc, patient, depassement, montant - taken)
