"""Who is paid by whom: third-party payment and the complementary fund."""

from __future__ import annotations

from functools import cache

from tournee.billing.contexte import Situation
from tournee.billing.conventions import convention
from tournee.billing.identifiants import amc_valide
from tournee.billing.model import Mode
from tournee.billing.result import Choice
from tournee.billing.tables import Row, tables
from tournee.billing.work import Work

_SECURISES = (Mode.SECURISE, Mode.VISITE, Mode.DESYNCHRONISE)  # billing-formats §3.1, §7.6


def paiement(w: Work, s: Situation) -> None:
    """Third-party payment, and for two parts the complementary fund: from the card, else typed."""
    if s.c2s:
        s.tiers_payant = _text(w.ask("tiers_payant", choices=_choices(True), default="c2s"))
    else:
        s.tiers_payant = _text(w.ask("tiers_payant", choices=_choices(False)))
    if w.rights.opposee and s.tiers_payant in ("amo", "amo_amc", "c2s") and s.mode in _SECURISES:
        w.fault(
            "CARTE_OPPOSEE",
            "answers.tiers_payant",
            "Cette carte Vitale est en opposition : un tiers payant ne peut pas être sécurisé avec elle.",
            "choisissez « Aucun » comme tiers payant, ou le mode dégradé",
        )
    if s.tiers_payant not in ("amo_amc", "c2s"):
        return
    amc = w.person.amc if w.person is not None else None
    mutuelle = w.person.mutuelle if w.person is not None else None
    if amc is not None and amc.periode.contains(w.day):
        s.amc_numero, s.amc_adherent = amc.numero, amc.adherent
    elif mutuelle is not None and (not mutuelle.periodes or any(p.contains(w.day) for p in mutuelle.periodes)):
        s.amc_numero = mutuelle.identification
    elif not s.c2s:
        s.amc_numero, s.amc_adherent = str(w.ask("amc_numero") or ""), str(w.ask("amc_adherent") or "")
        if s.amc_numero and not amc_valide(s.amc_numero):
            w.fault(
                "CLE_FAUSSE",
                "answers.amc_numero",
                "Le numéro de l'organisme complémentaire est faux (clé de contrôle).",
                "recopiez les 8 chiffres de l'attestation",
            )
    s.amc_gestion = str(w.ask("amc_gestion", default=_gestion(w, s)))
    s.dre = s.amc_gestion == "separee"
    indicateur = _indicateur(w)
    if s.dre and indicateur is not None and indicateur.data["dre"] in ("non", "hors_tp"):
        w.fault(
            "DRE_IMPOSSIBLE",
            "answers.amc_gestion",
            "La carte Vitale dit que cette complémentaire n'accepte pas de demande de remboursement en tiers payant.",
            "choisissez la gestion unique, ou le tiers payant sur la seule part obligatoire",
            rule="dre_indicateur",
        )
    if s.amc_gestion == "oct":
        w.trace("ECLATEMENT", "Éclatement par l'OCT : contrat 99, aucune DRE pour cette facture [SPEC S001].")


@cache
def _choices(c2s: bool) -> tuple[Choice, ...]:
    return tuple(c for c in tables().questions["tiers_payant"].choices if (c.value == "c2s") is c2s)


def _indicateur(w: Work) -> Row | None:
    """The card's row for the complementary fund, None when it says nothing."""
    amc = w.person.amc if w.person is not None else None
    return w.tables.indicateurs.get(("amc", amc.indicateur_traitement)) if amc is not None else None


def _gestion(w: Work, s: Situation) -> str:
    """C2S managed by the AMO, or a fund that takes no DRE in third-party payment: one invoice carries both parts; else as agreed."""
    row = _indicateur(w)
    if (s.c2s and row is None) or (row is not None and row.data["dre"] in ("non", "hors_tp")):
        if row is not None:
            w.trace(
                "GESTION", "Indicateur de la complémentaire : pas de DRE en tiers payant, gestion unique.", (row.id,)
            )
        return "unique"
    agreed = convention(s.amc_numero, s.amc_adherent)
    if agreed is None:
        return "separee"
    w.trace(
        "CONVENTION",
        f"Complémentaire {s.amc_numero} : convention trouvée, gestion {agreed.data['gestion']}.",
        (agreed.id,),
    )
    return str(agreed.data["gestion"])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
