"""The bench of one evaluation: what was asked, found wrong, decided. Mutable, lives for one call of `evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from tournee.billing.model import Act, Bill
from tournee.billing.result import Choice, Fault, Information, Question, Trace
from tournee.billing.rights import Beneficiaire, Rights
from tournee.billing.tables import Row, Tables, Tarif

Value = str | bool | int | None
_NO_CHOICE = "ce choix n'existe pas ici"


@dataclass(slots=True)
class Draft:
    """A line before the split; `tarif` is the row that priced it."""

    code: str
    libelle: str
    date: date
    genre: str
    act: int
    pu_cents: int
    base_cents: int
    rows: tuple[str, ...]
    explain: str
    quantite: int = 1
    coefficient: int = 100
    depassement_cents: int = 0
    qualificatif: str = ""
    complement: str = ""
    reference: str = ""
    exonere: bool = False
    majoration_cents: int = 0  # night or Sunday amount inside base_cents
    familles: frozenset[str] = frozenset()
    sans_prescription: bool = False
    regle: str = "TARIF"


@dataclass(slots=True)
class Work:
    """`seen` holds the ids of the questions that matter for this bill; an answer outside it has no object."""

    bill: Bill
    rights: Rights
    today: date
    tables: Tables
    profession: str = ""
    categorie: str = ""
    zone: str = ""
    day: date = date.min  # first care date
    person: Beneficiaire | None = None
    age: int | None = None
    questions: list[Question] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    informations: list[Information] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)  # a question stands on the list once
    warned: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)  # answers about an act that is not there any more
    forced: set[str] = field(default_factory=set)  # rules that were forced and needed it
    advanced: bool = False  # an answer opened the advanced view
    by_day: dict[date, list[tuple[int, Act]]] = field(default_factory=dict)
    km_jour: dict[date, int] = field(default_factory=dict)  # a nurse's kilometres so far, by day

    def acts_of(self, day: date) -> list[tuple[int, Act]]:
        """The acts of that care date with their numbers."""
        self.days()
        return self.by_day.get(day, [])

    def days(self) -> Sequence[date]:
        """The care dates, earliest first; while there is no act, the day of the bill."""
        if not self.by_day:
            for index, act in enumerate(self.bill.acts):
                self.by_day.setdefault(act.date or self.bill.created, []).append((index, act))
        return sorted(self.by_day) if len(self.by_day) > 1 else tuple(self.by_day) or (self.bill.created,)

    def ask(
        self,
        question_id: str,
        *,
        suffix: str = "",
        default: Value = None,
        choices: Sequence[Choice] | None = None,
        text: str = "",
        required: bool | None = None,
    ) -> Value:
        """The answer; while there is none, the question is put on the list and its default (or None) returned."""
        question = self.tables.questions[question_id]
        full = question_id + suffix
        first = full not in self.asked
        if first:
            self.asked.add(full)
            self.seen.add(full)
        given = self.bill.answers.get(full)
        if given is not None and given.acte and not self._same_act(suffix, given.acte):
            self.stale.add(full)
            given = None
        if given is not None:
            answered = given.value
            if question.ouvre and answered in question.ouvre:
                self.advanced = True
            if choices is None and question.type == "choice":
                problem = "" if answered in self.tables.values[question_id] else _NO_CHOICE
            else:
                problem = mismatch(question, answered, choices or ())
            if not problem:
                return answered
            if first:
                path = f"answers.{full}"
                self.fault("REPONSE_HORS_CHOIX", path, f"{question.text} : {problem}", "répondez à nouveau")
        allowed = question.choices if choices is None else choices
        standing = question.default if default is None else default
        if given is not None or not first:
            return standing
        if (
            suffix
            or text
            or allowed is not question.choices
            or standing is not question.default
            or required is not None
        ):
            question = Question(
                full,
                text or question.text,
                question.type,
                tuple(allowed),
                standing,
                question.why,
                question.group,
                question.view,
                question.prefill,
                question.required if required is None else required,
                question.ouvre,
            )
        self.questions.append(question)
        return standing

    def _same_act(self, suffix: str, acte: str) -> bool:
        """True when the act of that number is still the one that the answer was given for."""
        index = int(suffix[1:]) if suffix[1:].isdecimal() else -1
        return 0 <= index < len(self.bill.acts) and self.bill.acts[index].key == acte

    def fault(self, code: str, path: str, text: str, remedy: str, rule: str = "") -> None:
        """An error, unless the practitioner forced its rule with a reason."""
        if rule:
            for forced in self.bill.forced:
                if forced.rule_id == rule and forced.reason.strip():
                    self.forced.add(rule)
                    self.informations.append(
                        Information("REGLE_FORCEE", f"{text} Règle forcée : {forced.reason.strip()}", kind="warning")
                    )
                    self.traces.append(Trace(rule, (), f"Règle forcée par le praticien : {forced.reason.strip()}"))
                    return
        self.faults.append(Fault(code, path, text, remedy, rule))

    def trace(self, rule: str, text: str, rows: Iterable[str] = ()) -> None:
        self.traces.append(Trace(rule, tuple(rows), text))

    def inform(
        self, code: str, text: str, cents: int = 0, *, kind: Literal["information", "warning"] = "information"
    ) -> None:
        self.informations.append(Information(code, text, cents, kind))

    def used(self, row: Row) -> Row:
        """Notes a table row; a row of low confidence warns once."""
        if row.confidence == "L" and row.id not in self.warned:
            self.warned.add(row.id)
            note = str(row.data.get("note", "")) or "valeur à vérifier avant l'envoi"
            self.informations.append(
                Information("CONFIANCE_FAIBLE", f"{row.id} : {note} (source : {row.source})", kind="warning")
            )
        return row

    def tarif(self, code: str, day: date) -> Tarif | None:
        found = self.tables.tarif(self.profession, self.zone, code, day)
        if found is not None and found.row.confidence == "L":
            self.used(found.row)
        return found

    def parametre(self, nom: str, day: date) -> int | None:
        row = self.tables.parametre(nom, day)
        if row is None:
            return None
        value: int = (row if row.confidence != "L" else self.used(row)).data["valeur"]
        return value


def mismatch(question: Question, value: Value, choices: Sequence[Choice]) -> str:
    """Why the value does not fit the question; "" when it does."""
    kind = question.type
    if kind == "choice" and isinstance(value, str):
        for choice in choices:
            if choice.value == value:
                return ""
        return _NO_CHOICE
    if kind == "bool":
        return "" if isinstance(value, bool) else "oui ou non attendu"
    if kind == "int":
        return "" if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "nombre entier attendu"
    if not isinstance(value, str):
        return "texte attendu"
    if kind == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            return "date attendue (AAAA-MM-JJ)"
        return ""
    if len(value) > 80 or not value.isprintable():
        return "80 caractères au plus, sans caractère de contrôle"
    return "" if value.strip() or not question.required else "réponse vide"
