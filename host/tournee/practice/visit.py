"""From what the cards say to what the billing room needs: practitioner, situation, rights."""

from __future__ import annotations

from tournee.billing.model import Identite, Origin, Praticien, SituationFacturation
from tournee.billing.rights import Amc, Beneficiaire, Couverture, Mutuelle, Periode, Rights
from tournee.cards import model as card
from tournee.practice.errors import WrongCard


def praticien_of(cps: card.CpsCard) -> Praticien:
    """Raises WrongCard when the CPS names nobody."""
    if cps.holder is None:
        raise WrongCard("Cette CPS ne donne pas l'identité de son titulaire.", "Utilisez votre CPS personnelle.")
    h = cps.holder
    return Praticien(
        nom=h.nom,
        prenom=h.prenom,
        type_identification=h.type_identification,
        identification=h.numero_identification,
        cle=h.cle,
    )


def situation_of(s: card.Situation) -> SituationFacturation:
    return SituationFacturation(
        numero_logique=s.numero_logique,
        mode_exercice=s.mode_exercice,
        statut_exercice=s.statut_exercice,
        secteur_activite=s.secteur_activite,
        type_structure=s.type_structure,
        numero_structure=s.numero_structure,
        cle_structure=s.cle_structure,
        raison_sociale=s.raison_sociale,
        numero_facturation=s.numero_facturation,
        cle_facturation=s.cle_facturation,
        numero_remplace=s.numero_remplace,
        cle_remplace=s.cle_remplace,
        code_conventionnel=s.code_conventionnel,
        specialite=s.specialite,
        zone_tarifaire=s.zone_tarifaire,
        zone_ik=s.zone_ik,
        agrement_1=s.agrements[0],
        agrement_2=s.agrements[1],
        agrement_3=s.agrements[2],
        habilitation_facture="1" if s.signe_facture else "0",
        habilitation_lot="1" if s.signe_lot else "0",
    )


def rights_of(vitale: card.VitaleCard) -> Rights:
    """Raises WrongCard when the rights were not opened or the card has none."""
    if vitale.droits is None:
        raise WrongCard("Les droits de cette carte Vitale n'ont pas pu être lus.", "Insérez votre CPS et recommencez.")
    assure = vitale.droits.assure
    return Rights(
        regime=assure.regime,
        caisse=assure.caisse,
        centre=assure.centre,
        code_gestion=assure.code_gestion,
        beneficiaires=tuple(_beneficiaire(b, assure) for b in vitale.droits.beneficiaires),
        numero_serie=vitale.numero_serie,
        fin_validite=assure.fin_validite,
        at_organismes=tuple((a.organisme, a.code, a.identifiant) for a in vitale.droits.accidents_travail),
        origin=Origin.CARD,
    )


def _beneficiaire(b: card.DroitsBeneficiaire, assure: card.Assure) -> Beneficiaire:
    service = b.service_amo
    return Beneficiaire(
        identite=Identite(
            nom=b.nom_usuel,
            prenom=b.prenom,
            nom_patronymique=b.nom_patronymique,
            naissance=b.date_naissance,
            rang=b.rang_gemellaire or "1",
            qualite=b.qualite,
            nir_assure=assure.nir,
            cle_assure=assure.cle,
            nir_certifie=b.nir_certifie,
            cle_certifie=b.cle_nir_certifie,
            adresse=b.adresse,
        ),
        service_amo=service.code if service else "",
        service_amo_periode=_periode(service.periode) if service else Periode(),
        periodes_amo=tuple(map(_periode, b.periodes_amo)),
        couvertures=tuple(Couverture(_periode(c.periode), c.code_ald, c.code_situation) for c in b.couvertures),
        mutuelle=_mutuelle(b.mutuelle),
        amc=_amc(b.amc),
    )


def _mutuelle(m: card.Mutuelle | None) -> Mutuelle | None:
    if m is None:
        return None
    return Mutuelle(
        identification=m.identification,
        garanties=m.garanties,
        indicateur_traitement=m.indicateur_traitement,
        type_services=m.type_services,
        services=m.services,
        code_sts=m.code_sts,
        periodes=tuple(map(_periode, m.periodes)),
    )


def _amc(a: card.Amc | None) -> Amc | None:
    if a is None:
        return None
    return Amc(
        numero=a.numero_b2,
        numero_edi=a.numero_edi,
        adherent=a.numero_adherent,
        indicateur_traitement=a.indicateur_traitement,
        periode=_periode(a.periode),
        code_routage=a.code_routage,
        hote=a.hote,
        domaine=a.domaine,
        code_sts=a.code_sts,
        type_services=a.type_services,
        services=a.services,
    )


def _periode(p: card.Periode) -> Periode:
    return Periode(p.debut, p.fin)
