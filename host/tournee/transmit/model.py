"""What came back from a fund, as values. Amounts in cents. No NIR and no name: matching uses numbers only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Nature(StrEnum):
    ARL = "ARL"  # accusé de réception logique (layout SV-SIM)
    NOEMIE = "NOEMIE"  # see Retour.reference: 580, 576, 900 …
    ART = "ART"  # text of an OCT, to be shown
    INCONNU = "INCONNU"  # kept and shown, never dropped


class Etat(StrEnum):
    """État de paiement of one share (entities 198 and 199)."""

    AUCUN = " "  # this share was not treated
    DIFFERE = "D"
    PAYE = "P"
    REJETE = "R"


@dataclass(frozen=True)
class Montants:
    """One share of one invoice."""

    demande_cents: int
    paye_cents: int  # signed
    etat: Etat


@dataclass(frozen=True)
class Rejet:
    """Entity 294 (or 290): a reject or a warning."""

    code: str  # as printed, "0250-050"
    libelle: str  # the fund's words
    niveau: str  # "F" facture, "L" ligne, "A" code affiné, "" not said
    part: str  # "O" obligatoire, "C" complémentaire, "" not said
    acte: str = ""
    date_soins: date | None = None
    numero_ligne: int = 0  # 0: not said


@dataclass(frozen=True)
class LignePayee:
    """Entity 210: one act as the fund settled it."""

    numero_ligne: int
    acte: str
    date_soins: date | None
    depense_cents: int
    base_cents: int
    taux_pct: int
    montant_cents: int  # signed
    complementaire_cents: int


@dataclass(frozen=True)
class RetourFacture:
    """What a return says of one invoice; matched by `numero_facture`, and by `numero_lot` when it is there."""

    numero_facture: str  # 9 digits
    numero_lot: str  # 3 digits, "" if not said
    date_lot: date | None
    amo: Montants | None = None
    amc: Montants | None = None
    rejets: tuple[Rejet, ...] = ()
    commentaires: tuple[str, ...] = ()
    lignes: tuple[LignePayee, ...] = ()

    @property
    def paye_cents(self) -> int:
        """Paid by this return, both shares; lines count where no share is given (reference 576)."""
        shares = [s for s in (self.amo, self.amc) if s is not None]
        if shares:
            return sum(s.paye_cents for s in shares if s.etat is Etat.PAYE)
        return sum(x.montant_cents + x.complementaire_cents for x in self.lignes)


@dataclass(frozen=True)
class Virement:
    """Entities 070/071."""

    date_virement: date | None
    libelle: str = ""
    organisme_payeur: str = ""


@dataclass(frozen=True)
class ArlLot:
    numero_lot: str
    accepte: bool
    nombre_factures: int
    total_amo_cents: int
    rejets: tuple[Rejet, ...] = ()


@dataclass(frozen=True)
class Arl:
    """Received and readable, or not; says nothing of payment."""

    accepte: bool
    compostage: str  # of the mail that is acknowledged, 19 digits
    identification_fichier: str  # of the file that is acknowledged, 6 characters
    lots: tuple[ArlLot, ...] = ()
    rejets: tuple[Rejet, ...] = ()


@dataclass(frozen=True)
class Retour:
    """One return mail, read. Everything unread is in `remarques`; the raw mail is kept by the journal."""

    nature: Nature
    reference: str  # "580", "576", "900", "ARL", "" when there is none
    simulation: bool
    description: str  # Content-Description of the mail
    emetteur: str = ""
    destinataire: str = ""
    identification_fichier: str = ""  # of the return itself
    date_creation: date | None = None
    arl: Arl | None = None
    factures: tuple[RetourFacture, ...] = ()
    virements: tuple[Virement, ...] = ()
    total_cents: int | None = None  # record 999, signed
    texte: str = ""  # ART
    remarques: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)  # the file, decompressed: holds personal data


@dataclass(frozen=True)
class CleArl:
    """What an ARL is matched by."""

    compostage: str
    identification_fichier: str


def jour(aammjj: str | None) -> date | None:
    """AAMMJJ of this century; None for zeros, blanks and days that do not exist."""
    if not aammjj or not aammjj.isdigit() or len(aammjj) != 6:
        return None
    try:
        return date(2000 + int(aammjj[:2]), int(aammjj[2:4]), int(aammjj[4:]))
    except ValueError:
        return None
