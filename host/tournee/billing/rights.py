"""What the funds know of the patient: Vitale groups 101–109, ADRi or typed; every item says where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tournee.billing.model import Identite, Origin


@dataclass(frozen=True)
class Periode:
    """Both days included; None = open."""

    debut: date | None = None
    fin: date | None = None

    def contains(self, day: date) -> bool:
        return (self.debut is None or self.debut <= day) and (self.fin is None or day <= self.fin)


def covers(periodes: Sequence[Periode], day: date) -> bool:
    """True when one of them contains the day."""
    return any(periode.contains(day) for periode in periodes)


@dataclass(frozen=True)
class Couverture:
    """Group 106: code couverture = code ALD + code situation, for a period."""

    periode: Periode = field(default_factory=Periode)
    code_ald: str = ""
    code_situation: str = ""


@dataclass(frozen=True)
class Mutuelle:
    """Group 107 with its periods (108)."""

    identification: str = ""
    garanties: str = ""
    indicateur_traitement: str = ""
    type_services: str = ""
    services: str = ""
    code_sts: str = ""
    periodes: tuple[Periode, ...] = ()


@dataclass(frozen=True)
class Amc:
    """Group 109; indicateur 60–63: C2S [IMPL MDT]."""

    numero: str = ""
    numero_edi: str = ""
    adherent: str = ""
    indicateur_traitement: str = ""
    periode: Periode = field(default_factory=Periode)
    code_routage: str = ""
    hote: str = ""
    domaine: str = ""
    code_sts: str = ""
    type_services: str = ""
    services: str = ""


@dataclass(frozen=True)
class Beneficiaire:
    """One person of the card with their rights (groups 104–109)."""

    identite: Identite
    service_amo: str = ""
    service_amo_periode: Periode = field(default_factory=Periode)
    periodes_amo: tuple[Periode, ...] = ()
    couvertures: tuple[Couverture, ...] = ()
    mutuelle: Mutuelle | None = None
    amc: Amc | None = None


@dataclass(frozen=True)
class Rights:
    """The insured person's fund and the beneficiaries' rights; `origin_of("regime")` says where an item comes from."""

    regime: str = ""
    caisse: str = ""
    centre: str = ""
    code_gestion: str = ""
    beneficiaires: tuple[Beneficiaire, ...] = ()
    numero_serie: str = ""
    fin_validite: date | None = None
    at_organismes: tuple[tuple[str, str, str], ...] = ()  # group 103: organisme gestionnaire, code, identifiant
    opposee: bool = False  # the card stands in the list of opposed cards (b2.opposition)
    origin: Origin = Origin.CARD
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def origin_of(self, item: str) -> Origin:
        """Origin of one item; an empty item has none."""
        if not getattr(self, item):
            return Origin.NONE
        return self.origins.get(item, self.origin)

    def person(self, identite: Identite) -> Beneficiaire | None:
        """The beneficiary with this identity: birth date and rank, first name, NIR of the insured person."""
        for person in self.beneficiaires:
            i = person.identite
            if (i.naissance, i.rang, i.prenom, i.nir_assure) == (
                identite.naissance,
                identite.rang,
                identite.prenom,
                identite.nir_assure,
            ):
                return person
        return None

    @classmethod
    def none(cls) -> Rights:
        """No card and no ADRi: everything will be asked."""
        return cls(origin=Origin.NONE)

    @classmethod
    def from_groupes(cls, groups: Iterable[tuple[int, Sequence[str]]], *, origin: Origin = Origin.CARD) -> Rights:
        """From the decoded zone `[(101, ["…", …]), (104, […]), …]` in card order; fields are positional from 1, missing
        trailing fields are empty; groups 105–109 belong to the last 104 before them. Unknown groups are ignored.
        """
        rights = cls(origin=origin)
        people: list[Beneficiaire] = []
        nir = cle = ""
        for number, fields in groups:
            f = _Fields(fields)
            if number == 101:
                nir, cle = f[8], f[9]
                rights = replace(
                    rights,
                    numero_serie=f[2],
                    fin_validite=_date(f[3]),
                    regime=f[10],
                    caisse=f[11],
                    centre=f[12],
                    code_gestion=f[13],
                )
            elif number == 103:
                rights = replace(
                    rights, at_organismes=tuple((f[i], f[i + 1], f[i + 2]) for i in (1, 4, 7) if f[i] or f[i + 1])
                )
            elif number == 104:
                people.append(_beneficiaire(f, nir, cle))
            elif number in _ADD and people:
                people[-1] = _ADD[number](people[-1], f)
        return replace(rights, beneficiaires=tuple(people))


class _Fields:
    """Positional fields from 1; missing ones are empty."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields

    def __getitem__(self, number: int) -> str:
        return self._fields[number - 1].strip() if number <= len(self._fields) else ""


def _date(text: str) -> date | None:
    """AAAAMMJJ or AAAAMMJJHHMM; what is no calendar date is None (open)."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _periode(f: _Fields, first: int) -> Periode:
    return Periode(_date(f[first]), _date(f[first + 1]))


def _beneficiaire(f: _Fields, nir: str, cle: str) -> Beneficiaire:
    identite = Identite(
        nom=f[1],
        nom_patronymique=f[2],
        prenom=f[3],
        adresse=tuple(f[i] for i in range(4, 9) if f[i]),
        nir_certifie=f[9],
        cle_certifie=f[10],
        naissance=f[12],
        rang=f[13] or "1",
        qualite=f[14],
        nir_assure=nir,
        cle_assure=cle,
    )
    return Beneficiaire(identite, service_amo=f[15], service_amo_periode=_periode(f, 16))


def _add_periode(b: Beneficiaire, f: _Fields) -> Beneficiaire:
    return replace(b, periodes_amo=(*b.periodes_amo, _periode(f, 1)))


def _add_couverture(b: Beneficiaire, f: _Fields) -> Beneficiaire:
    return replace(b, couvertures=(*b.couvertures, Couverture(_periode(f, 1), f[3], f[4])))


def _add_mutuelle(b: Beneficiaire, f: _Fields) -> Beneficiaire:
    return replace(b, mutuelle=Mutuelle(f[1], f[2], f[3], f[4], f[5], f[6]))


def _add_mutuelle_periode(b: Beneficiaire, f: _Fields) -> Beneficiaire:
    if b.mutuelle is None:
        return b
    return replace(b, mutuelle=replace(b.mutuelle, periodes=(*b.mutuelle.periodes, _periode(f, 1))))


def _add_amc(b: Beneficiaire, f: _Fields) -> Beneficiaire:
    return replace(b, amc=Amc(f[1], f[2], f[3], f[4], _periode(f, 5), f[7], f[8], f[9], f[10], f[11], f[12]))


_ADD: Mapping[int, Any] = {
    105: _add_periode,
    106: _add_couverture,
    107: _add_mutuelle,
    108: _add_mutuelle_periode,
    109: _add_amc,
}
