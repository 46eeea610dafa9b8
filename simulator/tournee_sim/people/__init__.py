"""The fictitious people whose cards the simulator plays. SIMULATION: ids and NIRs of the department 99, nobody exists.

`practitioner(id)`, `vitale(id)`, `special(id)` give the data of one card, `card_ids()` all ids; the data stands in `data/*.toml`.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from stdnum import luhn

from tournee_protocol import zones
from tournee_protocol.zones import Group

DROITS_DEFAUT = ({"debut": "20240101", "fin": "20401231"},)
COUVERTURE_DEFAUT = ({"debut": "20240101", "fin": "20401231", "code_ald": "0", "code_situation": "0100"},)


class UnknownCard(KeyError):
    """No card of that id; the message lists the ids there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Practitioner:
    """Holder of a CPS; `situations` are zone groups 2, logical numbers from 1."""

    id: str
    numero_carte: str  # 8 digits
    titre: str
    profession: str
    qualification: str  # 4 characters or empty
    numero_identification: str  # RPPS without its key, 10 digits
    cle_identification: str
    civilite: str
    nom: str
    prenom: str
    situations: tuple[Group, ...]
    essais_restants: int
    mise_a_jour: tuple[str, str] | None  # AAAAMMJJhhmmss, begin and end of the card's first update

    @property
    def numero_national(self) -> str:
        """Type (8 = RPPS) + RPPS with key, 12 digits."""
        return "8" + self.numero_identification + self.cle_identification

    def titulaire(self) -> Group:
        return zones.make(
            1,
            type_carte="0",
            type_identification="8",
            numero_identification=self.numero_identification,
            cle_identification=self.cle_identification,
            civilite=self.civilite,
            nom=unaccented(self.nom),
            prenom=unaccented(self.prenom),
        )

    def zone_facturation(self) -> bytes:
        """CPS_SIT_FACT: group 1, then one group 2 per situation."""
        return zones.encode([self.titulaire(), *self.situations])


@dataclass(frozen=True)
class Beneficiaire:
    nom: str
    nom_patronymique: str
    prenom: str
    naissance: str  # AAAAMMJJ
    rang: str
    qualite: str
    nir: str  # 13
    cle_nir: str
    groupes: tuple[Group, ...]  # 104, 105…, 106…, 107, 108…, 109


@dataclass(frozen=True)
class Vitale:
    """An insured person's card with its beneficiaries; the first is the insured."""

    id: str
    numero_serie: str  # 8 digits
    debut_validite: str  # AAAAMMJJ
    fin_validite: str
    assure: Group  # 101
    beneficiaires: tuple[Beneficiaire, ...]

    def zone_droits(self) -> bytes:
        """Rights zone (SV-SIM): group 101, then per beneficiary 104 and what belongs to it."""
        return zones.encode([self.assure, *(g for b in self.beneficiaires for g in b.groupes)])


SPECIAL = {
    "vitale-ancienne": "Vitale 1: inverse convention, nothing to read in it.",
    "carte-muette": "Card that answers no reset.",
    "carte-bancaire": "Bank card (ATR 3B 68…), neither CPS nor Vitale.",
    "cps4": "CPS4 of the same physician (ChipDoc, logical channel 1, TA1 18).",
    "cps4-t0": "The same with the answer to reset for T=0 alone.",
    "carte-inconnue": "Agent card of a fund (ATR 3B 67…), neither CPS nor Vitale.",
    "generic-t1": "Test card without a person: T=1 with LRC, extended length, logical channels.",
    "generic-t1-crc": "The same with CRC and small blocks.",
    "generic-t0-stop": "The same on T=0 alone; its clock may be stopped.",
    "generic-t0t1": "The same, T=0 offered before T=1; extended commands by ENVELOPE.",
}


@dataclass(frozen=True)
class Negative:
    """A card that goes wrong: a card of the catalogue and the faults it is born with."""

    about: str
    card: str
    faults: tuple[Mapping[str, Any], ...]


@cache
def negative() -> dict[str, Negative]:
    """Cards that go wrong, by id (`cards/data/negative.toml`)."""
    rows = tomllib.loads(files("tournee_sim").joinpath("cards/data/negative.toml").read_text("utf-8"))
    return {i: Negative(row["about"], row["card"], tuple(row.get("faults", ()))) for i, row in rows.items()}


def practitioner(card_id: str) -> Practitioner:
    """Holder of the CPS `card_id`; raises UnknownCard."""
    row = _rows("practitioners").get(card_id)
    if row is None:
        raise _unknown(card_id)
    numero = row["numero_identification"]
    return Practitioner(
        id=card_id,
        numero_carte=row["numero_carte"],
        titre=row["titre"],
        profession=row["profession"],
        qualification=row["qualification"],
        numero_identification=numero,
        cle_identification=luhn.calc_check_digit(numero),
        civilite=row["civilite"],
        nom=row["nom"],
        prenom=row["prenom"],
        situations=tuple(_situation(n, s) for n, s in enumerate(row["situation"], 1)),
        essais_restants=row.get("essais_restants", 3),
        mise_a_jour=(row["mise_a_jour"][0], row["mise_a_jour"][1]) if "mise_a_jour" in row else None,
    )


def vitale(card_id: str) -> Vitale:
    """Content of the Vitale `card_id`; raises UnknownCard."""
    row = _rows("vitales").get(card_id)
    if row is None:
        raise _unknown(card_id)
    people = tuple(_beneficiaire(b) for b in row["beneficiaire"])
    assure = zones.make(
        101,
        type_carte="0",
        numero_serie=row["numero_serie"],
        fin_validite=row["fin_validite"] + "0000",
        type_identification="1",
        nir=people[0].nir,
        cle_nir=people[0].cle_nir,
        regime=row["regime"],
        caisse=row["caisse"],
        centre=row["centre"],
        code_gestion=row["code_gestion"],
    )
    return Vitale(card_id, row["numero_serie"], row["debut_validite"], row["fin_validite"], assure, people)


def card_ids() -> dict[str, str]:
    """All card ids with one line about each."""
    lines = {i: f"CPS, {r['titre']}, {len(r['situation'])} situation(s)" for i, r in _rows("practitioners").items()}
    for card_id, row in _rows("vitales").items():
        lines[card_id] = f"Vitale, {len(row['beneficiaire'])} bénéficiaire(s), caisse {row['regime']} {row['caisse']}"
    if "cps-bloquee" in lines:
        lines["cps-bloquee"] += ", code porteur bloqué"
    wrong = {i: f"Test card: {each.about} ({each.card})." for i, each in negative().items()}
    return lines | SPECIAL | wrong


def unaccented(text: str) -> str:
    """Upper case ASCII, as the zones carry names."""
    return unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode("ascii").upper()


def nir_key(nir: str) -> str:
    """Key of a 13-character NIR: 97 - N mod 97, 2A as 19 and 2B as 18 [SPEC INS]."""
    number = nir.replace("2A", "19").replace("2B", "18")
    return f"{97 - int(number) % 97:02d}"


@cache
def _rows(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("tournee_sim").joinpath(f"people/data/{name}.toml").read_text("utf-8"))


def _unknown(card_id: str) -> UnknownCard:
    return UnknownCard(f"no card {card_id!r}; there are: {', '.join(card_ids())}")


def _situation(number: int, row: dict[str, str]) -> Group:
    values = dict(row)
    for name, key in (
        ("facturation", "cle_facturation"),
        ("remplacant", "cle_remplacant"),
        ("structure", "cle_structure"),
    ):
        if numero := values.get(f"numero_{name}"):
            values[key] = luhn.calc_check_digit(numero)
    values |= {"numero_logique": f"{number:02d}", "secteur_activite": "SA07", "type_structure": "0"}
    values |= {f"agrement_{n}": "0" for n in (1, 2, 3)} | {"habilitation_facture": "1", "habilitation_lot": "1"}
    return zones.make(2, **values)


def _beneficiaire(row: dict[str, Any]) -> Beneficiaire:
    naissance = row["naissance"]
    parts = row["nir"]
    nir = f"{parts['sexe']}{naissance[2:4]}{naissance[4:6]}99{parts['commune']}{parts['ordre']}"
    key = nir_key(nir)
    rang = row.get("rang", "1")
    address = {f"adresse_{n}": row.get(f"adresse_{n}", "") for n in range(1, 6)}
    patronymique = row.get("nom_patronymique", row["nom"])
    groups = [
        zones.make(
            104,
            nom=unaccented(row["nom"]),
            nom_patronymique=unaccented(patronymique),
            prenom=unaccented(row["prenom"]),
            nir_certifie=nir,
            cle_nir=key,
            date_certification="202401010000",
            date_naissance=naissance,
            rang=rang,
            qualite=row["qualite"],
            service_amo=row.get("service_amo", "00"),
            debut_service=_date12(row.get("debut_service", "")),
            fin_service=_date12(row.get("fin_service", "")),
            **address,
        )
    ]
    groups += [_period(105, p) for p in row.get("droits", DROITS_DEFAUT)]
    groups += [_period(106, p) for p in row.get("couverture", COUVERTURE_DEFAUT)]
    groups += [_period(number, row[name]) for number, name in ((107, "mutuelle"), (109, "amc")) if name in row]
    return Beneficiaire(
        row["nom"], patronymique, row["prenom"], naissance, rang, row["qualite"], nir, key, tuple(groups)
    )


def _period(group_id: int, row: dict[str, str]) -> Group:
    return zones.make(group_id, **{n: _date12(v) if n in ("debut", "fin") else v for n, v in row.items()})


def _date12(date: str) -> str:
    """AAAAMMJJ as AAAAMMJJHHMM, right-filled with zeros [IMPL MDT]."""
    return date and date.ljust(12, "0")
