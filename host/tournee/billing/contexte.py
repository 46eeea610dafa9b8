"""Who, why and how: the questions about the patient, the nature of insurance and the parcours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tournee.billing import saisie
from tournee.billing.dates import age, fr, months_before
from tournee.billing.model import Mode, Origin
from tournee.billing.result import Choice
from tournee.billing.rights import Beneficiaire
from tournee.billing.work import Work

_C2S_INDICATEURS = frozenset({"60", "61", "62", "63"})  # group 109 field 4 [IMPL MDT]
_C2S_MUTUELLE = "62"  # group 107 field 3 [IMPL MDT]
_C2S_SERVICE_AMO = "01"  # [IMPL MDT]
_DROITS = "droits_ouverts"


@dataclass(slots=True)
class Situation:
    """The context as far as it is known; None = not answered yet."""

    mode: str = Mode.SECURISE
    nature: str | None = None
    accident_tiers: bool | None = None
    accident_date: date | None = None
    at_date: date | None = None
    at_numero: str = ""
    maternite_date: date | None = None
    maternite_examen: bool = False
    exoneration: str = ""
    alsace_moselle: bool = False
    c2s: bool = False
    code_ald: str = ""
    code_situation: str = ""
    parcours: str = ""
    parcours_statut: int = 0
    tiers_payant: str | None = None
    amc_numero: str = ""
    amc_adherent: str = ""
    amc_gestion: str = ""
    prescripteur: str = ""
    prescription_date: date | None = None

    def maternite_100(self, day: date, months: int, days_after: int) -> bool:
        """Full cover: from four months before the expected birth (first day of the 6th month) to twelve days after it."""
        due = self.maternite_date
        return due is not None and months_before(due, months) <= day <= due + timedelta(days=days_after)


def iso(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def patient(w: Work) -> None:
    """Sets `w.person` and `w.age`; checks that the rights are open on every care date. Without a card the rights are asked."""
    people = w.rights.beneficiaires
    if w.rights.origin is Origin.TYPED:
        w.seen.update(saisie.QUESTIONS)
    w.person = _chosen(w, people) if people else saisie.patient(w)
    if w.person is None:
        return
    w.age = age(w.person.identite.naissance, w.day)
    for day in sorted({a.date or w.bill.created for a in w.bill.acts}) or [w.day]:
        periodes = w.person.periodes_amo
        if periodes and not any(p.contains(day) for p in periodes):
            w.fault(
                "DROITS_FERMES",
                "rights.beneficiaires.periodes_amo",
                f"Les droits à l'assurance maladie ne sont pas ouverts au {fr(day)}.",
                "faites mettre à jour la carte Vitale ou consultez les droits en ligne (ADRi)",
                rule=_DROITS,
            )
    end = w.rights.fin_validite
    if end is not None and w.day > end:
        w.fault(
            "CARTE_PERIMEE",
            "rights.fin_validite",
            f"La carte Vitale n'est plus valide depuis le {fr(end)}.",
            "passez en mode dégradé ou demandez une nouvelle carte",
            rule="carte_valide",
        )


def _chosen(w: Work, people: Sequence[Beneficiaire]) -> Beneficiaire | None:
    w.seen.add("beneficiaire")
    wanted = w.bill.beneficiaire
    if wanted is not None:
        for person in people:
            i = person.identite
            if (i.naissance, i.rang, i.prenom, i.nir_assure) == (
                wanted.naissance,
                wanted.rang,
                wanted.prenom,
                wanted.nir_assure,
            ):
                return person
        w.fault(
            "BENEFICIAIRE_ABSENT",
            "beneficiaire",
            "Le bénéficiaire de la facture n'est pas sur cette carte Vitale.",
            "insérez la carte du patient ou choisissez un bénéficiaire de la carte",
        )
        return None
    if len(people) == 1:
        return people[0]
    choices = [Choice(str(n + 1), _label(p)) for n, p in enumerate(people)]
    value = w.ask("beneficiaire", choices=choices)
    return people[int(value) - 1] if isinstance(value, str) else None


def _label(person: Beneficiaire) -> str:
    i = person.identite
    born = f"{i.naissance[6:8]}/{i.naissance[4:6]}/{i.naissance[:4]}" if len(i.naissance) >= 8 else "?"
    twin = f", rang {i.rang}" if i.rang not in ("", "1") else ""
    return f"{i.prenom} {i.nom}, {born}{twin}"


def nature(w: Work, s: Situation) -> None:
    """Securing mode, nature of insurance, accident, exonerations."""
    s.mode = str(w.ask("mode", default=_mode_by_rights(w)))
    _mode(w, s)
    s.nature = str(w.ask("nature_assurance"))
    if s.nature == "maternite":
        s.maternite_date = iso(w.ask("maternite_date"))
        if s.maternite_date is not None and not _maternite_100(w, s, w.day):
            s.maternite_examen = bool(w.ask("maternite_examen"))
    elif s.nature == "at":
        s.at_date = iso(w.ask("at_date"))
        s.at_numero = str(w.ask("at_numero") or "")
        if s.at_numero and not (s.at_numero.isascii() and s.at_numero.isdigit() and len(s.at_numero) <= 9):
            w.fault(
                "NUMERO_AT",
                "answers.at_numero",
                "Le numéro d'accident du travail a 9 chiffres au plus.",
                "recopiez-le depuis la feuille d'accident",
            )
        if s.at_date is not None and s.at_date > w.day:
            w.fault(
                "DATE_IMPOSSIBLE",
                "answers.at_date",
                f"L'accident du travail ({fr(s.at_date)}) est après les soins ({fr(w.day)}).",
                "corrigez la date de l'accident ou celle des soins",
            )
    elif s.nature == "smg":
        missing(w, "answers.nature_assurance", "les soins médicaux gratuits (prise en charge, taux)")
    tiers = w.ask("accident_tiers")
    s.accident_tiers = tiers if isinstance(tiers, bool) else None
    if s.accident_tiers:
        s.accident_date = iso(w.ask("accident_date"))
        if s.accident_date is not None and s.accident_date > w.day:
            w.fault(
                "DATE_IMPOSSIBLE",
                "answers.accident_date",
                f"L'accident ({fr(s.accident_date)}) est après les soins ({fr(w.day)}).",
                "corrigez la date de l'accident ou celle des soins",
            )
    s.exoneration = str(w.ask("exoneration") or "")
    if s.exoneration == "9":
        missing(w, "answers.exoneration", "le taux du fonds national de solidarité")
    s.alsace_moselle = bool(w.ask("alsace_moselle"))
    _from_rights(w, s)


def _mode(w: Work, s: Situation) -> None:
    """A secured or desynchronised invoice needs a Vitale that was read [IMPL JFSE, §3.1]; the others say what must follow."""
    if s.mode in (Mode.SECURISE, Mode.VISITE, Mode.DESYNCHRONISE) and not _read(w):
        w.fault(
            "MODE_SANS_CARTE",
            "answers.mode",
            "Ce mode demande une carte Vitale lue.",
            "insérez la carte Vitale, ou choisissez le mode dégradé ou SESAM sans Vitale",
        )
    elif s.mode == Mode.DEGRADE:
        w.inform(
            "A_FOURNIR",
            "Facture dégradée : imprimez la feuille de soins, faites-la signer par l'assuré et envoyez-la à la caisse "
            "(papier ou SCOR) ; sans elle la facture n'est pas payée.",
        )
    elif s.mode == Mode.DESYNCHRONISE:
        w.inform(
            "A_FOURNIR", "Facture désynchronisée : la signature de la carte Vitale reste à faire ou a été faite à part."
        )


def _mode_by_rights(w: Work) -> str:
    return Mode.SECURISE if _read(w) else Mode.DEGRADE


def _read(w: Work) -> bool:
    return w.rights.origin is Origin.CARD and bool(w.rights.beneficiaires)


def _maternite_100(w: Work, s: Situation, day: date) -> bool:
    months, after = w.parametre("maternite_mois_avant", day), w.parametre("maternite_jours_apres", day)
    return months is not None and after is not None and s.maternite_100(day, months, after)


def exonere_maternite(w: Work, s: Situation, day: date) -> bool:
    """True when the line of that day is covered in full by maternity insurance."""
    return s.nature == "maternite" and (s.maternite_examen or _maternite_100(w, s, day))


def _from_rights(w: Work, s: Situation) -> None:
    person = w.person
    if person is None:
        return
    for couverture in person.couvertures:
        if couverture.periode.contains(w.day):
            s.code_ald, s.code_situation = couverture.code_ald.strip("0"), couverture.code_situation
            break
    amc, mutuelle = person.amc, person.mutuelle
    s.c2s = (
        (person.service_amo == _C2S_SERVICE_AMO and person.service_amo_periode.contains(w.day))
        or (amc is not None and amc.indicateur_traitement in _C2S_INDICATEURS and amc.periode.contains(w.day))
        or (
            mutuelle is not None
            and mutuelle.indicateur_traitement == _C2S_MUTUELLE
            and any(p.contains(w.day) for p in mutuelle.periodes)
        )
    )
    if s.c2s:
        w.trace("C2S", "Complémentaire santé solidaire ouverte à la date des soins (carte Vitale).")


def missing(w: Work, path: str, what: str) -> None:
    """A rule or amount without a citable public source: the bill says so and stops there (docs/FIDELITY.md)."""
    w.fault(
        "REGLE_SANS_SOURCE",
        path,
        f"Tournée ne connaît pas de source publique pour {what}.",
        "facturez cet acte avec un autre logiciel ou une feuille de soins papier",
    )


def parcours(w: Work, s: Situation) -> None:
    """Doctors only, from 16 years on, sickness and maternity [service-public F10874; IMPL JFSE §3.4]."""
    limit = w.parametre("age_parcours", w.day)
    if w.categorie != "medecin" or s.nature not in ("maladie", "maternite"):
        return
    if w.age is not None and limit is not None and w.age < limit:
        w.trace("PARCOURS_AGE", f"Moins de {limit} ans : le parcours de soins ne joue pas.")
        return
    table = w.tables.parcours
    value = w.ask("parcours", choices=w.tables.parcours_choices)
    if not isinstance(value, str):
        return
    s.parcours, chosen = value, table[value]
    s.parcours_statut = int(chosen["statut"])
    if chosen.get("declaration"):
        w.ask("parcours_declaration")
    if chosen.get("orienteur"):
        w.ask("parcours_nom")
        w.ask("parcours_prenom")
    if chosen.get("date_installation"):
        installed = iso(w.ask("parcours_installation"))
        if installed is not None and installed > w.day:
            w.fault(
                "DATE_IMPOSSIBLE",
                "answers.parcours_installation",
                "L'installation du médecin est après les soins.",
                "corrigez la date d'installation",
            )
    verdict = "dans" if s.parcours_statut == 1 else "hors"
    w.trace("PARCOURS", f"Indicateur {value} ({chosen['libelle']}) : {verdict} le parcours de soins.")
