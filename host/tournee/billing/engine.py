"""`evaluate`: bill + rights + today → what to ask, what is wrong, what it costs, and why. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tournee.billing import contexte, maxima, paiement, partage, seance
from tournee.billing.dates import add_jours_ouvres, fr
from tournee.billing.errors import BillNotValid, TableError
from tournee.billing.identifiants import facturation_valide
from tournee.billing.manques import missing
from tournee.billing.model import Bill, Origin
from tournee.billing.money import coefficient, euros
from tournee.billing.result import ClockDate, Contexte, Evaluation, Line, Status, Trace
from tournee.billing.rights import Rights
from tournee.billing.tables import tables
from tournee.billing.work import Work


def evaluate(bill: Bill, rights: Rights, *, today: date) -> Evaluation:
    """Status, open questions, errors, priced lines, split, trace, informations, clocks. Each line is priced by the tables
    of its own care date; `today` feeds clocks and warnings only. Never raises on a bill that could be built.
    """
    w = Work(bill, rights, today, tables())
    s = contexte.Situation()
    found: tuple[Line, ...] = ()
    try:
        if _practitioner(w):
            w.day = w.days()[0]
            _remplacant(w)
            contexte.patient(w)
            contexte.nature(w, s)
            drafts = seance.drafts(w, s)
            contexte.parcours(w, s)
            maxima.check(w, drafts)
            paiement.paiement(w, s)
            found = partage.lines(w, s, drafts)
            _informations(w, s, found)
    except TableError as exc:
        w.fault("TABLE", "acts", exc.what, exc.remedy)
    _without_object(w)
    status: Status = "valid"
    if w.faults:
        status = "invalid"
    elif any(q.required for q in w.questions):
        status = "incomplete"
    return Evaluation(
        status=status,
        questions=tuple(w.questions),
        errors=tuple(w.faults),
        lines=found,
        totals=partage.totals(found, s.tiers_payant),
        trace=tuple(w.traces),
        informations=tuple(w.informations),
        clocks=_clocks(w, s) if found else (),
        contexte=_contexte(w, s),
        view="advanced" if w.advanced else "simple",
    )


def require_valid(bill: Bill, rights: Rights, *, today: date) -> Evaluation:
    """The evaluation of a bill that may be signed; raises BillNotValid naming the first thing to do."""
    result = evaluate(bill, rights, today=today)
    if result.errors:
        first = result.errors[0]
        remedy = first.remedy[:1].upper() + first.remedy[1:].rstrip(".") + "."
        raise BillNotValid(f"La facture n'est pas valide : {first.text}", remedy)
    if question := result.next_question:
        raise BillNotValid(f"La facture est incomplète : « {question.text} »", "Répondez à cette question.")
    return result


def why(evaluation: Evaluation, line: int) -> Sequence[Trace]:
    """The decisions behind one line (and those of the whole bill), in order."""
    return [t for t in evaluation.trace if t.line is None or t.line == line]


def row(row_id: str) -> Mapping[str, Any]:
    """A row of the tables by the id that a trace names: values, dates, source, confidence. KeyError if unknown."""
    found = tables().rows[row_id]
    return {
        **found.data,
        "id": found.id,
        "valid_from": found.valid_from,
        "valid_to": None if found.valid_to == date.max else found.valid_to,
        "source": found.source,
        "confidence": found.confidence,
    }


def row_text(row_id: str) -> str:
    """The row in French, for a person who asks why: what it says, since when, who says so. KeyError if unknown."""
    found = row(row_id)
    said = [str(found[key]) for key in ("code", "libelle", "texte", "gestion") if key in found]
    said += [f"coefficient {coefficient(found['c'])}"] if "c" in found else []
    said += [euros(found["cents"])] if "cents" in found else []
    said += [f"{found['taux']} %"] if "taux" in found else []
    said += [f"{found['valeur']} {found['unite']}"] if "valeur" in found else []
    since = "" if found["valid_from"] == date.min else f", depuis le {fr(found['valid_from'])}"
    until = "" if found["valid_to"] is None else f" jusqu'au {fr(found['valid_to'])}"
    sure = {"H": "sûre", "M": "une source secondaire", "L": "à vérifier"}[found["confidence"]]
    return f"{' · '.join(said)}{since}{until} ; source : {found['source']} ({sure})"


def _practitioner(w: Work) -> bool:
    situation = w.bill.situation
    known = w.tables.professions.get(situation.specialite)
    if known is None:
        w.fault(
            "SPECIALITE_INCONNUE",
            "situation.specialite",
            f"Spécialité « {situation.specialite} » non gérée.",
            "choisissez une autre situation de facturation (tournee init)",
        )
        return False
    zone = w.tables.zones.get(situation.zone_tarifaire)
    if zone is None:
        w.fault(
            "ZONE_INCONNUE",
            "situation.zone_tarifaire",
            f"Zone tarifaire « {situation.zone_tarifaire} » inconnue.",
            "choisissez une autre situation de facturation (tournee init)",
        )
        return False
    w.profession, w.categorie, w.zone = str(known["profession"]), str(known["categorie"]), zone
    if situation.code_conventionnel == "0":
        missing(w, "situation.code_conventionnel", "tarif-autorite")
        return False
    return True


def _remplacant(w: Work) -> None:
    """Who replaces another bills in the other's name and is named as the one who did the acts [IMPL MDT group 2; SV-SIM]."""
    situation = w.bill.situation
    if not situation.remplacant:
        return
    if facturation_valide(situation.numero_remplace + situation.cle_remplace):
        w.trace(
            "REMPLACANT", "Situation de remplaçant : facture au nom du titulaire, actes exécutés par le remplaçant."
        )
        return
    w.fault(
        "REMPLACANT",
        "situation.numero_remplace",
        "Votre situation de remplaçant n'a pas de numéro valide.",
        "choisissez une autre situation de facturation (tournee init), ou faites mettre à jour votre CPS",
    )


def _informations(w: Work, s: contexte.Situation, found: tuple[Line, ...]) -> None:
    """Participation forfaitaire (doctors) and franchise (auxiliaries): told, taken back by the fund, never billed."""
    if w.age is None or w.age < 18 or s.c2s or not found:
        return
    acts = [x for x in found if x.base_cents and x.genre == "acte"]
    if not acts or (s.nature == "maternite" and any(contexte.exonere_maternite(w, s, x.date) for x in acts)):
        return
    nom, cap, label = (
        ("participation_forfaitaire", "participation_plafond_jour", "Participation forfaitaire")
        if w.categorie == "medecin"
        else ("franchise_paramedicale", "franchise_plafond_jour", "Franchise médicale")
    )
    if w.categorie == "sage_femme":
        return
    per_day: dict[date, int] = {}
    for x in acts:
        per_day[x.date] = per_day.get(x.date, 0) + x.quantite
    total = 0
    for day, count in per_day.items():
        due = (w.parametre(nom, day) or 0) * count
        limit = w.parametre(cap, day)
        total += due if limit is None else min(due, limit)
    if total:
        w.inform(
            nom.upper(), f"{label} de {euros(total)} : retenue par la caisse sur le remboursement du patient.", total
        )


def _clocks(w: Work, s: contexte.Situation) -> tuple[ClockDate, ...]:
    third = s.tiers_payant in ("amo", "amo_amc", "c2s")
    days = w.parametre("transmission_tiers_payant" if third else "transmission_sans_tiers_payant", w.today)
    if days is None:
        return ()
    last = w.days()[-1]
    due = add_jours_ouvres(last, days)
    return (ClockDate("TRANSMISSION", f"À transmettre avant le {fr(due)} ({days} jours ouvrés, CSS R.161-47).", due),)


def _without_object(w: Work) -> None:
    """Answers that nothing asks for (any more) and rules forced for nothing: kept in the bill, told, used again when they
    matter again. What was worked out and not answered (Origin.DEFAULT) is not told.
    """
    if w.faults:
        return
    for question_id, given in w.bill.answers.items():
        if question_id in w.stale or (question_id not in w.seen and given.origin is not Origin.DEFAULT):
            base = w.tables.questions.get(question_id.partition(".")[0])
            name = base.text if base is not None else question_id
            about = f" (donnée pour {given.acte.partition('#')[0]})" if question_id in w.stale else ""
            w.inform(
                "REPONSE_SANS_OBJET", f"Réponse sans objet pour cette facture : « {name} » [{question_id}]{about}."
            )
    for forced in w.bill.forced:
        if forced.rule_id not in w.forced:
            w.inform("FORCAGE_SANS_OBJET", f"Règle forcée sans objet pour cette facture : {forced.rule_id}.")


def _contexte(w: Work, s: contexte.Situation) -> Contexte:
    lieu, situation = w.bill.value("lieu"), w.bill.situation
    return Contexte(
        profession=w.profession,
        nature_assurance=s.nature or "",
        parcours=s.parcours,
        parcours_statut=s.parcours_statut,
        parcours_declaration=s.parcours_declaration,
        parcours_nom=s.parcours_nom,
        parcours_prenom=s.parcours_prenom,
        parcours_installation=s.parcours_installation,
        lieu=lieu if isinstance(lieu, str) else "",
        mode=s.mode,
        tiers_payant=s.tiers_payant or "",
        exoneration=s.exoneration,
        accident_tiers=s.accident_tiers,
        accident_date=s.accident_date,
        code_ald=s.code_ald,
        code_situation=s.code_situation,
        c2s=s.c2s,
        alsace_moselle=s.alsace_moselle,
        amc_numero=s.amc_numero,
        amc_adherent=s.amc_adherent,
        amc_gestion=s.amc_gestion,
        dre=s.dre,
        type_contrat="99" if s.amc_gestion == "oct" else "",
        date_maternite=s.maternite_date,
        date_at=s.at_date,
        numero_at=s.at_numero,
        feuillet_at=s.at_feuillet,
        organisme_at=s.at_organisme,
        prescripteur=s.prescripteur,
        prescription_date=s.prescription_date,
        prescription_origine=s.prescription_origine,
        remplacant=situation.remplacant,
        executant=situation.numero_remplace + situation.cle_remplace if situation.remplacant else "",
    )
