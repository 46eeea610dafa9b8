"""The nurse's séance: degression of art. 11 B, MAU, MCI, IFD or IFI [NGAP 11 B, 13, 23; titre XVI]."""

from __future__ import annotations

from tournee.billing.dates import fr
from tournee.billing.money import coefficient, half_up, times
from tournee.billing.session import Seance
from tournee.billing.work import Draft, Work

BSI = ("BSA", "BSB", "BSC")
_LETTRES = ("AMI", "AMX")
_PLEINS_AVEC_BSI = frozenset({"perfusion", "lourd", "post_hospitalisation", "veineux"})
_DEMI_AVEC_BSI = frozenset({"injection", "diabete"})
_HORS_11B = frozenset({"veineux", "vaccination"})


def complete(w: Work, seance: Seance) -> None:
    for draft in seance.drafts:
        if draft.code in _LETTRES and draft.quantite != 1:
            w.fault(
                "QUANTITE",
                f"acts[{draft.act}].quantite",
                "Un acte infirmier se cote une ligne à la fois : la dégression de l'article 11 B dépend de chacun.",
                "répétez l'acte, ou donnez-lui une autre heure s'il s'agit d'une autre séance",
            )
            return
    _un_forfait_par_jour(w, seance)
    degression(w, seance)
    _mci(w, seance)
    _mau(w, seance)


def _un_forfait_par_jour(w: Work, seance: Seance) -> None:
    """BSA, BSB and BSC pay the whole day: once a day, with the first visit."""
    if not seance.has(*BSI):
        return
    for index, act in w.acts_of(seance.day):
        if act.code in BSI and act.heure < seance.heure:
            w.fault(
                "ACTES_INCOMPATIBLES",
                f"acts[{index}].code",
                f"{act.code} est un forfait journalier : un seul le {fr(seance.day)}.",
                "gardez le forfait du premier passage",
            )
            return


def degression(w: Work, seance: Seance) -> None:
    """Highest coefficient full, second half, others nothing; derogations as the NGAP lists them."""
    lettres = [d for d in seance.drafts if d.code in _LETTRES]
    bsi = seance.has(*BSI)
    if len(lettres) + bsi < 2:
        return
    plain = [d for d in lettres if not _full(d, lettres, bsi)]
    if bsi:
        for draft in [d for d in plain if d.familles & _DEMI_AVEC_BSI]:
            _half(draft, "avec un forfait BSI, injection ou contrôle du diabète : chacun à 50 % (NGAP 11 B)")
            plain.remove(draft)
    elif plain and all("diabete" in d.familles for d in plain):
        return  # acts of art. 5 bis between themselves: each in full
    plain.sort(key=lambda d: -d.base_cents)
    for rank, draft in enumerate(plain, 1 if bsi else 0):  # with a BSI package, that package is the first act
        if rank == 0:
            continue
        if rank == 1:
            _half(draft, "deuxième acte de la séance : moitié du coefficient (NGAP 11 B)")
        else:
            seance.drop(draft)
            w.inform(
                "NON_FACTURE_11B",
                f"{draft.code} {coefficient(draft.coefficient)} ({draft.libelle}) : troisième acte de la séance, "
                "non payé (NGAP 11 B).",
            )


def _full(draft: Draft, lettres: list[Draft], bsi: bool) -> bool:
    """Outside art. 11 B, or full by derogation."""
    if draft.familles & _HORS_11B:
        return True
    if bsi:
        return bool(draft.familles & _PLEINS_AVEC_BSI)
    others = frozenset().union(*(d.familles for d in lettres if d is not draft))
    return (
        "supplement" in draft.familles
        or ("analgesie" in draft.familles and "pansement" in others)
        or ("surveillance_continue" in draft.familles and "longue" in others)
    )


def _half(draft: Draft, because: str) -> None:
    draft.coefficient = half_up(draft.coefficient, 2)
    draft.base_cents = times(draft.pu_cents, draft.coefficient) * draft.quantite
    draft.explain += f" ; {because}"


def _mci(w: Work, seance: Seance) -> None:
    """At home, heavy dressing, once a séance, not with the wound assessment [NGAP 23.2]. Palliative care: typed by the nurse."""
    heavy = any("lourd" in d.familles for d in seance.drafts)
    assessment = any(d.reference == "bilan-plaie" for d in seance.drafts)
    if seance.has("MCI"):
        if assessment:
            w.fault(
                "ACTES_INCOMPATIBLES",
                "acts",
                "MCI ne se cote pas avec le bilan initial de plaie (NGAP 23.2).",
                "retirez MCI",
            )
        return
    if heavy and not assessment and seance.lieu == "domicile":
        seance.add(w, "MCI", "MCI", "Pansement lourd à domicile (NGAP 23.2).")


def _mau(w: Work, seance: Seance) -> None:
    """One single AMI act of at most 1,5 [NGAP 23.1]."""
    acts = [d for d in seance.drafts if d.genre == "acte"]
    limit = w.parametre("mau_coefficient_max", seance.day)
    if len(acts) != 1 or acts[0].code != "AMI" or limit is None or acts[0].coefficient > limit:
        return
    if not seance.has("MAU", "MCI"):
        seance.add(w, "MAU", "MAU", "Un seul acte AMI, de coefficient 1,5 au plus (NGAP 23.1).")


def deplacement(w: Work, seance: Seance) -> None:
    """IFI with a daily package or the assessment of a dependent patient that day, at most four a day, else IFD [NGAP 13 A, D]."""
    today = [act for _, act in w.acts_of(seance.day)]
    if not any(a.code in (*BSI, "DI") for a in today):
        seance.add(w, "IFD", "DEPLACEMENT", "Soins à domicile : une indemnité de déplacement par séance (NGAP 13 A).")
        return
    limit = w.parametre("ifi_max_jour", seance.day)
    if limit is not None and len({a.heure for a in today if a.heure < seance.heure}) >= limit:
        w.inform("IFI_MAXIMUM", f"Plus de {limit} passages le {fr(seance.day)} : pas d'IFI de plus (NGAP 13 D).")
        return
    asked = w.ask("patients_dependants")
    others = asked if isinstance(asked, int) else 0
    because = "Patient dépendant (BSI) : IFI (NGAP 13 D)."
    if others:
        many = "s" if others > 1 else ""
        because += f" {others} autre{many} patient{many} dépendant{many} au même domicile : + 0,01 chacun."
    seance.add(w, "IFI", "DEPLACEMENT", because, coefficient=100 + others)
