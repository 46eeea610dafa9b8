"""The dated tables under `data/`: loaded once, looked up by code, zone, profession and care date."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, TypeVar

from tournee.billing.errors import TableError
from tournee.billing.result import Choice, Question

TARIF_FILES = ("medecin", "specialiste", "infirmier", "kine", "sage_femme", "autres")
ACTE_FILES = ("infirmier", "kine", "sage_femme", "autres")
OPEN = date.max
K = TypeVar("K")
V = TypeVar("V")
_REMEMBERED = 20_000  # look-ups kept; then all are forgotten
_MAY_LACK = frozenset({"zone", "refs"})  # columns of a row's name that mean "all" when they are not there


@dataclass(frozen=True)
class Row:
    """One dated row; `id` is what a trace names. `data` holds the columns of its table."""

    id: str
    data: Mapping[str, Any]
    valid_from: date
    valid_to: date
    source: str
    confidence: str  # H stated by several or a primary source, M one secondary source, L to verify

    def on(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to


@dataclass(frozen=True, eq=False)
class Tarif:
    """The price of a code or key letter for one profession, zone and period; one object per row."""

    row: Row
    code: str
    libelle: str
    genre: str  # acte | lettre | majoration | deplacement | ik
    cents: int
    lieu: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Tables:
    """Everything the engine reads; see `tables()`."""

    tarifs: Mapping[tuple[str, str, str], tuple[Tarif, ...]]  # (profession, zone, code), oldest first
    actes: Mapping[tuple[str, str], tuple[Row, ...]]  # (profession, key letter), table order
    majorations: Mapping[str, tuple[Row, ...]]  # by profession: night, Sunday
    professions: Mapping[str, Mapping[str, Any]]  # by speciality code
    zones: Mapping[str, str]  # zone tarifaire of the card -> tariff zone
    wider: Mapping[str, str]  # tariff zone -> the zone whose rows hold where it has none
    terrains: Mapping[str, str]
    taux: Mapping[tuple[str, str], tuple[Row, ...]]
    parcours: Mapping[str, Mapping[str, Any]]
    parametres: Mapping[str, tuple[Row, ...]]
    incompatibles: tuple[tuple[Row, frozenset[str], frozenset[str]], ...]
    incompatibles_de: Mapping[str, tuple[int, ...]]  # code of an `a` column -> its places in `incompatibles`
    maxima: Mapping[tuple[str, str], tuple[Row, ...]]  # by profession and code
    parcours_choices: tuple[Choice, ...]
    conventions: tuple[Row, ...]
    indicateurs: Mapping[tuple[str, str], Row]  # (amc | mutuelle | service_amo, code) of the card
    modes: Mapping[str, Mapping[str, Any]]  # by securing mode
    suites: Mapping[str, Row]  # what must follow a bill
    manques: Mapping[str, Row]  # rules and amounts without a citable source
    sans_tarif: tuple[Row, ...]  # those of `manques` that are codes of acts
    questions: Mapping[str, Question]
    values: Mapping[str, frozenset[str]]  # by question: its choices
    rows: Mapping[str, Row]
    _tarifs: dict[tuple[str, str, str, date], Tarif | None] = field(default_factory=dict, compare=False, repr=False)
    _actes: dict[tuple[str, str, date], tuple[Row, ...]] = field(default_factory=dict, compare=False, repr=False)
    _parametres: dict[tuple[str, date], Row | None] = field(default_factory=dict, compare=False, repr=False)

    def tarif(self, profession: str, zone: str, code: str, day: date) -> Tarif | None:
        """The row in force on the care date, that of the wider zone where this zone has none; or None."""
        key = (profession, zone, code, day)
        if key in self._tarifs:
            return self._tarifs[key]
        found = next((t for t in self.tarifs.get(key[:3], ()) if t.row.on(day)), None)
        if found is None and zone in self.wider:
            found = self.tarif(profession, self.wider[zone], code, day)
        _remember(self._tarifs, key, found)
        return found

    def codes(self, profession: str, zone: str, day: date) -> list[Tarif]:
        """All the codes that a profession may use on a day, in table order."""
        zones = (zone, self.wider.get(zone, zone))
        known = dict.fromkeys(c for (p, z, c) in self.tarifs if p == profession and z in zones)
        return [t for c in known if (t := self.tarif(profession, zone, c, day)) is not None]

    def actes_de(self, profession: str, lettre: str, day: date) -> tuple[Row, ...]:
        """The acts of a key letter that exist on a care date, in table order."""
        key = (profession, lettre, day)
        if key not in self._actes:
            found = tuple(row for row in self.actes.get((profession, lettre), ()) if row.on(day))
            _remember(self._actes, key, found)
        return self._actes[key]

    def code_sans_tarif(self, profession: str, code: str) -> str:
        """The row of `manques` that says why a code that exists cannot be priced; "" when nothing is known of it."""
        for row in self.sans_tarif:
            if profession in row.data["professions"] and re.fullmatch(row.data["motif"], code):
                return str(row.data["nom"])
        return ""

    def periods(self, profession: str, zone: str, code: str) -> tuple[Tarif, ...]:
        own = self.tarifs.get((profession, zone, code), ())
        return own or self.tarifs.get((profession, self.wider.get(zone, zone), code), ())

    def majorations_de(self, profession: str, zone: str, day: date) -> list[Row]:
        """Night and Sunday rows of a profession; a row without a zone holds everywhere."""
        zones = (zone, self.wider.get(zone, zone))
        return [r for r in self.majorations.get(profession, ()) if r.on(day) and r.data.get("zone", zone) in zones]

    def taux_de(self, categorie: str, situation: str, day: date) -> Row | None:
        for key in ((categorie, situation), ("*", situation)):
            for row in self.taux.get(key, ()):
                if row.valid_from <= day <= row.valid_to:
                    return row
        return None

    def parametre(self, nom: str, day: date) -> Row | None:
        key = (nom, day)
        if key in self._parametres:
            return self._parametres[key]
        found = next((row for row in self.parametres.get(nom, ()) if row.on(day)), None)
        _remember(self._parametres, key, found)
        return found


def _remember(known: dict[K, V], key: K, found: V) -> None:
    """Look-ups by date are asked again and again; a full memory is emptied."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = found


def read(name: str) -> dict[str, Any]:
    """The raw TOML of `data/<name>.toml`."""
    raw = pkgutil.get_data("tournee.billing", f"data/{name}.toml")
    if raw is None:
        raise TableError(f"table {name} absente", "réinstallez tournee")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise TableError(f"table {name} illisible : {exc}", "corrigez le fichier à cette ligne") from None


def dated_rows(name: str, label: tuple[str, ...]) -> Iterable[Row]:
    """The rows of a file of groups; a row takes what it does not say from its group; its id is made of `label`."""
    for group in read(name).get("groupe", ()):
        shared = {k: v for k, v in group.items() if k != "rows"}
        for number, raw in enumerate(group.get("rows", ())):
            data = shared | raw
            where = f"{name}.toml, ligne {number + 1} de « {shared.get('source', '?')[:40]} »"
            try:
                first = data.pop("valid_from", date.min)
                last = data.pop("valid_to", OPEN)
                source, confidence = data.pop("source"), data.pop("confidence")
                named = [data.get(key, "") if key in _MAY_LACK else data[key] for key in label]
            except KeyError as exc:
                raise TableError(f"{where} : colonne {exc} absente", "complétez la ligne") from None
            if confidence not in ("H", "M", "L") or not source or first > last:
                raise TableError(f"{where} : source, confiance ou dates fausses", "corrigez la ligne")
            words = [_word(value) for value in named if value not in ("", "metropole")]
            stamp = "" if first == date.min else f"@{first.isoformat()}"
            yield Row(f"{name.partition('_')[0]}:{'.'.join(words)}{stamp}", data, first, last, source, confidence)


@cache
def tables() -> Tables:
    """All the tables, read on the first call; raises TableError naming file and row."""
    rows: dict[str, Row] = {}

    def keep(row: Row) -> Row:
        if row.id in rows:
            raise TableError(f"ligne {row.id} en double", "une seule ligne par code, zone, profession et date")
        rows[row.id] = row
        return row

    tarifs: dict[tuple[str, str, str], list[Tarif]] = {}
    for file in TARIF_FILES:
        for row in dated_rows(f"tarifs_{file}", ("professions", "zone", "code")):
            d = keep(row).data
            found = Tarif(row, d["code"], d["libelle"], d["genre"], int(d["cents"]), d.get("lieu", ""), d)
            for profession in d["professions"]:
                tarifs.setdefault((profession, d["zone"], found.code), []).append(found)
    actes: dict[tuple[str, str], list[Row]] = {}
    for file in ACTE_FILES:
        for row in dated_rows(f"actes_{file}", ("profession", "lettres", "ref")):
            keep(row)
            for lettre in row.data["lettres"]:
                actes.setdefault((row.data["profession"], lettre), []).append(row)
    majorations: dict[str, list[Row]] = {}
    for row in dated_rows("majorations", ("profession", "code", "zone")):
        majorations.setdefault(row.data["profession"], []).append(keep(row))
    taux: dict[tuple[str, str], list[Row]] = {}
    for row in dated_rows("taux", ("categorie", "situation")):
        taux.setdefault((row.data["categorie"], row.data["situation"]), []).append(keep(row))
    maxima: dict[tuple[str, str], list[Row]] = {}
    for row in dated_rows("maxima", ("profession", "code", "refs")):
        maxima.setdefault((row.data["profession"], row.data["code"]), []).append(keep(row))
    parametres: dict[str, list[Row]] = {}
    for row in dated_rows("parametres", ("nom",)):
        parametres.setdefault(row.data["nom"], []).append(keep(row))
    zones: dict[str, str] = {}
    wider: dict[str, str] = {}
    terrains: dict[str, str] = {}
    for row in dated_rows("zones", ("table", "code")):
        keep(row)
        if row.data["table"] == "zone_tarifaire":
            zones[row.data["code"]] = row.data["zone"]
            if "dans" in row.data:
                wider[row.data["zone"]] = row.data["dans"]
        else:
            terrains[row.data["code"]] = row.data["terrain"]
    parcours = {r.data["code"]: r.data for r in dated_rows("parcours", ("code",))}
    manques = {row.data["nom"]: keep(row) for row in dated_rows("manques", ("nom",))}
    incompatibles = tuple(
        (keep(r), frozenset(r.data["a"]), frozenset(r.data["b"])) for r in dated_rows("incompatibles", ("regle",))
    )
    questions = {q["id"]: _question(q) for q in read("questions")["question"]}
    return Tables(
        tarifs={key: tuple(sorted(found, key=lambda t: t.row.valid_from)) for key, found in tarifs.items()},
        actes={key: tuple(found) for key, found in actes.items()},
        majorations={key: tuple(found) for key, found in majorations.items()},
        professions={r.data["specialite"]: r.data for r in dated_rows("professions", ("specialite",))},
        zones=zones,
        wider=wider,
        terrains=terrains,
        taux={key: tuple(found) for key, found in taux.items()},
        parcours=parcours,
        parcours_choices=tuple(Choice(code, f"{code} · {p['libelle']}") for code, p in parcours.items()),
        parametres={key: tuple(found) for key, found in parametres.items()},
        incompatibles=incompatibles,
        incompatibles_de={
            code: tuple(n for n, (_, a, _) in enumerate(incompatibles) if code in a)
            for code in {code for _, a, _ in incompatibles for code in a}
        },
        maxima={key: tuple(found) for key, found in maxima.items()},
        conventions=tuple(keep(r) for r in dated_rows("conventions", ("ordre", "numero"))),
        indicateurs={(r.data["table"], r.data["code"]): keep(r) for r in dated_rows("indicateurs", ("table", "code"))},
        modes={r.data["mode"]: keep(r).data for r in dated_rows("modes", ("mode",))},
        suites={r.data["nom"]: keep(r) for r in dated_rows("suites", ("nom",))},
        manques=manques,
        sans_tarif=tuple(row for row in manques.values() if "motif" in row.data),
        questions=questions,
        values={q.id: frozenset(c.value for c in q.choices) for q in questions.values()},
        rows=rows,
    )


def _word(value: Any) -> str:
    return "-".join(value) if isinstance(value, list) else str(value)


def _question(raw: Mapping[str, Any]) -> Question:
    return Question(
        id=raw["id"],
        text=raw["text"],
        type=raw["type"],
        choices=tuple(Choice(value, text) for value, text in raw.get("choices", ())),
        default=raw.get("default"),
        why=raw["why"],
        group=raw["group"],
        view=raw.get("view", "simple"),
        prefill=raw.get("prefill", "allowed"),
        required=raw.get("required", True),
        ouvre=tuple(raw.get("ouvre", ())),
    )
