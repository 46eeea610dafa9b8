"""Rights typed from the attestation when there is no card: asked, checked, turned into a beneficiary."""

from __future__ import annotations

import re
from dataclasses import replace

from tournee.billing.identifiants import nir_valide
from tournee.billing.model import Bill, Identite, Origin
from tournee.billing.rights import Beneficiaire, Couverture, Rights
from tournee.billing.work import Work

QUESTIONS = tuple(f"patient_{x}" for x in ("nir", "nom", "prenom", "naissance", "organisme", "rang", "ald", "c2s"))
_C2S_AMO = "01"


def patient(w: Work) -> Beneficiaire | None:
    """Asks identity, NIR, fund; sets `w.rights` to the typed rights. None while something is missing."""
    nir, nom, prenom = (str(w.ask(f"patient_{x}") or "") for x in ("nir", "nom", "prenom"))
    naissance, organisme = str(w.ask("patient_naissance") or ""), str(w.ask("patient_organisme") or "")
    for question in ("patient_rang", "patient_ald", "patient_c2s"):
        w.ask(question)
    nir = nir.replace(" ", "").upper()
    if nir and not (len(nir) == 15 and nir_valide(nir[:13], nir[13:])):
        w.fault(
            "CLE_FAUSSE",
            "answers.patient_nir",
            "Le numéro de sécurité sociale est faux (15 caractères, clé de contrôle).",
            "recopiez-le depuis l'attestation",
        )
    if naissance and not re.fullmatch("[0-9]{8}", naissance):
        w.fault(
            "DATE_IMPOSSIBLE",
            "answers.patient_naissance",
            "La date de naissance s'écrit en 8 chiffres, AAAAMMJJ.",
            "recopiez-la depuis l'attestation",
        )
    if organisme and not re.fullmatch("[0-9]{9}", organisme.replace(" ", "")):
        w.fault(
            "ORGANISME",
            "answers.patient_organisme",
            "Le code du centre a 9 chiffres : régime, caisse, centre.",
            "recopiez-le depuis l'attestation",
        )
    if not all((nir, nom, prenom, naissance, organisme)):
        return None
    w.rights = completed(w.bill, w.rights)
    return w.rights.beneficiaires[0] if w.rights.beneficiaires else None


def completed(bill: Bill, rights: Rights) -> Rights:
    """The rights with what the bill's answers typed; those of a card or of ADRi stay as they are."""
    if rights.beneficiaires:
        return rights
    typed = {
        x: str(bill.value(f"patient_{x}") or "").strip() for x in ("nir", "nom", "prenom", "naissance", "organisme")
    }
    nir, organisme = typed["nir"].replace(" ", "").upper(), typed["organisme"].replace(" ", "")
    if not all(typed.values()) or len(nir) != 15 or len(organisme) != 9:
        return rights
    identite = Identite(
        nom=typed["nom"],
        prenom=typed["prenom"],
        naissance=typed["naissance"],
        rang=str(bill.value("patient_rang") or 1),
        nir_assure=nir[:13],
        cle_assure=nir[13:],
    )
    person = Beneficiaire(
        identite,
        service_amo=_C2S_AMO if bill.value("patient_c2s") is True else "",
        couvertures=(Couverture(code_ald="1"),) if bill.value("patient_ald") is True else (),
    )
    return replace(
        rights,
        regime=organisme[:2],
        caisse=organisme[2:5],
        centre=organisme[5:],
        beneficiaires=(person,),
        origin=Origin.TYPED,
    )
