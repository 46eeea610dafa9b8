"""Zones of the cards (SV-SIM v1, SIMULATION) as values: groups 1–2 of a CPS, 101–109 of a Vitale (`tournee_protocol.zones`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from tournee.cards.errors import CardDataError
from tournee.cards.model import (
    AccidentTravail,
    Amc,
    Assure,
    Couverture,
    Droits,
    DroitsBeneficiaire,
    Holder,
    Mutuelle,
    Periode,
    ServiceAmo,
    Situation,
)
from tournee_protocol import zones
from tournee_protocol.zones import Group, ZoneError

_RIGHTS = "zone des droits"
_SITUATIONS = "situations de facturation"


def situations(zone: bytes) -> tuple[Holder, tuple[Situation, ...]]:
    """CPS_SIT_FACT: group 1, then group 2 per situation. Raises CardDataError."""
    groups = _groups(zone, _SITUATIONS)
    holders = [g for g in groups if g.id == 1]
    if len(holders) != 1:
        raise CardDataError(_SITUATIONS, f"groupe 1 présent {len(holders)} fois")
    return _holder(holders[0]), tuple(_situation(g) for g in groups if g.id == 2)


def droits(zone: bytes) -> Droits:
    """The rights zone; groups after a 104 belong to that beneficiary. Raises CardDataError."""
    groups = _groups(zone, _RIGHTS)
    assures = [g for g in groups if g.id == 101]
    if len(assures) != 1:
        raise CardDataError(_RIGHTS, f"groupe 101 présent {len(assures)} fois")
    people: list[list[Group]] = []
    for group in groups:
        if group.id == 104:
            people.append([group])
        elif 105 <= group.id <= 109:
            if not people:
                raise CardDataError(_RIGHTS, f"groupe {group.id} avant le premier groupe 104")
            people[-1].append(group)
    family = next((g for g in groups if g.id == 102), None)
    return Droits(
        assure=_assure(assures[0]),
        service_amo_famille=ServiceAmo(family.field(1), _period(family, 2)) if family else None,
        accidents_travail=tuple(a for g in groups if g.id == 103 for a in _accidents(g)),
        beneficiaires=tuple(_beneficiaire(rang, g) for rang, g in enumerate(people, 1)),
    )


def _groups(zone: bytes, place: str) -> Sequence[Group]:
    try:
        return zones.decode(zone, padded=True)
    except ZoneError as exc:
        raise CardDataError(place, exc.place) from None  # the reason may quote the content


def _holder(group: Group) -> Holder:
    return Holder(*(group.field(n) for n in range(1, 8)))


def _situation(group: Group) -> Situation:
    f = group.get
    return Situation(
        numero_logique=f("numero_logique"),
        mode_exercice=f("mode_exercice"),
        statut_exercice=f("statut_exercice"),
        secteur_activite=f("secteur_activite"),
        type_structure=f("type_structure"),
        numero_structure=f("numero_structure"),
        cle_structure=f("cle_structure"),
        raison_sociale=f("raison_sociale"),
        numero_facturation=f("numero_facturation"),
        cle_facturation=f("cle_facturation"),
        numero_remplace=f("numero_remplacant"),
        cle_remplace=f("cle_remplacant"),
        code_conventionnel=f("conventionnel"),
        specialite=f("specialite"),
        zone_tarifaire=f("zone_tarifaire"),
        zone_ik=f("zone_ik"),
        agrements=(f("agrement_1"), f("agrement_2"), f("agrement_3")),
        signe_facture=f("habilitation_facture") == "1",
        signe_lot=f("habilitation_lot") == "1",
    )


def _assure(group: Group) -> Assure:
    f = group.field
    return Assure(f(1), f(2), _date(f(3)), f(7), f(8), f(9), f(10), f(11), f(12), f(13))


def _accidents(group: Group) -> Iterable[AccidentTravail]:
    for n in (1, 4, 7):
        if group.field(n):
            yield AccidentTravail(group.field(n), group.field(n + 1), group.field(n + 2))


def _beneficiaire(rang: int, groups: list[Group]) -> DroitsBeneficiaire:
    head = groups[0]
    mutuelles = [g for g in groups if g.id == 107]
    amcs = [g for g in groups if g.id == 109]
    periods = tuple(_period(g, 1) for g in groups if g.id == 108)
    return DroitsBeneficiaire(
        rang=rang,
        nom_usuel=head.field(1),
        nom_patronymique=head.field(2),
        prenom=head.field(3),
        adresse=tuple(head.field(n) for n in range(4, 9)),
        nir_certifie=head.field(9),
        cle_nir_certifie=head.field(10),
        date_certification=_date(head.field(11)),
        date_naissance=head.field(12)[:8],
        rang_gemellaire=head.field(13),
        qualite=head.field(14),
        service_amo=ServiceAmo(head.field(15), _period(head, 16)) if head.field(15) else None,
        periodes_amo=tuple(_period(g, 1) for g in groups if g.id == 105),
        couvertures=tuple(Couverture(_period(g, 1), g.field(3), g.field(4)) for g in groups if g.id == 106),
        mutuelle=_mutuelle(mutuelles[0], periods) if mutuelles else None,
        amc=_amc(amcs[0]) if amcs else None,
    )


def _amc(group: Group) -> Amc:
    f = group.field
    return Amc(f(1), f(2), f(3), f(4), _period(group, 5), f(7), f(8), f(9), f(10), f(11), f(12))


def _mutuelle(group: Group, periodes: tuple[Periode, ...]) -> Mutuelle:
    f = group.field
    return Mutuelle(f(1), f(2), f(3), f(4), f(5), f(6), periodes)


def _period(group: Group, number: int) -> Periode:
    return Periode(_date(group.field(number)), _date(group.field(number + 1)))


def _date(text: str) -> date | None:
    """`AAAAMMJJ` or `AAAAMMJJHHMM`; None when empty. Raises CardDataError."""
    if not text.strip("0 "):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        raise CardDataError("zone", "date invalide") from None
