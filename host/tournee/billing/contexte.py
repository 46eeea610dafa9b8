"""Who, why and how: the questions about the patient, the nature of insurance and the parcours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tournee.billing import modes, saisie
from tournee.billing.dates import age, fr, months_before
from tournee.billing.manques import missing
from tournee.billing.model import Mode, Origin
from tournee.billing.result import Choice
from tournee.billing.rights import Beneficiaire, covers
from tournee.billing.tables import Row
from tournee.billing.work import Work

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
    at_feuillet: bool = False
    at_organisme: str = ""
    maternite_date: date | None = None
    maternite_examen: bool = False
    exoneration: str = ""
    alsace_moselle: bool = False
    c2s: bool = False
    code_ald: str = ""
    code_situation: str = ""
    parcours: str = ""
    parcours_statut: int = 0
    parcours_declaration: bool | None = None
    parcours_nom: str = ""
    parcours_prenom: str = ""
    parcours_installation: date | None = None
    tiers_payant: str | None = None
    amc_numero: str = ""
    amc_adherent: str = ""
    amc_gestion: str = ""
    dre: bool = False
    prescripteur: str = ""
    prescription_date: date | None = None
    prescription_origine: str = ""

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
    periodes = w.person.periodes_amo
    for day in w.days() if periodes else ():
        if not covers(periodes, day):
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
        if (person := w.rights.person(wanted)) is not None:
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
    s.mode = modes.mode(w)
    s.nature = str(w.ask("nature_assurance"))
    if s.nature == "maternite":
        s.maternite_date = iso(w.ask("maternite_date"))
        if s.maternite_date is not None and not _maternite_100(w, s, w.day):
            s.maternite_examen = bool(w.ask("maternite_examen"))
    elif s.nature == "at":
        _accident_travail(w, s)
    elif s.nature == "smg":
        missing(w, "answers.nature_assurance", "smg")
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
        missing(w, "answers.exoneration", "fns")
    s.alsace_moselle = bool(w.ask("alsace_moselle"))
    _from_rights(w, s)


def _accident_travail(w: Work, s: Situation) -> None:
    """Date, then number or sheet of the accident, and the organism that covers it [IMPL JFSE §3.3; group 103]."""
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
    s.at_feuillet = w.ask("at_feuillet") is True
    if not s.at_numero and not s.at_feuillet:
        w.inform(
            "AT_SANS_REFERENCE",
            "Ni numéro d'accident ni feuille d'accident : la caisse peut demander la preuve de l'accident du travail.",
            kind="warning",
        )
    known = [Choice(code, f"{code} · {name}" if name else code) for name, code, _ in w.rights.at_organismes if code]
    if known:
        s.at_organisme = str(w.ask("at_organisme", choices=known, default=known[0].value))


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
    for row in _indicateurs(w, person):
        s.c2s = s.c2s or bool(row.data.get("c2s"))
        if row.data.get("sortie"):
            w.inform("C2S_SORTIE", "La carte Vitale dit que le patient sort de la C2S : vérifiez ses droits (ADRi).")
    if s.c2s:
        w.trace("C2S", "Complémentaire santé solidaire ouverte à la date des soins (carte Vitale).")


def _indicateurs(w: Work, person: Beneficiaire) -> Iterator[Row]:
    """What the card says of the complementary part on the first care date (indicateurs.toml)."""
    amc, mutuelle = person.amc, person.mutuelle
    found = [("service_amo", person.service_amo)] if person.service_amo_periode.contains(w.day) else []
    if amc is not None and amc.periode.contains(w.day):
        found.append(("amc", amc.indicateur_traitement))
    if mutuelle is not None and covers(mutuelle.periodes, w.day):
        found.append(("mutuelle", mutuelle.indicateur_traitement))
    return (row for key in found if (row := w.tables.indicateurs.get(key)) is not None)


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
    if chosen.get("declare"):
        s.parcours_declaration = True
    elif chosen.get("declaration"):
        declared = w.ask("parcours_declaration")
        s.parcours_declaration = declared if isinstance(declared, bool) else None
    if chosen.get("orienteur"):
        s.parcours_nom = str(w.ask("parcours_nom") or "")
        s.parcours_prenom = str(w.ask("parcours_prenom") or "")
    if chosen.get("date_installation"):
        installed = s.parcours_installation = iso(w.ask("parcours_installation"))
        if installed is not None and installed > w.day:
            w.fault(
                "DATE_IMPOSSIBLE",
                "answers.parcours_installation",
                "L'installation du médecin est après les soins.",
                "corrigez la date d'installation",
            )
    verdict = "dans" if s.parcours_statut == 1 else "hors"
    w.trace("PARCOURS", f"Indicateur {value} ({chosen['libelle']}) : {verdict} le parcours de soins.")
