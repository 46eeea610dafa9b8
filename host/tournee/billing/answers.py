"""Giving answers: values are brought into the form of their question; the bill is a new value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any

from tournee.billing.dates import fr
from tournee.billing.errors import BadAnswer
from tournee.billing.model import Act, Answer, Bill, Mode, Origin
from tournee.billing.money import coefficient
from tournee.billing.result import Question
from tournee.billing.rights import Rights
from tournee.billing.saisie import completed
from tournee.billing.tables import tables

_YES, _NO = frozenset({"oui", "o", "true", "vrai", "1"}), frozenset({"non", "n", "false", "faux", "0"})
_ACT = re.compile(
    r"\s*(?P<code>[A-Za-z][A-Za-z0-9]{0,6})"
    r"(?:#(?P<reference>[a-z0-9-]{1,40}))?"
    r"(?:\s+(?P<coef>\d{1,3}(?:[.,]\d{1,2})?))?"
    r"(?:\s+x\s*(?P<quantite>\d{1,2}))?"
    r"(?:\s+(?P<km>\d{1,3})\s*km)?"
    r"(?:\s+le\s+(?P<date>\d{4}-\d{2}-\d{2}|\d{2}/\d{2}/\d{4}))?"
    r"(?:\s+à\s+(?P<heure>\d{1,2}[:h]\d{2}))?"
    r"(?:\s+d[ée]p(?:assement)?\s+(?P<euros>\d{1,4})(?:[.,](?P<cents>\d{2}))?(?:\s+(?P<depasse>[A-Z]))?)?"
    r"(?:\s+qualificatif\s+(?P<qualificatif>[A-Z]))?\s*"
)
_ACT_KEYS = frozenset(f.name for f in fields(Act))


def answer(
    bill: Bill, question_id: str, value: Any, rights: Rights | None = None, *, origin: Origin = Origin.TYPED
) -> Bill:
    """The bill with one answer more; None takes the answer back. "actes" takes a list of acts (dicts or "AMI 1,5" texts),
    "beneficiaire" a number among the beneficiaries of `rights`. Raises BadAnswer, the bill is unchanged.
    """
    if question_id == "actes":
        return replace(bill, acts=acts(value))
    question = tables().questions.get(question_id.partition(".")[0])
    if question is None:
        raise BadAnswer(question_id, f"question « {question_id} » inconnue", "regardez les questions avec --json")
    if value is None:
        rest = {k: a for k, a in bill.answers.items() if k != question_id}
        gone = replace(bill, answers=rest)
        return replace(gone, beneficiaire=None) if question_id == "beneficiaire" else gone
    coerced = _coerce(question, question_id, value)
    if question_id == "beneficiaire" and rights is not None:
        return _beneficiaire(bill, str(coerced), rights)
    return replace(bill, answers={**bill.answers, question_id: Answer(coerced, origin, _acte(bill, question_id))})


def _acte(bill: Bill, question_id: str) -> str:
    """The act that a question "<id>.<n>" is about; "" for the others, and while there is no such act."""
    number = question_id.partition(".")[2]
    index = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else -1
    return bill.acts[index].key if 0 <= index < len(bill.acts) else ""


def answer_all(bill: Bill, answers: Mapping[str, Any], rights: Rights) -> Bill:
    """The bill with all these answers, in order; raises BadAnswer with every one that does not fit."""
    wrong = []
    for question_id, value in answers.items():
        try:
            bill = answer(bill, question_id, value, rights)
        except BadAnswer as exc:
            wrong.append(exc)
    if wrong:
        raise BadAnswer.together(wrong)
    return bill


def prefill(bill: Bill, last: Bill) -> Bill:
    """Takes over from the patient's last bill the answers whose question allows it; never overwrites an answer."""
    known = tables().questions
    taken = dict(bill.answers)
    for question_id, given in last.answers.items():
        question = known.get(question_id)
        if question is not None and question.prefill == "allowed" and question_id not in taken:
            taken[question_id] = Answer(given.value, Origin.PREFILLED)
    return replace(bill, answers=taken)


def settle(bill: Bill, rights: Rights) -> Bill:
    """The bill with what the card, or its absence, decides: the only beneficiary; the degraded mode when no Vitale was read,
    taken back when one is read later.
    """
    people = completed(bill, rights).beneficiaires
    if len(people) == 1 and (bill.beneficiaire is None or not rights.beneficiaires):
        bill = replace(bill, beneficiaire=people[0].identite)
    mode, read = bill.answers.get("mode"), rights.origin is Origin.CARD and bool(rights.beneficiaires)
    if mode is None and not read:
        bill = replace(bill, answers={**bill.answers, "mode": Answer(Mode.DEGRADE.value, Origin.DEFAULT)})
    elif mode is not None and mode.origin is Origin.DEFAULT and read:
        bill = replace(bill, answers={k: a for k, a in bill.answers.items() if k != "mode"})
    return bill


def acts(value: Any) -> tuple[Act, ...]:
    """Acts from one text ("VG + MD"), or a list of texts and dicts; raises BadAnswer."""
    if isinstance(value, str):
        value = [part for part in value.split("+") if part.strip()]
    if not isinstance(value, Sequence) or not value:
        raise _bad_act("aucun acte", "donnez au moins un acte, par exemple « VG »")
    made, wrong = [], []
    for index, item in enumerate(value):
        try:
            made.append(_act(item))
        except BadAnswer as exc:
            for one in exc.every:
                one.place = f"actes[{index}]{one.place.removeprefix('actes')}"
            wrong.append(exc)
    if wrong:
        raise BadAnswer.together(wrong)
    return tuple(made)


def act_text(act: Act) -> str:
    """The act in the words that `acts` reads: "AMI#insuline 1,5 x2 12 km le 14/01/2025 à 08:00 dépassement 12,50 E"."""
    words = [act.code + (f"#{act.reference}" if act.reference else "")]
    if act.coefficient_centiemes is not None:
        words.append(coefficient(act.coefficient_centiemes))
    if act.quantite != 1:
        words.append(f"x{act.quantite}")
    if act.km is not None:
        words.append(f"{act.km} km")
    if act.date is not None:
        words.append(f"le {fr(act.date)}")
    if act.heure:
        words.append(f"à {act.heure}")
    if act.depassement_cents:
        whole, cents = divmod(act.depassement_cents, 100)
        words.append(f"dépassement {whole},{cents:02d} {act.qualificatif}".rstrip())
    elif act.qualificatif:
        words.append(f"qualificatif {act.qualificatif}")
    return " ".join(words)


def _act(item: Any) -> Act:
    if isinstance(item, Act):
        return item
    if isinstance(item, str):
        found = _ACT.fullmatch(item)
        if found is None:
            raise _bad_act(
                f"acte « {item[:30]} » illisible", "écrivez par exemple « VG », « AMI 1,5 », « VG 12 km à 21:30 »"
            )
        return Act(
            code=found["code"].upper(),
            coefficient_centiemes=_centiemes(found["coef"]) if found["coef"] else None,
            quantite=int(found["quantite"] or 1),
            reference=found["reference"] or "",
            date=_date("actes", found["date"]) if found["date"] else None,
            heure=found["heure"].replace("h", ":").rjust(5, "0") if found["heure"] else "",
            km=int(found["km"]) if found["km"] else None,
            depassement_cents=int(found["euros"] or 0) * 100 + int(found["cents"] or 0),
            qualificatif=found["depasse"] or found["qualificatif"] or "",
        )
    if isinstance(item, Mapping):
        return act_from_dict(item)
    raise _bad_act("acte illisible", "donnez un texte ou un objet {code, …}")


def act_from_dict(item: Mapping[str, Any]) -> Act:
    """An act from JSON; raises BadAnswer naming every field that is wrong."""
    wrong = [
        _bad_act(f"champ « {key} » inconnu dans un acte", "retirez ce champ", str(key))
        for key in sorted(set(map(str, item)) - _ACT_KEYS)
    ]
    code = item.get("code")
    if not isinstance(code, str) or not re.fullmatch(r"[A-Z][A-Z0-9]{0,6}", code):
        wrong.append(
            _bad_act("code d'acte absent ou mal écrit", "donnez un code en majuscules, par exemple « VG »", "code")
        )
        code = "cet acte"
    values = {k: v for k, v in item.items() if v is not None}
    for key in ("quantite", "coefficient_centiemes", "depassement_cents", "km"):
        v = values.get(key, 0)
        if isinstance(v, bool) or not isinstance(v, int) or not 0 <= v < 1_000_000:
            wrong.append(_bad_act(f"{key} de {code} : nombre entier attendu", f"corrigez {key}", key))
    wrong += [
        _bad_act(f"{key} de {code} : texte attendu", f"corrigez {key}", key)
        for key in ("reference", "heure", "qualificatif")
        if not isinstance(values.get(key, ""), str)
    ]
    for key in ("date", "prescription_date"):
        if key in values and not isinstance(values[key], date):
            try:
                values[key] = _date("actes", values[key], f"actes.{key}")
            except BadAnswer as exc:
                wrong.append(exc)
    if wrong:
        raise BadAnswer.together(wrong)
    return Act(**values)


def _beneficiaire(bill: Bill, value: str, rights: Rights) -> Bill:
    number = int(value) if value.isascii() and value.isdigit() else 0
    if not 1 <= number <= len(rights.beneficiaires):
        raise BadAnswer(
            "beneficiaire",
            "ce bénéficiaire n'est pas sur la carte",
            f"donnez un nombre de 1 à {len(rights.beneficiaires)}",
        )
    return replace(bill, beneficiaire=rights.beneficiaires[number - 1].identite)


def _coerce(question: Question, question_id: str, value: Any) -> str | bool | int:
    kind = question.type
    if kind == "bool":
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _YES | _NO:
            return word in _YES
        raise BadAnswer(question_id, f"{question.text} : oui ou non attendu", "répondez oui ou non")
    if kind == "int":
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000:
            return value
        text = str(value).strip()
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}", text):
            raise BadAnswer(question_id, f"{question.text} : nombre entier attendu", "donnez un nombre")
        return int(text)
    if isinstance(value, date) and kind == "date":
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # YAML reads "beneficiaire: 1" and a prescriber's number as numbers
    if not isinstance(value, str):
        raise BadAnswer(question_id, f"{question.text} : texte attendu", "donnez un texte entre guillemets")
    text = value.strip()
    if kind == "date":
        return _date(question_id, text).isoformat()
    if kind == "choice" and question.choices and text not in {c.value for c in question.choices}:
        wanted = ", ".join(c.value for c in question.choices if c.value)
        raise BadAnswer(question_id, f"{question.text} : « {text[:20]} » n'est pas un choix", f"choisissez : {wanted}")
    if len(text) > 80 or not text.isprintable():
        raise BadAnswer(question_id, f"{question.text} : texte trop long ou illisible", "80 caractères au plus")
    return text


def _date(question_id: str, text: Any, place: str = "") -> date:
    if isinstance(text, str):
        if found := re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text.strip()):
            text = f"{found[3]}-{found[2]}-{found[1]}"
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass
    raise BadAnswer(question_id, "date illisible ou impossible", "écrivez JJ/MM/AAAA ou AAAA-MM-JJ", place=place)


def _centiemes(text: str) -> int:
    whole, _, rest = text.replace(",", ".").partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0") or 0)


def _bad_act(what: str, remedy: str, field: str = "") -> BadAnswer:
    return BadAnswer("actes", what, remedy, place=f"actes.{field}" if field else "")
