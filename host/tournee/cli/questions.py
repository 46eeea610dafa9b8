"""The question loop of `tournee bill new`, in French; the price and its split grow on one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tournee.billing import (
    BadAnswer,
    Bill,
    Evaluation,
    Fault,
    ForcedRule,
    Origin,
    Question,
    Rights,
    answer,
    answer_all,
    evaluate,
    settle,
)
from tournee.billing.money import euros
from tournee.cli.prompts import Io, RichIo, chosen, prompt, search

_HELP = "Entrée : valeur proposée · ? : pourquoi · b : revenir · a : questions avancées · Ctrl-C : garder le brouillon"
_SHOWN = 9  # choices printed at once; "?" prints all


class Interrupted(Exception):
    """Ctrl-C or the end of the input: `bill` is the draft to keep."""

    def __init__(self, bill: Bill) -> None:
        super().__init__("interrupted")
        self.bill = bill


def ask(
    bill: Bill,
    rights: Rights,
    today: date,
    *,
    io: Io | None = None,
    advanced: bool = False,
    prefilled: Callable[[Bill], Bill] | None = None,
    save: Callable[[Bill], None] | None = None,
    review: bool = False,
) -> Bill:
    """Asks until nothing required is left, or until an error that no answer can mend; raises Interrupted with the draft.
    `prefilled` is called once the patient is known; `save` after every answer. `review`: a bill that lacks nothing is shown
    answer by answer, to be changed.
    """
    return _Loop(settle(bill, rights), rights, today, io or RichIo(), advanced, prefilled, save, review).run()


def apply_answers(bill: Bill, rights: Rights, today: date, answers: Mapping[str, Any]) -> Bill:
    """Non-interactive: `answers` maps question ids to values, "forcer" to {rule: reason}; raises BadAnswer naming every
    answer that does not fit. The bill may come back incomplete or invalid: `evaluate` says why.
    """
    bill, wrong = settle(bill, rights), []
    try:
        bill = answer_all(bill, {k: v for k, v in answers.items() if k != "forcer"}, rights)
    except BadAnswer as exc:
        wrong.append(exc)
    try:
        bill = _forced(bill, answers["forcer"]) if "forcer" in answers else bill
    except BadAnswer as exc:
        wrong.append(exc)
    if wrong:
        raise BadAnswer.together(wrong)
    return settle(bill, rights)


def _forced(bill: Bill, value: Any) -> Bill:
    if not isinstance(value, Mapping) or not all(isinstance(v, str) and v.strip() for v in value.values()):
        raise BadAnswer("forcer", "« forcer » attend un objet règle: motif", "donnez un motif à chaque règle forcée")
    return replace(bill, forced=tuple(ForcedRule(str(k), v.strip()) for k, v in value.items()))


def price_line(result: Evaluation) -> str:
    """« VG + MD  40,00 € = 28,00 € AMO + 12,00 € patient », "" while nothing has a price."""
    if not result.lines:
        return ""
    t = result.totals
    codes = " + ".join(f"{x.code}×{x.quantite}" if x.quantite > 1 else x.code for x in result.lines)
    parts = [f"{euros(t.amo_cents)} AMO"]
    if t.amc_cents:
        parts.append(f"{euros(t.amc_cents)} AMC")
    parts.append(f"{euros(t.patient_cents)} patient")
    return f"{codes}  {euros(t.montant_cents)} = {' + '.join(parts)}"


@dataclass
class _Loop:
    bill: Bill
    rights: Rights
    today: date
    io: Io
    advanced: bool
    prefilled: Callable[[Bill], Bill] | None
    save: Callable[[Bill], None] | None
    review: bool

    def run(self) -> Bill:
        history: list[Bill] = []
        passed: set[str] = set()  # advanced questions left at their default
        taken_back = ""  # question whose answer is to be changed
        self.io.show(_HELP, "dim")
        self._prefill()
        while True:
            result = evaluate(self.bill, self.rights, today=self.today)
            if result.errors:
                if not self._mend(result, history):
                    return self.bill
                continue
            question = next((q for q in result.questions if q.id == taken_back), None) or self._next(result, passed)
            if question is None:
                self.io.show(price_line(result), "bold")
                if self.review and (taken_back := self._take_back(history)):
                    continue
                return settle(self.bill, self.rights)
            self.review = self.review and taken_back != ""
            before = self.bill
            step = self._put(question, result)
            if step == "back":
                if history:
                    self.bill = history.pop()
                    passed.clear()
                elif any(map(self._is_taken, self.bill.answers)):
                    taken_back = self._take_back(history)
                else:
                    self.io.show("C'est la première question.", "yellow")
            elif step == "answered":
                history.append(before)
                passed.add(question.id)

    def _take_back(self, history: list[Bill]) -> str:
        """The question whose answer was taken back on review; "" when all stay."""
        from tournee.cli import review

        try:
            found = review.chosen(self.bill, self.io)
        except (KeyboardInterrupt, EOFError):
            raise Interrupted(self.bill) from None
        if found is None:
            return ""
        history.append(self.bill)
        question_id, self.bill = found
        return question_id

    def _next(self, result: Evaluation, passed: set[str]) -> Question | None:
        if (required := result.next_question) is not None:
            return required
        if not self.advanced and result.view == "simple":
            return None
        return next((q for q in result.questions if q.id not in passed), None)

    def _put(self, question: Question, result: Evaluation) -> str:
        """One question until it is answered: "answered", "back" or "again" (the view changed)."""
        if line := price_line(result):
            self.io.show(line, "cyan")
        self.io.show("\n" + question.text, "bold")
        self._choices(question, everything=False)
        while True:
            text = self._read(prompt(question))
            picked = chosen(question, text)
            if picked is None and text in ("?", "b", "a"):
                if text == "b":
                    return "back"
                if text == "a":
                    self.advanced = not self.advanced
                    self.io.show("Questions avancées : " + ("oui" if self.advanced else "non"), "dim")
                    return "again"
                self.io.show(question.why, "dim")
                self._choices(question, everything=True)
                continue
            if picked is None and question.type == "acts" and (found := search(question, text)):
                if len(found) > 1:
                    for number in found:
                        self.io.show(f"  {number:>2}  {question.choices[number - 1].text}")
                    continue
                picked = question.choices[found[0] - 1].value
                self.io.show(question.choices[found[0] - 1].text, "dim")
            value: Any = picked if picked is not None else text
            if question.type == "choice" and picked is None and text:
                self.io.show(f"« {text[:20]} » n'est pas un choix → un numéro de 1 à {len(question.choices)}", "yellow")
                continue
            if text == "":
                if question.default is None:
                    self.io.show("Une réponse est nécessaire ici (Entrée ne suffit pas).", "yellow")
                    continue
                value = question.default
            try:
                self.bill = answer(self.bill, question.id, value, self.rights)
            except BadAnswer as exc:
                self.io.show(f"{exc.what} → {exc.remedy}", "yellow")
                continue
            if question.id in ("beneficiaire", "actes"):
                self._prefill(days_only=question.id == "actes")
            self._saved()
            return "answered"

    def _mend(self, result: Evaluation, history: list[Bill]) -> bool:
        """Says what is wrong; forces the rule, or goes back to the answer that made it. False = no answer can mend it."""
        for fault in result.errors:
            self.io.show(f"{fault.text} → {fault.remedy}", "red")
        first = result.errors[0]
        if first.rule and self._force(first):
            return True
        while history:
            self.bill = history.pop()
            earlier = evaluate(self.bill, self.rights, today=self.today)
            if first.code not in [e.code for e in earlier.errors]:
                self._saved()
                return True
        return self._drop(first)

    def _drop(self, fault: Fault) -> bool:
        """An error that was there before the first question (prefilled, resumed): takes the answer it names away."""
        if fault.path.startswith("acts") and self.bill.acts:
            self.bill = replace(self.bill, acts=())
        elif fault.path.startswith("answers.") and fault.path[8:] in self.bill.answers:
            self.bill = answer(self.bill, fault.path[8:], None)
        else:
            return False
        self._saved()
        return True

    def _force(self, fault: Fault) -> bool:
        reason = self._read("Forcer cette règle ? Motif (Entrée : non) > ")
        if not reason:
            return False
        self.bill = replace(self.bill, forced=(*self.bill.forced, ForcedRule(fault.rule, reason)))
        self._saved()
        return True

    def _choices(self, question: Question, *, everything: bool) -> None:
        shown = question.choices if everything else question.choices[:_SHOWN]
        if question.type == "choice":
            shown = question.choices
        for number, choice in enumerate(shown, 1):
            mark = "*" if choice.value == question.default else " "
            self.io.show(f" {mark}{number:>2}  {choice.text}")
        if len(shown) < len(question.choices):
            self.io.show(f"     … {len(question.choices) - len(shown)} autres : ?", "dim")

    def _prefill(self, *, days_only: bool = False) -> None:
        """What the patient's last bill and the other bills of the care dates say; once the acts are known, only the latter."""
        from tournee.cli import review

        if self.prefilled is None or self.bill.beneficiaire is None:
            return
        known = set(self.bill.answers)
        found = self.prefilled(self.bill)
        if days_only:
            kept = {q: a for q, a in found.answers.items() if q in known or a.origin is Origin.DEFAULT}
            found = replace(found, answers=kept)
        self.bill = found
        new = {question_id: text for question_id, text in review.words(self.bill) if question_id not in known}
        if taken := [text for q, text in new.items() if q in self.bill.answers and self._is_taken(q)]:
            self.io.show(f"Repris de sa dernière facture : {' · '.join(taken)}", "dim")
            self.io.show("Pour en changer : b à la première question.", "dim")
        for text in [t for q, t in new.items() if q in self.bill.answers and not self._is_taken(q)]:
            self.io.show(f"D'après vos autres factures du jour : {text}", "dim")
        self._saved()

    def _is_taken(self, question_id: str) -> bool:
        """The answer was taken over from the patient's last bill."""
        return self.bill.answers[question_id].origin is Origin.PREFILLED

    def _saved(self) -> None:
        if self.save is not None:
            self.save(self.bill)

    def _read(self, prompt: str) -> str:
        try:
            return self.io.read(prompt).strip()
        except (KeyboardInterrupt, EOFError):
            raise Interrupted(self.bill) from None
